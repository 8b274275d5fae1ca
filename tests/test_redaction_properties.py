"""What holds for every JSON value, and for texts made to be slow."""

from __future__ import annotations

import json
import time
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.errors import BackendFailed, Malformed
from sidecar.model import PersonalData, Tool
from sidecar.redaction import redact, redact_value, scan, scrub, scrub_value, withhold

pytestmark = pytest.mark.thorough

TOOL = Tool(
    "t",
    pii=(PersonalData("/name", "NAME"), PersonalData("/a/**", "CUSTOM")),
    safe=("/id",),
)
PLANTS = ["jane.roe@example.com", "4111 1111 1111 1111", "5105105105105100"]
texts = st.one_of(
    st.text(max_size=40),
    st.text(alphabet='0123456789 +-.()@[]{}":\\\n/=nuaé１\u200b', max_size=60),
    st.sampled_from(
        [*PLANTS, "+1 415 555 2671", "[EMAIL]", "Jane Roe", "pin 12", "34", '{"a":"b"}', "phone"]
    ),
)
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts)
keys = st.one_of(st.sampled_from(["name", "a", "id", "text", "result", "phone", "content"]), texts)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(keys, inner, max_size=4),
        inner.map(lambda v: orjson.dumps(v, default=str).decode() if not _is_big(v) else "x"),
    ),
    max_leaves=12,
)


def _is_big(value: Any) -> bool:
    try:
        orjson.dumps(value)
    except TypeError:
        return True
    return False


@given(values)
@settings(max_examples=150, deadline=None)
def test_no_json_value_raises_anything_but_a_refusal(value):
    try:
        withhold(value, scan(value))
        redact_value(value, ())
        redact({"structuredContent": value, "content": [value]}, TOOL, ())
    except (Malformed, BackendFailed) as refusal:
        assert refusal.reason == "unscannable"
    json.dumps(scrub_value(value))


@given(values, texts, st.sampled_from(PLANTS), texts)
@settings(max_examples=150, deadline=None)
def test_a_planted_value_never_comes_out(value, before, plant, after):
    text = f"{before} {plant} {after}"
    result = {"content": [{"type": "text", "text": text}], "x": [value], text: 1}
    if _is_big(result):
        return
    try:
        assert plant.encode() not in orjson.dumps(redact(result, TOOL, ()).value)
    except BackendFailed as refusal:
        assert refusal.reason == "unscannable"  # what is refused does not come out either
    assert plant not in scrub(text)
    assert scan(text)


@given(values)
@settings(max_examples=150, deadline=None)
def test_masking_is_idempotent(value):
    result = {"structuredContent": value, "content": [{"type": "text", "text": str(value)}]}
    if _is_big(result):
        return
    try:
        once = redact(result, TOOL, ()).value
    except BackendFailed as refusal:
        assert refusal.reason == "unscannable"  # a text that looks like a record and is none
        return
    assert redact(once, TOOL, ()).value == once


HOSTILE = [
    "a." * 10_000,
    "a@" * 10_000,
    "1 " * 10_000,
    "4" * 20_000,
    "４" * 20_000,
    "\u200b" * 20_000,
    "4111 " * 4_000,
    "415-555-" * 2_500,
    "00 1 " * 4_000,
    "+1 2 3 4 5 6 7 8 9 " * 1_100,
    "tel 1 2 3 4 5 6 7 8 9 " * 950,
    "pin " * 5_000,
    "password=" * 2_200,
    "eyJabcd." * 2_500,
    "://a:" * 4_000,
    "-----BEGIN PRIVATE KEY-----" * 740,
    "[EMAIL]" * 2_800,
    "jane@x.com " * 1_800,
    "{" * 20_000,
    '"' * 20_000,
    "\\" * 20_000,
    "é@" * 10_000,
    " ".join(str(n * 7919 % 10) for n in range(10_000)),
    "".join(f"tel {n * 7919 % 999} {n * 31 % 999} {n % 9999} " for n in range(1_200)),
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:12]))
def test_hostile_text_takes_no_time(text):
    start = time.process_time()
    redact({"content": [{"type": "text", "text": text}]}, TOOL, ())
    scan({"a": text})
    scrub(text)
    assert time.process_time() - start < 2
