"""A server in a process of its own, as `gsanet serve` starts it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from serve_client import started

WORDS = ["--max-size", "3", "--max-seconds", "20", "--max-pixels", "1", "--queue", "4"]


@pytest.fixture(scope="package")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    place = tmp_path_factory.mktemp("server")
    process, found = started(*WORDS, place=place)
    yield found
    process.terminate()
    assert process.wait(20) in (-15, 143)
    assert not list(place.glob("gsanet*")), "all that it kept goes with it"


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=60) as one:
        yield one
