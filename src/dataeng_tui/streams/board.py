"""What every source said last, and the one picture that it makes."""

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace

from dataeng_tui.streams.merge import Part, merge_application, merge_batches, merge_query
from dataeng_tui.streams.snapshot import (
    Application,
    Batch,
    Finding,
    Observation,
    Problem,
    Snapshot,
    StreamingQuery,
)

# A query, the time by our clock, what was found the last time -> what is wrong now.
Judge = Callable[[StreamingQuery, float, tuple[Finding, ...]], tuple[Finding, ...]]


# Between two judgements of a query about which nothing has changed but the time, in seconds.
_JUDGED_EVERY = 10.0


@dataclass(frozen=True, slots=True)
class _Shown:
    """A query as it was shown last, what it was made of, and when it was judged."""

    query: StreamingQuery
    merged: StreamingQuery
    judged_at: float


class Board:
    """Takes observations in, gives snapshots out. Not thread-safe: its owner holds the lock.

    ``history``: batches kept a run. ``forget_after``: seconds for which runs that nobody lists any more, and
    applications that do not answer, are still shown.
    """

    def __init__(self, judge: Judge, history: int = 100, forget_after: float = 3600.0) -> None:
        self._judge = judge
        self._history = history
        self._forget_after = forget_after
        self._said: dict[str, Observation] = {}
        self._heard: dict[str, float] = {}
        self._parts: dict[str, dict[str, Part]] = defaultdict(dict)  # run -> where -> part
        self._ranked: dict[str, tuple[tuple[int, Batch], ...]] = {}  # run -> (rank of the layer, batch)
        self._batches: dict[str, tuple[Batch, ...]] = {}
        self._merged: dict[str, StreamingQuery] = {}
        self._gone: dict[str, float] = {}
        self._moved: dict[str, tuple[tuple[object, ...], float]] = {}
        self._shown: dict[str, _Shown] = {}
        self._remembered: dict[str, tuple[float, ...]] = {}  # query id -> starts of its runs

    def accept(self, observation: Observation) -> None:
        """Take in what a source said; what it said before no longer holds."""
        before = self._said.get(observation.where)
        if not observation.answered and before is not None:
            observation = replace(
                observation, applications=_unreachable(before.applications), queries=before.queries
            )
        else:
            self._heard[observation.where] = observation.at
        bare = tuple(replace(query, batches=()) if query.batches else query for query in observation.queries)
        self._said[observation.where] = replace(observation, queries=bare)
        listed = {query.run_id for query in bare}
        for query in before.queries if before else ():
            if query.run_id not in listed:
                self._leave(query, observation)
        for query, told in zip(bare, observation.queries, strict=True):
            self._put(query, told.batches, observation)

    def unanswered(self, among: frozenset[str]) -> tuple[Problem, ...]:
        """What is wrong with the sources, of those ``among``, that did not answer the last time."""
        silent = (said for where, said in self._said.items() if where in among and not said.answered)
        return tuple(problem for said in silent for problem in said.problems)

    def recall(self, remembered: StreamingQuery) -> None:
        """Batches of a run, and starts of its query's runs, that were seen before this program began."""
        run = remembered.run_id
        if run in self._parts:
            known = self._ranked.get(run, ())
            self._ranked[run] = merge_batches(known, "memory", remembered.batches, self._history)
            self._batches[run] = tuple(batch for _, batch in self._ranked[run])
            self._merged.pop(run, None)
            if remembered.id:
                self._remembered[remembered.id] = remembered.runs

    def snapshot(self, now: float) -> Snapshot:
        """Everything, merged and judged."""
        self._sweep(now)
        applications = self._applications()
        queries = self._latest_runs(now)
        queries.sort(
            key=lambda query: (query.application, query.name is None, query.name or "", query.run_id)
        )
        problems = tuple(dict.fromkeys(problem for said in self._said.values() for problem in said.problems))
        return Snapshot(now, applications, tuple(queries), problems)

    def _put(self, query: StreamingQuery, batches: tuple[Batch, ...], observation: Observation) -> None:
        run = query.run_id
        part = Part(observation.layer, query, observation.answered)
        if batches:
            known = self._ranked.get(run, ())
            self._ranked[run] = merge_batches(known, observation.layer, batches, self._history)
            self._batches[run] = tuple(batch for _, batch in self._ranked[run])
        elif self._parts[run].get(observation.where) == part:
            return
        self._parts[run][observation.where] = part
        self._gone.pop(run, None)
        self._forget_merged(query)

    def _forget_merged(self, query: StreamingQuery) -> None:
        self._merged.pop(query.run_id, None)
        if query.id == query.run_id:  # of no run in particular: of each one of that query
            for run in [run for run, merged in self._merged.items() if merged.id == query.id]:
                del self._merged[run]

    def _leave(self, query: StreamingQuery, observation: Observation) -> None:
        """The source lists the run no more: keep it, as the past, until it is forgotten."""
        parts = self._parts.get(query.run_id, {})
        if observation.where in parts:
            parts[observation.where] = replace(parts[observation.where], answered=False)
            self._forget_merged(query)
        if not any(part.answered for part in parts.values()):
            self._gone.setdefault(query.run_id, observation.at)

    def _sweep(self, now: float) -> None:
        for run, since in list(self._gone.items()):
            if now - since > self._forget_after:
                self._drop(run)
        for where, said in list(self._said.items()):
            if not said.answered and now - self._heard.get(where, now) > self._forget_after:
                self._said[where] = replace(said, applications=(), queries=())
                for query in said.queries:
                    self._leave(query, said)

    def _drop(self, run: str) -> None:
        for kept in (
            self._parts,
            self._ranked,
            self._batches,
            self._merged,
            self._gone,
            self._moved,
            self._shown,
        ):
            kept.pop(run, None)

    def _applications(self) -> tuple[Application, ...]:
        merged: dict[str, Application] = {}
        for said in sorted(self._said.values(), key=lambda said: (said.layer != "yarn", said.where)):
            for application in said.applications:
                merged[application.id] = merge_application(merged.get(application.id), application)
        return tuple(sorted(merged.values(), key=lambda application: application.id))

    def _query(self, run: str) -> StreamingQuery:
        if run not in self._merged:
            parts, batches = list(self._parts[run].values()), self._batches.get(run, ())
            merged = merge_query(parts, batches)
            if merged.id != run and merged.id in self._parts:
                # A checkpoint knows the query but no run: what it says is of the one that writes there.
                merged = merge_query([*parts, *self._parts[merged.id].values()], batches)
            self._merged[run] = merged
        return self._merged[run]

    def _latest_runs(self, now: float) -> list[StreamingQuery]:
        """The newest run of each query id; the earlier ones are its ``runs``."""
        by_id: dict[str, list[StreamingQuery]] = defaultdict(list)
        for run in self._parts:
            query = self._merged.get(run) or self._query(run)
            by_id[query.id or query.run_id].append(query)
        newest = []
        for runs in by_id.values():
            if len(runs) > 1:
                runs = [run for run in runs if run.run_id != run.id]
                runs.sort(key=_last_heard)
            alone = len(runs) == 1 and runs[0].id not in self._remembered
            newest.append(self._judged(runs[-1], () if alone else self._starts(runs), now))
        return newest

    def _starts(self, runs: list[StreamingQuery]) -> tuple[float, ...]:
        """When earlier runs began that may have failed, those remembered too, oldest first."""
        *before, last = runs
        known = {int(run.started_at): run.started_at for run in before if run.started_at is not None}
        if last.id is not None and last.started_at is not None:
            # Remembered to the second, and the last run itself among them.
            for at in self._remembered.get(last.id, ()):
                if at < int(last.started_at):
                    known.setdefault(int(at), at)
        for run in before:
            if run.ended_well and run.started_at is not None:
                del known[int(run.started_at)]
        return tuple(known[second] for second in sorted(known))

    def _judged(self, merged: StreamingQuery, starts: tuple[float, ...], now: float) -> StreamingQuery:
        """``merged`` with its findings; the very object of the last time where nothing has changed."""
        held = self._shown.get(merged.run_id)
        recent = held is not None and abs(now - held.judged_at) < _JUDGED_EVERY and held.query.runs == starts
        if held is not None and recent and held.merged is merged:
            return held.query
        found = held.query.health if held else ()
        query = replace(merged, runs=starts, quiet_since=self._quiet_since(merged, now), health=found)
        judged_at = now
        if held is not None and recent and _same_history(held.merged, merged):
            judged_at = held.judged_at
        elif (now_found := self._judge(query, now, found)) != found:
            query = replace(query, health=now_found)
        if held is not None and query == held.query:
            query = held.query
        self._shown[merged.run_id] = _Shown(query, merged, judged_at)
        return query

    def _quiet_since(self, query: StreamingQuery, now: float) -> float:
        """When it last moved, by our clock: at first as a layer told it, from then on as it was seen."""
        mark = (query.batch_id, query.batches[-1].at if query.batches else None, query.state == "idle")
        before = self._moved.get(query.run_id)
        if before is None or before[0] != mark:
            told = query.quiet_since if before is None or before[0][1] is None else None
            self._moved[query.run_id] = (mark, now if told is None else min(told, now))
        elif before[1] > now:  # our clock was set back
            self._moved[query.run_id] = (mark, now)
        return self._moved[query.run_id][1]


def _last_heard(query: StreamingQuery) -> tuple[float, bool]:
    """What tells which of a query's runs is the newest: Spark lets no two of them run at once."""
    lives = query.state is not None and not query.ended
    told = max(query.started_at or 0.0, query.batches[-1].at if query.batches else 0.0)
    return int(told) or (math.inf if lives else 0), lives  # pages tell a start to the second


def _same_history(one: StreamingQuery, other: StreamingQuery) -> bool:
    return one.batches is other.batches and one.state == other.state and one.exception == other.exception


def _unreachable(applications: tuple[Application, ...]) -> tuple[Application, ...]:
    return tuple(replace(application, state="UNREACHABLE") for application in applications)
