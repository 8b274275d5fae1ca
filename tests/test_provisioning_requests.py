"""Any bytes are a request that can be used or a refusal that can be read; nothing in between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import Malformed
from sidecar.model import Endpoint
from sidecar.provisioning import requests
from sidecar.provisioning.records import Stored, moment, row_of, stored
from sidecar.settings.kinds import METHODS

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
TAGS = st.lists(st.from_regex(requests.TAG.rstrip("$"), fullmatch=True), max_size=4)
CONFIG = st.fixed_dictionaries(
    {},
    optional={
        "methods": st.lists(st.sampled_from(METHODS), min_size=1, max_size=4),
        "tags": TAGS,
        "tool_exposure": st.just("all"),
        "require_api_token_auth": st.booleans(),
    },
)
TIMES = st.datetimes(
    NOW.replace(tzinfo=None) + timedelta(days=2),
    datetime(9990, 1, 1),  # noqa: DTZ001  the strategy adds the zone
    timezones=st.timezones(),
    allow_imaginary=False,
)
ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)
NAMES = st.sampled_from(
    ["name", "config", "expires_at", "methods", "tags", "tool_exposure", "require_api_token_auth"]
)
NEAR = st.dictionaries(NAMES, ANY | st.dictionaries(NAMES, ANY, max_size=4), max_size=4)


def wanted(body: object) -> requests.Wanted:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return requests.wanted(raw, "all", NOW)


@given(st.binary(max_size=80) | (NEAR | ANY).map(orjson.dumps))
def test_any_body_makes_an_endpoint_or_a_refusal_in_words(raw):
    try:
        found = wanted(raw)
    except Malformed as refusal:
        assert refusal.status == 400
        assert refusal.public.isprintable()
        assert len(refusal.public) < 2000
    else:
        endpoint = Endpoint(**{"name": "n", "token_hash": "h", **found.fields})
        whole = Stored(endpoint, "by", moment(NOW), moment(NOW))
        assert stored(row_of(whole) | {"number": 0}) == whole


@given(CONFIG)
def test_any_good_config_is_taken_as_it_is(config):
    found = wanted({"config": config})
    assert found.has_config
    assert "tool_exposure" not in found.fields
    for name in ("methods", "tags"):
        assert found.fields.get(name, ()) == tuple(dict.fromkeys(config.get(name, ())))
    assert found.fields.get("require_api_token_auth") == config.get("require_api_token_auth")


@given(TIMES)
def test_a_time_of_any_zone_is_the_same_instant_to_the_millisecond(ends):
    if ends.utcoffset().total_seconds() % 60:  # of before there were time zones
        return
    found = wanted({"expires_at": ends.isoformat()}).fields["expires_at"]
    assert timedelta() <= ends - found < timedelta(milliseconds=1)
    assert moment(found).endswith("Z")
    assert datetime.fromisoformat(moment(found)) == found


@given(st.text(max_size=300))
def test_a_name_is_printable_or_refused(name):
    try:
        found = wanted({"name": name}).fields["name"]
    except Malformed:
        is_good = name.isprintable() and name == name.strip() and 1 <= len(name) <= 255
        assert not is_good
    else:
        assert found == name


@given(st.lists(st.tuples(st.sampled_from(["limit", "next_cursor", "x"]), st.text(max_size=20))))
def test_any_query_is_a_page_or_a_refusal(query):
    try:
        limit, after = requests.page(query)
    except Malformed:
        return
    assert 1 <= limit <= 100
    assert 0 <= after < 10**18


@pytest.mark.parametrize(
    "text",
    ["2026-12-31T24:00:00Z", "2026-W53-1T00:00:00Z", "20261231T000000Z", "2026-12-31 00:00:00Z",
     "2026-12-31T00:00:60Z", "2026-12-31T00:00:00+2400", "2026-12-31T00:00:00+24:00",
     "２026-12-31T00:00:00Z", "2026-12-31T00:00:00Z\n", "0001-01-01T00:00:00+23:59"],
)  # fmt: skip
def test_a_time_in_another_form_is_refused(text):
    with pytest.raises(Malformed) as caught:
        wanted({"expires_at": text})
    assert caught.value.public.startswith("expires_at: must be null, or a time")
