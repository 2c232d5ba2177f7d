"""A proof without delivered sets, for logs that have too many of them: deliveries that commute.

If any two deliveries lead to the same rows in either order, and one of them twice to the same rows as once,
then the rows after any schedule depend on the delivered set alone. Both need to be tried only on what a
delivery can touch: its *places*, each with every content that deliveries may give it, in all combinations.
Some combinations may never occur, so that nothing follows where it does not hold: the search goes on.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence, Set
from dataclasses import dataclass
from functools import cache
from itertools import combinations, product
from math import prod
from operator import add, itemgetter
from typing import Protocol

from dataeng_tui.errors import UserError
from dataeng_tui.replay.guard import OutOfTime
from dataeng_tui.replay.pieces import Column, Pieces
from dataeng_tui.replay.reference import Deliveries

MOST = 200_000  # deliveries tried, so that what is remembered of them stays within some 100 MB
LOOK = 64  # deliveries, or pairs, between two looks at the clock
SHARE = 64  # times the square of the events: what may be tried of few of them

Place = Hashable
Look = Callable[[], None]
Parts = tuple[int, ...]  # what lies in each of an event's places, as a part of a state
Leads = dict[Parts, tuple[Parts, Parts]]  # where an event leads from there, and what it adds to sums
SLOT = 64 * 2_000  # bits for a place's sums: SQLite has no more columns


class Ground(Deliveries, Protocol):
    """As much of the states as the proof needs."""

    @property
    def pieces(self) -> Pieces:
        """What takes the states apart."""
        ...

    @property
    def events(self) -> Sequence[int]:
        """The events' numbers in the scenario."""
        ...

    def recover(self) -> None:
        """Undo what a statement stopped in the middle has left."""


def commute(states: Ground, messages: Sequence[int], look: Look, *, once: bool) -> tuple[int, int] | None:
    """How many contents of places and deliveries a proof took, or None where there is none.

    ``messages``: for each event the first one of the same message, which has to do the same. ``once``: no
    event comes twice, so that nothing is asked of one that does. ``look`` is called now and then and raises
    OutOfTime; another call goes on from there.
    """
    attempts: dict[Hashable, _Attempt] = states.pieces.attempts
    for again in (True, False) if once else (True,):
        key = (tuple(states.events), tuple(messages), again)
        if key not in attempts:
            attempts[key] = _Attempt(states, messages, again=again)
        if attempts[key].proved(look):
            return attempts[key].contents, attempts[key].tried
    return None


class _Attempt:
    """A proof as far as it has come, column by column."""

    def __init__(self, states: Ground, messages: Sequence[int], *, again: bool) -> None:
        places = [tuple(states.pieces.places(event)) for event in states.events]
        users = Counter(place for each in places for place in each)
        shared = {place for place, count in users.items() if count > 1}
        columns = {column for place in shared for column in states.pieces.columns(place)}
        one_by_one: list[Column | None] = [*sorted(columns)] or [None]
        self.states = states
        self.failed = not again and any(first != event for event, first in enumerate(messages))
        self.contents = self.tried = 0
        self.left = [
            _Proof(states, messages, places, shared, again, followed, held=len(columns) > 1)
            for followed in one_by_one
        ]

    def proved(self, look: Look) -> bool:
        """Whether it is done; where it is neither that nor failed it goes on."""
        try:
            while self.left and not self.failed:
                proof = self.left[-1]
                self.failed = not (proof.explored(look) and proof.holds(look))
                if not self.failed:
                    self.left.pop()
                    self.contents, self.tried = self.contents + proof.size, self.tried + proof.tried
        except UserError:  # in a combination that may never occur
            self.failed = True
            self.states.recover()
        except OutOfTime:
            self.states.recover()
        return not (self.left or self.failed)


@dataclass
class _Proof:
    """What is known of the events and their places, as it is found out.

    ``again``: an event may come again. ``followed`` is the column that is followed; ``held``: others are held
    still.
    """

    states: Ground
    messages: Sequence[int]
    places: Sequence[tuple[Place, ...]]
    shared: Set[Place]
    again: bool
    followed: Column | None
    held: bool
    tried: int = 0

    def __post_init__(self) -> None:
        self.contents: dict[Place, list[int]] = {place: [0] for places in self.places for place in places}
        self.leads: list[Leads] = [{} for _ in self.messages]
        self._order = {place: number for number, place in enumerate(self.contents)}
        self._own: list[list[Parts]] = []  # by event: all that may lie in the places of no other event
        self._lift = cache(self._lifted)

    @property
    def size(self) -> int:
        """Contents of places, all together."""
        return sum(map(len, self.contents.values()))

    def explored(self, look: Look) -> bool:
        """Whether every event was tried on all that its places may hold; no: there is too much of it."""
        room = min(MOST, SHARE * len(self.messages) ** 2)
        known = -1
        while known != self.tried:
            known = self.tried
            for event, leads in enumerate(self.leads):
                for pieces in product(*(self.contents[place] for place in self.places[event])):
                    if pieces in leads:
                        continue
                    if self.tried >= room:
                        return False
                    if self.tried % LOOK == 0:
                        look()
                    found = self._tried(event, pieces)
                    if found is None:
                        return False
                    leads[pieces] = found
            if not self._same_again():
                return False
        return True

    def _tried(self, event: int, pieces: Parts) -> tuple[Parts, Parts] | None:
        self.tried += 1
        self.states.go(sum(pieces))
        after, refused = self.states.deliver(event)
        if refused and self.held:  # it might depend on what is held
            return None
        found, cut = [], self.states.pieces
        for place in self.places[event]:
            if place in self.shared:
                piece = cut.level(after, place, self.followed)
            else:
                piece = cut.piece(after, place), 0
            if piece is None:
                return None
            found.append(piece)
            if piece[0] not in self.contents[place]:
                self.contents[place].append(piece[0])
        return tuple(piece for piece, _ in found), tuple(added for _, added in found)

    def _same_again(self) -> bool:
        """Whether no event does anything a second time, as far as it was tried."""
        return not self.again or all(
            leads[after] == (after, (0,) * len(after))
            for leads in self.leads
            for after, _ in leads.values()
            if after in leads
        )

    def holds(self, look: Look) -> bool:
        """Whether all commute, and copies of a message do the same."""
        for event, first in enumerate(self.messages):
            if self.places[first] != self.places[event] or self.leads[first] != self.leads[event]:
                return False
        self._own = [
            list(product(*(self.contents[place] for place in places if place not in self.shared)))
            for places in self.places
        ]
        for number, (one, other) in enumerate(combinations(range(len(self.messages)), 2)):
            if number % LOOK == 0:
                look()
            if not (set(self.places[one]).isdisjoint(self.places[other]) or self._commute(one, other)):
                return False
        return True

    def _commute(self, one: int, other: int) -> bool:
        touched = dict.fromkeys(self.places[one] + self.places[other])
        both = tuple(
            sorted((place for place in touched if place in self.shared), key=self._order.__getitem__)
        )
        mine, theirs = len(self._own[one]), len(self._own[other])
        size = prod(len(self.contents[place]) for place in both) * mine * theirs
        if size == 1 or size > MOST:
            return size == 1
        first, first_adds = self._lift(one, both, 1, theirs)
        second, second_adds = self._lift(other, both, mine, 1)
        then_second, then_first = itemgetter(*first), itemgetter(*second)
        return then_second(second) == then_first(first) and (
            not (any(first_adds) or any(second_adds))
            or list(map(add, first_adds, then_second(second_adds)))
            == list(map(add, second_adds, then_first(first_adds)))
        )

    def _lifted(self, event: int, both: tuple[Place, ...], before: int, after: int) -> tuple[Parts, Parts]:
        """Where the event leads, and what it adds, from all that a pair of events can find.

        That is numbered: ``before`` contents of another event's own places, this one's, ``after`` of
        another's, and those of the places in ``both``.
        """
        own = {pieces: number for number, pieces in enumerate(self._own[event])}
        rows = product(*(self.contents[place] for place in both))
        together = {pieces: number for number, pieces in enumerate(rows)}
        steps = [[self._step(event, both, mine, found) for found in together] for mine in own]
        leads, adds = [], []
        for other_before, by_rows, other_after in product(range(before), steps, range(after)):
            for mine, found, added in by_rows:
                place = (other_before * len(own) + own[mine]) * after + other_after
                leads.append(place * len(together) + together[found])
                adds.append(added)
        return tuple(leads), tuple(adds)

    def _step(
        self, event: int, both: tuple[Place, ...], mine: Parts, found: Parts
    ) -> tuple[Parts, Parts, int]:
        """Where the event leads from its own places' contents and those of ``both``, and all that it adds."""
        here, own = dict(zip(both, found, strict=True)), iter(mine)
        places = self.places[event]
        pieces = tuple(here[place] if place in here else next(own) for place in places)
        after, added = self.leads[event][pieces]
        mine = tuple(piece for place, piece in zip(places, after, strict=True) if place not in here)
        here |= {place: piece for place, piece in zip(places, after, strict=True) if place in here}
        total = sum(
            amount << SLOT * both.index(place) for place, amount in zip(places, added, strict=True) if amount
        )
        return mine, tuple(here.values()), total
