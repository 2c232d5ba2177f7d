"""What is known about the streams at one moment: frozen, plain, and the same whoever says it.

``None`` means unknown, never zero. Times are seconds since the epoch by the clock of whoever told them
(the driver's for batches, ours for ``Snapshot.at``); durations are milliseconds, as Spark gives them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, Protocol

State = Literal["initializing", "processing", "waiting", "idle", "running", "finished", "failed"]
Layer = Literal[
    "driver-ui", "event-log", "metrics", "history-server", "session", "checkpoint", "yarn", "memory"
]
Code = Literal[
    "failed", "stalled", "falling-behind", "slow-batch", "state-growth", "watermark-stuck", "restarting"
]

ENDED: frozenset[State] = frozenset({"finished", "failed"})
NO_PARTS: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Application:
    """A Spark application. ``state`` is YARN's where it was asked, else RUNNING, FINISHED or UNREACHABLE."""

    id: str
    name: str | None = None
    user: str | None = None
    state: str | None = None
    waiting_for: str | None = None  # an ACCEPTED application's diagnostics
    tracking_url: str | None = None
    spark_version: str | None = None


@dataclass(frozen=True, slots=True)
class SourceProgress:
    """One source of one micro-batch. Offsets are the source's own JSON, as text."""

    description: str
    start_offset: str | None = None
    end_offset: str | None = None
    latest_offset: str | None = None
    input_rows: int | None = None
    lag: int | None = None  # rows (Kafka: records) between end and latest


@dataclass(frozen=True, slots=True)
class Batch:
    """One micro-batch that is over. ``at`` (its trigger's start, the driver's clock) tells batches apart."""

    at: float
    id: int | None = None
    input_rows: int | None = None
    input_rows_per_second: float | None = None
    processed_rows_per_second: float | None = None
    duration_ms: float | None = None  # the whole trigger
    parts_ms: Mapping[str, float] = field(
        default_factory=lambda: NO_PARTS
    )  # addBatch, queryPlanning, walCommit …
    watermark: float | None = None
    state_rows: int | None = None
    state_bytes: int | None = None
    lag: int | None = None  # rows that waited in its sources when it was planned


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with a query: a sentence with its numbers, and since when (seconds since the epoch)."""

    code: Code
    evidence: str
    since: float


@dataclass(frozen=True, slots=True)
class StreamingQuery:
    """One run of a query. The numbers are those of the last batch that some layer told whole.

    ``state`` is None while nothing that knows it answers. ``batches`` is the bounded history, oldest first.
    ``runs`` are the starts (seconds since the epoch) of earlier runs of the same ``id`` that may have failed,
    oldest first; ``ended_well`` is True where it is certain that this one has ended, and did not fail.
    """

    application: str
    run_id: str
    id: str | None = None
    name: str | None = None
    state: State | None = None
    batch_id: int | None = None
    input_rows: int | None = None
    input_rows_per_second: float | None = None
    processed_rows_per_second: float | None = None
    batch_duration_ms: float | None = None
    duration_ms: Mapping[str, float] = field(default_factory=lambda: NO_PARTS)
    watermark: float | None = None
    state_rows: int | None = None
    state_bytes: int | None = None
    sources: tuple[SourceProgress, ...] = ()
    exception: str | None = None
    started_at: float | None = None
    seen_in: tuple[Layer, ...] = ()
    health: tuple[Finding, ...] = ()
    batches: tuple[Batch, ...] = ()
    runs: tuple[float, ...] = ()
    ended_well: bool | None = None
    quiet_since: float | None = None  # by our clock: when its last batch ended, or was seen to have ended

    @property
    def ended(self) -> bool:
        """Whether it is known to be over."""
        return self.state in ENDED


@dataclass(frozen=True, slots=True)
class Problem:
    """A source that could not be read, or not whole: a line for a pane, never an exception."""

    source: str
    message: str


@dataclass(frozen=True, slots=True)
class Observation:
    """What one layer said at one poll: all that it knows, except that ``batches`` may be only what is new.

    ``drivers`` are URLs of driver UIs that it learned of and that should be watched as well.
    """

    layer: Layer
    where: str
    at: float
    applications: tuple[Application, ...] = ()
    queries: tuple[StreamingQuery, ...] = ()
    problems: tuple[Problem, ...] = ()
    drivers: tuple[str, ...] = ()
    answered: bool = True  # False: keep what was known, but as the past


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything known at ``at``, unhealthy or not, in a stable order."""

    at: float
    applications: tuple[Application, ...] = ()
    queries: tuple[StreamingQuery, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def unhealthy(self) -> tuple[StreamingQuery, ...]:
        """The queries with at least one finding."""
        return tuple(query for query in self.queries if query.health)


@dataclass(frozen=True, slots=True)
class Focus:
    """What somebody is looking at: sources may ask more about these runs than about the others."""

    runs: frozenset[str] = field(default_factory=frozenset)
    everything: bool = False


class Source(Protocol):
    """Something that can be asked, again and again, what it knows. Used by one thread at a time."""

    @property
    def layer(self) -> Layer:
        """Which layer it is."""

    @property
    def where(self) -> str:
        """The URL or path it reads; tells sources apart."""

    def poll(self, now: float, focus: Focus) -> Observation:
        """Ask once. What goes wrong is a Problem in the answer; an exception is a defect of the source."""

    def close(self) -> None:
        """Let go of connections and files."""
