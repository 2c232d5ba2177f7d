"""Opening a file of texts: plain, or packed as Snowflake packs what COPY INTO unloads."""

import io
from pathlib import Path
from typing import BinaryIO, Final, cast

from dataeng_tui.errors import UserError

_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = b"PK\x03\x04"


def open_binary(path: Path) -> BinaryIO:
    """The bytes of a file, unpacked if it is gzip. Raises OSError, UserError for an archive."""
    stream = path.open("rb")
    first = stream.read(4)
    if first == _ZIP:
        stream.close()
        raise UserError(f"{path} is an archive or a workbook: unpack it, or save it as CSV.")
    if first[:2] == _GZIP:
        import gzip

        stream.close()
        return cast(BinaryIO, gzip.open(path, "rb"))
    stream.seek(0)
    return stream


def open_text(path: Path, encoding: str = "utf-8-sig", errors: str = "strict") -> io.TextIOWrapper:
    """The text of a file, its line ends as they are."""
    return io.TextIOWrapper(open_binary(path), encoding, errors, newline="")
