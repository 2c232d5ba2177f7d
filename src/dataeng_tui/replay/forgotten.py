"""Which field of which event the tables no longer tell: change it a little, and see whether a row differs."""

import time

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
    found = []
    whole = reference.state(_set(log))
    for place, event in enumerate(log):
        start = reference.state(_set(log[:place]))
        rest = [scenario.events[later].fields for later in log[place + 1 :]]
        for name, value in scenario.events[event].fields.items():
            if time.perf_counter() > until:
                raise OutOfTime
            states.go(start)
            changed = {**scenario.events[event].fields, name: nearby(value)}
            if states.deliver_all([changed, *rest]) == whole:
                found.append(Forgotten(event + 1, name))
    return tuple(found)


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
