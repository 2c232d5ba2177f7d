"""The measures by name: apart from the arithmetic, as a screen knows them before it has any figure."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Measure:
    """A way to tell how much was worked after hours, its one sentence, and that in less than 60 letters."""

    name: str
    title: str
    sentence: str
    brief: str


MEASURES: Final = (
    Measure(
        "slots",
        "Slots",
        "15 minutes for each quarter of an hour outside your working hours in which you started a statement.",
        "15 min for each quarter-hour off work with a statement",
    ),
    Measure(
        "sessions",
        "Sessions",
        "Runs of your statements with pauses of at most 60 minutes, from first to last start, "
        "the part outside your working hours.",
        "runs with pauses of up to 60 min, the part off work",
    ),
    Measure(
        "blog",
        "Blog, as written",
        "From the first to the last statement after 17:59 of a calendar day, whoever ran it: quiet "
        "between counts, early mornings, weekends by day and work past midnight do not.",
        "first to last statement after 17:59, machines and all",
    ),
    Measure(
        "corrected",
        "Blog, corrected",
        "From your first to your last statement of each stretch outside your working hours, past midnight "
        "too and without machines; quiet between them still counts.",
        "first to last statement of each stretch off work",
    ),
)
