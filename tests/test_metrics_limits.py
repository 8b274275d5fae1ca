"""What a backend's rate headers say of a shared quota."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.metrics import Limit, limit_of


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({}, Limit()),
        ({"Ratelimit-Limit-Second": "10", "Ratelimit-Remaining-Second": "0"}, Limit(10, 0)),
        ({"ratelimit-limit": "110;w=10", "ratelimit-remaining": "7"}, Limit(110, 7)),
        ({"ratelimit-reset": "60"}, Limit(reset=60)),
        ({"x-ratelimit-reset": "1700000030"}, Limit(reset=30)),
        ({"ratelimit-reset": "1600000000"}, Limit(reset=0)),
        ({"RateLimit": '"default";r=0;t=1'}, Limit(None, 0, 1)),
        ({"RateLimit": "limit=100, remaining=50, reset=5"}, Limit(100, 50, 5)),
        ({"RateLimit-Policy": '"burst";q=10;w=1, "day";q=1000;w=86400'}, Limit(10)),
        ({"ratelimit-remaining": "50", "ratelimit-remaining-second": "2"}, Limit(None, 2)),
        ({"ratelimit-remaining": "4155550198"}, Limit()),
        ({"ratelimit-remaining": "-1", "ratelimit-limit": "ten", "ratelimit": "r"}, Limit()),
        ({"ratelimit-remaining": "9" * 5000, "ratelimit": "r=" + "9" * 5000}, Limit()),
        ({"ratelimit-remaining": "\u0663", "retry-after": "5"}, Limit()),
    ],
)
def test_a_quota_is_read_in_each_spelling_and_nothing_else_is_a_number(headers, told):
    assert limit_of(headers.items(), 1_700_000_000.0) == told


NAMES = ("ratelimit", "ratelimit-policy", "ratelimit-reset", "x-ratelimit-limit", "retry-after")


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.text() | st.from_regex(r"[rqt;=,0-9 ]*"))))
def test_whatever_a_backend_writes_becomes_small_numbers_or_none(headers):
    for number in limit_of(headers, 1_700_000_000.0):
        assert number is None or 0 <= number < 10**9
