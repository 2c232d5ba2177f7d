"""Which field of which event the tables no longer tell: change it a little, and see whether a row differs."""

import time
from collections.abc import Callable, Mapping

from dataeng_tui.replay.footprint import Footprints
from dataeng_tui.replay.guard import OutOfTime
from dataeng_tui.replay.reference import Reference
from dataeng_tui.replay.scenario import Scenario, Value
from dataeng_tui.replay.states import States
from dataeng_tui.replay.verdict import Forgotten


def forgotten_fields(
    states: States, reference: Reference, scenario: Scenario, until: float
) -> tuple[Forgotten, ...]:
    """The fields whose change shows in no table after the whole log. Raises OutOfTime past ``until``."""
    log = [event for event, first in enumerate(scenario.messages) if event == first]
    beside = _neighbours(states.footprints, log)
    found = []
    for event in log:
        fields = scenario.events[event].fields
        for name, value in fields.items():
            if time.perf_counter() > until:
                raise OutOfTime
            changed = {**fields, name: nearby(value)}
            together = beside(event, changed)
            place = together.index(event)
            states.go(reference.state(_set(together[:place])))
            rest = [scenario.events[later].fields for later in together[place + 1 :]]
            if states.deliver_all([changed, *rest]) == reference.state(_set(together)):
                found.append(Forgotten(event + 1, name))
    return tuple(found)


def _neighbours(
    footprints: Footprints | None, log: list[int]
) -> Callable[[int, Mapping[str, Value]], list[int]]:
    """What has to be delivered, in the log's order, to see what an event does with other fields."""
    if footprints is None or len(log) < len(footprints.events):
        return lambda event, fields: log
    group = {event: members for members in footprints.components() for event in members}
    owner = {place: event for event in log for place in footprints.events[event]}

    def beside(event: int, fields: Mapping[str, Value]) -> list[int]:
        met = {owner[place] for place in footprints.of_event(fields) if place in owner}
        return sorted({other for one in (event, *met) for other in group[one]})

    return beside


def nearby(value: Value) -> Value:
    """Another value of the same kind, as near as can be: a date stays a date."""
    if isinstance(value, int):
        return value + 1 if value < 2**63 - 1 else value - 1
    if isinstance(value, float):
        return value + 1.0 if value + 1.0 != value else value / 2
    if isinstance(value, str) and value and value[-1] in "0123456789":
        return value[:-1] + ("8" if value[-1] == "9" else str(int(value[-1]) + 1))
    return f"{value}~" if isinstance(value, str) else "~"


def _set(events: list[int]) -> int:
    return sum(1 << event for event in events)
