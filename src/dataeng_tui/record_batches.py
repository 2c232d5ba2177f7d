"""A DataFrame's columns from Spark's own Arrow, for ``jobs.py``: pyspark and the standard library suffice.

Spark hands rows to Python as pickles, one object a row, and takes longer to make them than SQLite to write
them. Its JVM can write columns as well, in Arrow's IPC format, and for the flat types that is quickly read:
no pyarrow is needed. Python 3.7 on, PySpark 3.3 on; ship it beside jobs.py, which does without it too.
"""

from __future__ import annotations

import struct
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pyspark.sql import DataFrame, SparkSession

    Columns = list[list[Any]]
    Reader = Callable[[DataFrame], Iterator[Columns]]

# What a column holds, by Spark's name of its type, as a letter of memoryview.cast; v: values of any length.
HOLDS = {"byte": "b", "short": "h", "integer": "i", "long": "q", "float": "f", "double": "d", "date": "i"}
HOLDS.update(timestamp="q", timestamp_ntz="q", boolean="", decimal="", string="v", binary="v")


def reader(spark: SparkSession, otherwise: Reader) -> Reader:
    """What reads a frame's columns; a frame with a type that is not flat is left to ``otherwise``.

    It was seen to work in this session before: raises ValueError, or what else went wrong, where its Java or
    the options of its Arrow do not let it.
    """
    told = list(read(spark.range(0, 2, 1, 1).selectExpr("id", "'ä' AS text")) or ())
    if told != [[[0, 1], ["ä", "ä"]]]:
        raise ValueError(f"Spark's Arrow says {told}.")
    return lambda frame: read(frame) or otherwise(frame)


def read(frame: DataFrame) -> Iterator[Columns] | None:
    """The columns of some rows at a time, in the source's order; None where a type is not flat.

    ``spark.sql.execution.arrow.maxRecordsPerBatch`` rows, 10,000 if not set. The driver holds a partition
    while Spark computes the next.
    """
    from pyspark import RDD
    from pyspark.serializers import NoOpSerializer

    kinds = [column.dataType for column in frame.schema]
    if any(kind.typeName() not in HOLDS for kind in kinds):
        return None
    batches = cast("Any", frame)._jdf.toArrowBatchRdd().toJavaRDD()
    messages: Any = RDD(batches, frame.sparkSession.sparkContext, NoOpSerializer())
    return (columns(message, kinds) for message in messages.toLocalIterator(prefetchPartitions=True))


def columns(message: bytes, kinds: Sequence[Any]) -> Columns:
    """The values of a record batch, whose columns have these types of Spark's, as a Row would have them.

    The message is two words, the metadata as tables of flatbuffers, and the columns' buffers.
    """

    def at(code: str, place: int) -> int:
        return int(struct.unpack_from(code, message, place)[0])

    def follow(table: int, entry: int) -> int:
        place = table + at("<H", table - at("<i", table) + 4 + 2 * entry)
        return place + at("<I", place)

    def pairs(vector: int) -> Iterator[Any]:
        return struct.iter_unpack("<qq", message[vector + 4 : vector + 4 + 16 * at("<I", vector)])

    batch, body = follow(8 + at("<I", 8), 2), 8 + at("<I", 4)
    buffers = (message[body + start : body + start + size] for start, size in pairs(follow(batch, 2)))
    return [
        _column(kind, rows, nulls, buffers) for kind, (rows, nulls) in zip(kinds, pairs(follow(batch, 1)))
    ]


def _column(kind: Any, rows: int, nulls: int, buffers: Iterator[bytes]) -> list[Any]:
    name, valid, data = kind.typeName(), next(buffers), next(buffers)
    content = next(buffers) if HOLDS[name] == "v" else b""
    if nulls == rows:
        return [None] * rows
    values: list[Any]
    if HOLDS[name] == "v":
        values = _pieces(content, memoryview(data).cast("i").tolist(), name == "string")
    elif name == "decimal":
        halves = struct.iter_unpack("<Qq", data)
        values = [Decimal(f"{high << 64 | low}E-{kind.scale}") for low, high in halves]
    elif name == "boolean":
        values = [bit == "1" for bit in _bits(data)][:rows]
    else:
        values = memoryview(data).cast(cast("Any", HOLDS[name])).tolist()
    if nulls:
        values = [value if bit == "1" else None for value, bit in zip(values, _bits(valid))]
    return [kind.fromInternal(value) for value in values] if kind.needConversion() else values


def _pieces(content: bytes, ends: list[int], text: bool) -> list[Any]:
    spans = zip(ends, ends[1:])
    if text and content.isascii():
        whole = content.decode("ascii")  # once: a character is a byte
        return [whole[start:end] for start, end in spans]
    if text:
        return [content[start:end].decode("utf-8", "replace") for start, end in spans]
    return [content[start:end] for start, end in spans]


def _bits(data: bytes) -> str:
    """A 0 or 1 a bit, from the lowest of the first byte on."""
    return bin(int.from_bytes(data, "little") | 1 << 8 * len(data))[:2:-1]
