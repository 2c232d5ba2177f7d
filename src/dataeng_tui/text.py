"""Foreign strings: names, exceptions and tags that somebody else wrote."""

import re
import unicodedata

# CSI and OSC sequences go whole, so that "\x1b[31mred" leaves "red" and not "[31mred".
_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])|\x9b[0-?]*[ -/]*[@-~]"
)
# Bidirectional overrides can make a line read as something else.
_HARMFUL = {"Cc", "Cs", "Co", "Cn"}
_BIDI = {chr(c) for c in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C, 0xFEFF)}


def clean(value: object, limit: int = 10_000, *, lines: bool = False) -> str:
    """``value`` as text that is safe to print: no escapes, control characters or overrides of direction.

    At most ``limit`` characters, the cut marked by an ellipsis; line breaks become spaces unless ``lines``.
    """
    raw = str(value)
    cut = len(raw) > limit
    raw = _ESCAPES.sub("", raw[:limit])
    if raw.isascii() and raw.isprintable():
        return raw + "…" if cut else raw
    out = []
    for char in raw.replace("\r\n", "\n"):
        if char == "\n" and lines:
            out.append(char)
        elif char in "\n\r\t":
            out.append(" ")
        elif char not in _BIDI and unicodedata.category(char) not in _HARMFUL:
            out.append(char)
    return "".join(out) + ("…" if cut else "")
