"""Each recording, and drivers that serve them."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.streams.fake_driver import RECORDINGS, FakeDriver, pages_of, recording


@pytest.fixture
def serve() -> Iterator[Callable[..., FakeDriver]]:
    """Start a driver for pages, or for a recording."""
    running: list[FakeDriver] = []

    def start(pages: dict[str, Any], port: int = 0) -> FakeDriver:
        driver = FakeDriver(pages_of(pages) if "answers" in pages else pages, port)
        running.append(driver)
        return driver

    yield start
    for driver in running:
        driver.stop()


@pytest.fixture(params=RECORDINGS, ids=lambda file: file.name.removesuffix(".json.gz"))
def recorded(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Each version's recording."""
    return recording(request.param)


@pytest.fixture
def newest() -> dict[str, Any]:
    """The newest version's recording."""
    return recording(RECORDINGS[-1])
