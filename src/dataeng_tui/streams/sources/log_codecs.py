"""How Spark packs an event log: plain, zstd, or the framings of its own for lz4 and snappy.

A decoder is fed the file's bytes as they come, cut anywhere, and gives the text they make so far; what is
incomplete (a frame half written) waits for the rest. A damaged frame is counted and passed over: a line
break is put in its place, so that the lines on either side are not taken for one.
"""

import struct
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Protocol

from dataeng_tui.errors import UserError, missing

ZSTD = b"\x28\xb5\x2f\xfd"
LZ4 = b"LZ4Block"
SNAPPY = b"\x82SNAPPY\x00"
LZF = b"ZV"

_LZ4_HEADER = struct.Struct("<8sBiiI")  # magic, token, packed, unpacked, checksum: lz4-java's block stream
_SNAPPY_HEADER = 16  # magic, then two versions: snappy-java's stream
_LARGEST = 64 << 20


class Decoder(Protocol):
    """Bytes in, text out; ``damaged`` counts the frames passed over."""

    damaged: int

    def decode(self, piece: bytes | memoryview) -> bytes:
        """The text that ``piece`` adds to what was fed before."""


def decoder_for(start: bytes) -> Decoder | None:
    """A decoder for a file that starts with these bytes (eight are enough); None for a plain log.

    Raises UserError for a packing that cannot be read, or not without a library that is not there.
    """
    if start.startswith(ZSTD):
        return Zstd()
    if start.startswith(LZ4):
        return Lz4()
    if start.startswith(SNAPPY):
        return Snappy()
    if start.startswith(b"{"):
        return None
    if start.startswith(LZF):
        raise UserError(
            "It is packed with lzf, which cannot be read: set spark.eventLog.compression.codec to zstd."
        )
    raise UserError("It is no Spark event log.")


def frame_start(decoder: Decoder, data: bytes) -> int | None:
    """Where in ``data``, taken from the middle of a file, a decoder can begin; None if nowhere."""
    magic = {Zstd: ZSTD, Lz4: LZ4}.get(type(decoder))
    if magic is None:
        return None
    position = data.find(magic)
    while position >= 0:
        fresh: Decoder = type(decoder)()
        # Packed text can hold the magic by chance; the bytes after it then make no sense.
        if fresh.decode(data[position : position + (1 << 16)]) and not fresh.damaged:
            return position
        position = data.find(magic, position + 1)
    return None


class Zstd:
    """Spark ends a frame at every flush: thousands of small frames, which one decoder reads across."""

    def __init__(self) -> None:
        import zstandard

        self.damaged = 0
        self._zstandard: Any = zstandard
        self._frames = self._across_frames()

    def decode(self, piece: bytes | memoryview) -> bytes:
        """See ``Decoder``."""
        try:
            return bytes(self._frames.decompress(piece))
        except self._zstandard.ZstdError:
            return self._salvage(bytes(piece))

    def _across_frames(self) -> Any:
        return self._zstandard.ZstdDecompressor().decompressobj(read_across_frames=True)

    def _salvage(self, piece: bytes) -> bytes:
        """Frame by frame, as each begins with the magic; the one that was being read is lost."""
        self.damaged += 1
        self._frames = self._across_frames()
        *whole, last = [ZSTD + frame for frame in piece.split(ZSTD)[1:]] or [b""]
        text = b"\n" + b"".join(self._frame(frame) for frame in whole)
        try:
            return text + bytes(self._frames.decompress(last))
        except self._zstandard.ZstdError:
            self.damaged += 1
            self._frames = self._across_frames()
            return text + b"\n"

    def _frame(self, frame: bytes) -> bytes:
        alone = self._zstandard.ZstdDecompressor().decompressobj()
        try:
            text = bytes(alone.decompress(frame))
        except self._zstandard.ZstdError:
            text = b""
        if alone.eof:
            return text
        self.damaged += 1
        return text + b"\n"


class _Blocks(ABC):
    """What lz4 and snappy have in common: blocks with a length before them, unpacked by cramjam."""

    MARK: ClassVar[bytes]

    def __init__(self) -> None:
        try:
            import cramjam
        except ImportError:
            raise missing("cramjam, which reads lz4 and snappy,", "codecs") from None
        self.damaged = 0
        self._cramjam: Any = cramjam
        self._held = b""

    def decode(self, piece: bytes | memoryview) -> bytes:
        """See ``Decoder``."""
        data, position, text = self._held + piece, 0, []
        while (step := self._step(data, position)) is not None:
            block, position = step
            text.append(block)
        self._held = data[position:]
        return b"".join(text)

    def _resume(self, data: bytes, position: int) -> tuple[bytes, int]:
        """After damage at ``position``: a line break, and where the next mark is."""
        self.damaged += 1
        after = data.find(self.MARK, position + 1)
        # A mark may be cut by the end of what is there.
        return b"\n", after if after >= 0 else max(position + 1, len(data) - len(self.MARK) + 1)

    @abstractmethod
    def _step(self, data: bytes, position: int) -> tuple[bytes, int] | None:
        """The text of the block at ``position`` and where the next one is; None if it is not all there."""


class Lz4(_Blocks):
    """lz4-java's LZ4BlockOutputStream; an empty block ends a stream, and another may follow."""

    MARK = LZ4

    def _step(self, data: bytes, position: int) -> tuple[bytes, int] | None:
        if len(data) - position < _LZ4_HEADER.size:
            return None
        magic, token, packed, unpacked, _ = _LZ4_HEADER.unpack_from(data, position)
        body = position + _LZ4_HEADER.size
        if magic != LZ4 or not (0 <= packed <= _LARGEST and 0 <= unpacked <= _LARGEST):
            return self._resume(data, position)
        if len(data) < body + packed:
            return None
        block = data[body : body + packed]
        try:
            if unpacked and token & 0xF0 != 0x10:  # 0x10: kept as it was
                block = bytes(self._cramjam.lz4.decompress_block(block, output_len=unpacked))
        except self._cramjam.DecompressionError:
            return self._resume(data, position)
        return block, body + packed


class Snappy(_Blocks):
    """snappy-java's SnappyOutputStream. Its blocks have no mark: after damage, only a new stream helps."""

    MARK = SNAPPY

    def _step(self, data: bytes, position: int) -> tuple[bytes, int] | None:
        if len(data) - position < 4:
            return None
        if data.startswith(SNAPPY[:4], position):
            return (b"", position + _SNAPPY_HEADER) if len(data) - position >= _SNAPPY_HEADER else None
        (packed,) = struct.unpack_from(">i", data, position)
        if not 0 <= packed <= _LARGEST:
            return self._resume(data, position)
        if len(data) < position + 4 + packed:
            return None
        try:
            block = bytes(self._cramjam.snappy.decompress_raw(data[position + 4 : position + 4 + packed]))
        except self._cramjam.DecompressionError:
            self.damaged += 1
            block = b"\n"
        return block, position + 4 + packed
