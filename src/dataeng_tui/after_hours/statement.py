"""One statement of the query history, frozen."""

from datetime import datetime
from typing import Final, NamedTuple

OWN_TAG: Final = "dataeng-tui"
"""The QUERY_TAG of everything this program sends; such statements are in no figure."""


class Statement(NamedTuple):
    """A row of QUERY_HISTORY without its text. Empty strings stand for NULL.

    ``start`` and ``end`` are aware, in UTC; ``end`` is None while the statement runs. ``program`` and
    ``client`` come from SESSIONS: what opened the session (``DBeaver_23``) and its driver (``JDBC 3.16``).
    """

    query_id: str
    start: datetime
    end: datetime | None = None
    user: str = ""
    session_id: str = ""
    user_type: str = ""
    role: str = ""
    warehouse: str = ""
    query_type: str = ""
    tag: str = ""
    status: str = ""
    client_generated: bool = False
    parameterized_hash: str = ""
    agent_type: str = ""
    program: str = ""
    client: str = ""

    @property
    def is_own(self) -> bool:
        """Whether this program sent it."""
        return self.tag == OWN_TAG
