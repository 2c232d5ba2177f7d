"""Finds drivers on this machine: Spark takes the first free port from 4040 up."""

import socket
from collections.abc import Iterable

from dataeng_tui.streams.snapshot import Focus, Layer, Observation

PORTS = range(4040, 4051)
_EVERY = 3.0


class LocalPorts:
    """Names the ports of localhost on which something listens; what it is, the driver source finds out."""

    layer: Layer = "driver-ui"
    where = "localhost"

    def __init__(self, ports: Iterable[int] = PORTS, host: str = "localhost") -> None:
        self._ports = tuple(ports)
        self._host = host
        self._looked = float("-inf")
        self._open: tuple[str, ...] = ()

    def poll(self, now: float, focus: Focus) -> Observation:
        if abs(now - self._looked) >= _EVERY or focus.everything:
            self._looked = now
            self._open = tuple(f"http://{self._host}:{port}" for port in self._ports if self._listens(port))
        return Observation(self.layer, self.where, now, drivers=self._open)

    def close(self) -> None:
        """Nothing stays open."""

    def _listens(self, port: int) -> bool:
        try:
            with socket.create_connection((self._host, port), timeout=0.3):
                return True
        except OSError:
            return False
