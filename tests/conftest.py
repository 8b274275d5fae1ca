"""Fixtures that whole exchanges share."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "check", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("nightly", max_examples=5000, deadline=None)
settings.load_profile("check")


@pytest.fixture
def anyio_backend() -> str:
    """Asynchronous tests run on asyncio, as the sidecar does."""
    return "asyncio"


@pytest.fixture(autouse=True)
def called_as_before() -> Iterator[None]:
    """Give back what `log.configure` takes from every logger, if a test did not."""
    called = logging.Logger.callHandlers
    yield
    logging.Logger.callHandlers = called  # type: ignore[method-assign]
