"""The few lines of a Spark event log that concern streams, out of the many that do not, at memory speed."""

# Spark writes the event's name first, from 3.0 to 4.x, so a line is told by how it starts; parsing every
# line would cost some fifty times as much. JobStart tells which batch is in flight.
STREAMING = b'{"Event":"org.apache.spark.sql.streaming.StreamingQueryListener$Query'
JOB_START = b'{"Event":"SparkListenerJobStart"'
APPLICATION = b'{"Event":"SparkListenerApplication'
LOG_START = b'{"Event":"SparkListenerLogStart"'
WANTED = (STREAMING, JOB_START, APPLICATION, LOG_START)
LONGEST = 64 << 20  # a longer line is passed over, so that memory stays bounded

_EVENT = b'{"Event":"'
_BRACE = _EVENT[0]
_TELLING = len(b'{"Event":"SparkListener')
_TOLD = frozenset(start[_TELLING] for start in WANTED)


class LineFilter:
    """Fed pieces of a log, cut anywhere; gives the wanted lines, whole and in order.

    With ``from_middle`` the text begins somewhere in a line: the part before the first line break is kept
    apart as ``head``, for whoever reads what comes before. ``corrupt`` counts lines that cannot be Spark's.
    """

    def __init__(self, *, from_middle: bool = False) -> None:
        self.corrupt = 0
        self.head: bytes | None = None
        self._rest = bytearray()
        self._passing = False  # in a line that nobody wants
        self._in_head = from_middle

    def feed(self, piece: bytes | bytearray, length: int) -> list[bytes]:
        """The wanted lines that end in the first ``length`` bytes of ``piece``."""
        found: list[bytes] = []
        start = self._finish_line(piece, length, found)
        if start < 0:
            return found
        find, starts_with = piece.find, piece.startswith
        end = find(b"\n", start, length)
        while end >= 0:
            # One byte rules nearly every line out, at half the cost of comparing four beginnings.
            if end - start > _TELLING and piece[start + _TELLING] in _TOLD and starts_with(WANTED, start):
                found.append(bytes(piece[start:end]))
            elif piece[start] != _BRACE and end > start:
                self._salvage(piece[start:end], found)
            start = end + 1
            end = find(b"\n", start, length)
        self._keep(piece[start:length])
        return found

    def _finish_line(self, piece: bytes | bytearray, length: int, found: list[bytes]) -> int:
        """End the line that the last piece began; where the next one starts, or -1 if it goes on."""
        if not (self._passing or self._rest or self._in_head):
            return 0
        end = piece.find(b"\n", 0, length)
        if self._passing:
            self._passing = end < 0
            return end + 1 if end >= 0 else -1
        if end < 0:
            self._keep(piece[:length])
            return -1
        line = bytes(self._rest) + piece[:end]
        self._rest = bytearray()
        if self._in_head:
            self._in_head, self.head = False, bytes(line)
        elif line.startswith(WANTED):
            found.append(bytes(line))
        elif line and line[0] != _BRACE:
            self._salvage(line, found)
        return end + 1

    def _salvage(self, line: bytes | bytearray, found: list[bytes]) -> None:
        """What is left of a line whose beginning is damaged: another may follow without a break."""
        self.corrupt += 1
        start = line.find(_EVENT)
        if start >= 0 and line.startswith(WANTED, start):
            found.append(bytes(line[start:]))

    def _keep(self, part: bytes | bytearray) -> None:
        """Keep what there is of a line if it may be a wanted one, else pass over what is still to come."""
        self._rest += part
        begun = bytes(self._rest[:128])
        undecided = self._in_head or not begun.startswith(b"{")
        wanted = undecided or begun.startswith(WANTED) or any(start.startswith(begun) for start in WANTED)
        if wanted and len(self._rest) <= LONGEST:
            return
        if wanted:
            self.corrupt += 1
            if self._in_head:
                self._in_head, self.head = False, b""
        self._passing, self._rest = True, bytearray()
