"""Fixtures that whole exchanges share."""

from __future__ import annotations

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
