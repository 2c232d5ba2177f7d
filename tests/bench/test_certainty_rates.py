"""How often a step in 52 weeks is found, and how often one is seen where there is none.

``pytest -m bench -s tests/bench/test_certainty_rates.py`` prints the table. The weeks are made up: a person
of about 4 h a week with a spread of 2 h (gamma, in quarter hours), the step at a place between a quarter and
three quarters of the year. "drifting" lets each week carry 0.3 of the last one's deviation over, which the
test does not assume.
"""

import random

import pytest

from dataeng_tui.after_hours.steps import strongest_step

ROUNDS = 1000
CARRIED = 0.3
NEAR = 6  # weeks


def year(rng: random.Random, step: float, carried: float) -> tuple[list[float], int]:
    """52 weeks of hours and the index of the first one ``step`` hours higher."""
    place = rng.randint(13, 39)
    hours, deviation = [], 0.0
    for week in range(52):
        fresh = rng.gammavariate(4.0, 1.0) - 4.0
        deviation = carried * deviation + (1 - carried**2) ** 0.5 * fresh
        level = 4.0 + deviation + (step if week >= place else 0.0)
        hours.append(max(0, round(level * 4)) / 4)
    return hours, place


def rate(step: float, carried: float) -> float:
    """The part of the years in which a step is found: any at all, or a rise near the one made."""
    rng = random.Random(f"{step} {carried}")
    found = 0
    for _ in range(ROUNDS):
        hours, place = year(rng, step, carried)
        seen = strongest_step(hours)
        found += seen is not None and (step == 0 or (seen.rise > 0 and abs(seen.index - place) <= NEAR))
    return found / ROUNDS


@pytest.mark.bench
def test_detection_rates() -> None:
    table = {carried: [rate(step, carried) for step in (0, 1.5, 2.5, 4)] for carried in (0.0, CARRIED)}
    print("\nweeks         false alarm   +1.5 h   +2.5 h     +4 h")
    for carried, rates in table.items():
        print(f"{'drifting' if carried else 'independent':12}", *(f"{rate:10.1%}" for rate in rates))
    false, small, middle, large = table[0.0]
    assert false <= 0.01 + 0.01
    assert table[CARRIED][0] <= 0.08
    assert small >= 0.18
    assert middle >= 0.7
    assert large >= 0.95
