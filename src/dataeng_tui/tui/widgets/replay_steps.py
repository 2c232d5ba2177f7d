"""The timeline: what happened to the consumer, a stop for each step, and where one is."""

from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.widget import Widget

from dataeng_tui.replay.sandbox import Scene
from dataeng_tui.replay.schedule import Step
from dataeng_tui.text import clean

GAP = 9  # cells from one stop to the next


class Steps(Widget):
    """Three lines: the stops, the events' numbers under them, and the step in words."""

    class Chosen(Message):
        """Somebody clicked on a stop."""

        def __init__(self, at: int) -> None:
            super().__init__()
            self.at = at

    def __init__(self, id: str) -> None:
        super().__init__(id=id, classes="part")
        self.border_title = "Timeline"
        self._scene: Scene | None = None
        self._at = 0
        self._playing = False

    def show(self, scene: Scene | None, at: int, playing: bool) -> None:
        """Stand at position ``at`` of ``scene``."""
        if (scene, at, playing) != (self._scene, self._at, self._playing):
            self._scene, self._at, self._playing = scene, at, playing
            self.refresh()

    def render(self) -> Content:
        scene = self._scene
        if scene is None:
            return Content.styled("nothing is open", "$text-muted")
        stops = [("○", "start"), *(_stop(scene, at) for at in range(1, len(scene.steps) + 1))]
        first = self._first(len(stops))
        last = first + max(self.size.width // GAP, 1)
        above, below = [], []
        for at, (sign, label) in enumerate(stops[first:last], first):
            style = "bold reverse $accent" if at == self._at else "bold" if at < self._at else "$text-muted"
            line = "━" if at < self._at else "─"
            tail = line * (GAP - 3) if at + 1 < len(stops) else ""
            if scene.parts is not None and at == scene.parts:
                tail = "  ┃ " + " " * (GAP - 7)
            above += [(f" {sign} ", style), (tail, "" if at < self._at else "$text-muted")]
            mark = f"▲{label}" if at == self._at else f" {label}"
            below.append((f"{mark:<{GAP}}"[:GAP], "bold $accent" if at == self._at else "$text-muted"))
        return Content("\n").join((Content.assemble(*above), Content.assemble(*below), self._sentence(scene)))

    def _first(self, stops: int) -> int:
        room = max(self.size.width // GAP, 1)
        return max(0, min(self._at - room // 2, stops - room))

    def _sentence(self, scene: Scene) -> Content:
        side = ""
        if scene.parts is not None:
            side = "with the fault" if self._at <= scene.parts else "the same events without it"
        state = "▶ " if self._playing else ""
        return Content.assemble(
            (f"{self._at}/{len(scene.steps)} ", "$text-muted"),
            (state, "bold $success"),
            (f"{side}: " if side else "", "bold $primary"),
            clean(scene.sentence(self._at), 200),
        )

    def on_click(self, event: Click) -> None:
        """Go to the stop under the mouse."""
        scene, inside = self._scene, event.get_content_offset(self)
        if scene is not None and inside is not None and inside.y < 2:
            at = self._first(len(scene.steps) + 1) + inside.x // GAP
            if at <= len(scene.steps):
                self.post_message(self.Chosen(at))


def _stop(scene: Scene, at: int) -> tuple[str, str]:
    """The sign and the label of the stop after step ``at``."""
    step: Step = scene.steps[at - 1]
    number = step.event + 1
    side = (
        scene.steps[: at - 1]
        if scene.parts is None or at <= scene.parts
        else scene.steps[scene.parts : at - 1]
    )
    match step.kind:
        case "crash":
            return "✖", "dies"
        case "rewind":
            return "◀", f"to {number}"
        case "transaction" if step.transaction:
            return "●", f"{number}·{step.transaction + 1}"
    again = any(other.starts_delivery and other.event == step.event for other in side)
    part = f"{number}·1" if step.kind == "transaction" else f"{number}"
    return ("↻", f"{part} again") if again else ("●", part)
