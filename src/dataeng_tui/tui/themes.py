"""Themes, and the colours that mean something.

The palettes are ordered by lightness, so that they are read right by the colour-blind and in grey; a cell
is told in words as well, never by colour alone.
"""

from typing import Final

from textual.theme import Theme

# Five steps from little to much, after "nothing"; each theme gives them as variables, $heat-0 … $heat-5.
HEAT_DARK: Final = ("#20242c", "#3b3054", "#6b3a72", "#a8476f", "#e0695a", "#fbb65c")
HEAT_LIGHT: Final = ("#eceff3", "#fbd9a0", "#f2a35e", "#d76a57", "#a03f6b", "#57235c")


def _variables(heat: tuple[str, ...]) -> dict[str, str]:
    return {f"heat-{step}": colour for step, colour in enumerate(heat)}


def _track(colour: str) -> dict[str, str]:
    """A scrollbar's track, as quiet as what it stands on."""
    return {f"scrollbar-{part}": colour for part in ("background", "background-hover", "background-active")}


DARK: Final = Theme(
    name="dataeng-dark",
    dark=True,
    primary="#5cc8ff",
    secondary="#b79cff",
    accent="#fbb65c",
    success="#4fd1a5",
    warning="#f2c14e",
    error="#ff7a70",
    foreground="#d7dce4",
    background="#12151b",
    surface="#171b22",
    panel="#20252e",
    boost="#262c37",
    variables={
        **_variables(HEAT_DARK),
        "border": "#303743",
        "scrollbar": "#3d4654",
        "scrollbar-hover": "#566174",
        "scrollbar-active": "#5cc8ff",
        **_track("#171b22"),
        "text-muted": "#8b95a5",
        "block-cursor-background": "#2f4a63",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-text-style": "none",
        "footer-key-foreground": "#5cc8ff",
    },
)
LIGHT: Final = Theme(
    name="dataeng-light",
    dark=False,
    primary="#005f9e",
    secondary="#6a3fb5",
    accent="#a04a00",
    success="#00704a",
    warning="#7a5600",
    error="#b3261e",
    foreground="#1d2430",
    background="#fbfcfd",
    surface="#ffffff",
    panel="#eef1f5",
    boost="#e4e9f0",
    variables={
        **_variables(HEAT_LIGHT),
        "border": "#c3cbd6",
        "scrollbar": "#b3bdca",
        "scrollbar-hover": "#8f9bac",
        "scrollbar-active": "#005f9e",
        **_track("#f3f5f8"),
        "text-muted": "#5a6573",
        "block-cursor-background": "#cfe6f7",
        "block-cursor-foreground": "#0b1a28",
        "block-cursor-text-style": "none",
        "footer-key-foreground": "#005f9e",
    },
)
OURS: Final = (DARK, LIGHT)
# What `t` goes through; any other theme of Textual's can be had by name.
CYCLE: Final = (
    "dataeng-dark",
    "dataeng-light",
    "textual-dark",
    "nord",
    "gruvbox",
    "solarized-light",
    "ansi-dark",
    "ansi-light",
)


def heat(variables: dict[str, str], dark: bool) -> tuple[str, ...]:
    """The six steps of the theme in force (``variables``: ``App.theme_variables``); other themes get ours.

    Whether a theme is ``dark`` its colours need not tell: a terminal's own have only names.
    """
    fallback = HEAT_DARK if dark else HEAT_LIGHT
    return tuple(variables.get(f"heat-{step}", fallback[step]) for step in range(6))
