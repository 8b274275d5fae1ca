"""What reading rules may cost at the start of a command."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sidecar import policy


def test_reading_rules_imports_no_http_client() -> None:
    """A fifth of the time of `sidecar policy check` went there."""
    asked = "import sys, sidecar.policy, sidecar.review.checking; print('aiohttp' in sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True, timeout=60
    )
    assert told.stdout == "False\n"


def test_what_is_imported_later_is_there_by_its_name() -> None:
    assert all(getattr(policy, name) for name in policy.__all__)
    assert policy.Server.__module__ == "sidecar.policy.opa.server"
    assert policy.Both.__module__ == "sidecar.policy.opa.both"


def test_a_name_that_is_none_is_told_as_such() -> None:
    with pytest.raises(AttributeError, match="no attribute nothing"):
        _ = policy.nothing
