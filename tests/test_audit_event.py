"""Events as lines: ids, canonical bytes, the published schema. Other audit tests borrow events."""

import json
import re
import uuid
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar import audit
from sidecar.audit.chain import GENESIS, Tip, is_sealed, parse, tip_of
from sidecar.model import Event

SCHEMA = json.loads((Path(audit.__file__).parent / "event.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
DIGEST = "ab" * 32

ACTOR = {
    "endpoint": "support",
    "issuer": "https://idp.example",
    "subject": "agent-7",
    "client": "desk",
    "roles": ["support.tier1"],
    "on_behalf_of": "user-12",
    "purpose": "refund",
    "is_authenticated": True,
    "self_declared_client": "desk/1.0",
}
READ = {
    "verb": "POST",
    "method": "tools/call",
    "protocol": "2026-07-28",
    "session": "s1",
    "request_id": 7,
    "tool": "get_customer",
    "tags": ["customers"],
    "method_kind": "get",
    "effect": "read",
    "catalog_sha256": DIGEST,
}
WRITE = READ | {"tool": "create_note", "method_kind": "create", "effect": "write"}
ALLOWED = {"result": "allow", "grants": ["access.tags"], "policy_sha256": DIGEST, "eval_us": 84}
DENIED = {
    "result": "deny",
    "reason": "denied",
    "denials": [{"code": "access.tags", "message": "The tool is not in this caller's tags."}],
    "policy_sha256": DIGEST,
    "hidden_tools": ["delete_customer"],
}


def intent(**sections: Any) -> Event:
    usual: dict[str, Any] = {"actor": ACTOR, "src": {"ip": "10.0.0.7"}}
    usual |= {"mcp": READ, "decision": ALLOWED}
    return Event(id=audit.event_id(), stage="intent", **(usual | sections))


def outcome(ref: str = "", **sections: Any) -> Event:
    status: dict[str, Any] = {"outcome": {"status": "ok", "http": 200, "total_ms": 1.5}}
    return Event(id=audit.event_id(), stage="outcome", ref=ref, **(status | sections))


def records(path: Path) -> list[dict[str, Any]]:
    """Read a log; every line of every test is valid against the published schema."""
    found = [json.loads(raw) for raw in path.read_bytes().splitlines()]
    for record in found:
        VALIDATOR.validate(record)
    return found


def line_of(event: Event, **place: Any) -> bytes:
    usual: dict[str, Any] = {"seq": 1, "ts": NOON, "instance": "pod-0/1", "prev": GENESIS}
    return audit.line(event, **(usual | place))


WORDS = st.text(st.characters(codec="utf-8"), max_size=20)
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)
SECTIONS = st.dictionaries(WORDS, JSON_VALUES, max_size=3)
EVENTS = st.builds(
    Event,
    id=WORDS,
    stage=st.sampled_from(["intent", "outcome", "lifecycle", "admin"]),
    ref=WORDS,
    actor=SECTIONS,
    src=SECTIONS,
    trace=SECTIONS,
    mcp=SECTIONS,
    decision=SECTIONS,
    data=SECTIONS,
    outcome=SECTIONS,
)


def test_an_id_is_a_version_7_uuid_of_now():
    before = int(datetime.now(UTC).timestamp() * 1000)
    made = uuid.UUID(audit.event_id())
    after = int(datetime.now(UTC).timestamp() * 1000)
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert before <= made.int >> 80 <= after


def test_all_74_random_bits_of_an_id_vary():
    made = [uuid.UUID(audit.event_id()).int for _ in range(200)]
    seen_set = seen_clear = 0
    for value in made:
        seen_set |= value
        seen_clear |= ~value
    random_bits = 0xFFF << 64 | (1 << 62) - 1
    assert seen_set & seen_clear & random_bits == random_bits
    assert len(set(made)) == 200


@given(EVENTS)
def test_any_event_round_trips_through_its_line(event):
    raw = line_of(event)
    record = json.loads(raw)
    for name in ("actor", "src", "mcp", "decision", "data", "outcome", "ref"):
        assert record.get(name) == (getattr(event, name) or None)
    assert raw.count(b"\n") == 1
    assert raw.endswith(b"\n")
    assert is_sealed(raw)
    assert tip_of(raw) == Tip(1, record["hash"])


@given(st.binary(max_size=300))
def test_no_bytes_make_the_line_parser_fail(raw):
    assert tip_of(raw) is None or is_sealed(raw)
    assert parse(raw) is None or isinstance(parse(raw), dict)


def test_the_hash_covers_exactly_the_bytes_before_its_member():
    raw = line_of(intent(), prev=DIGEST)
    hashed, _, rest = raw.rpartition(b',"hash":"')
    assert rest == sha256(hashed).hexdigest().encode() + b'"}\n'
    assert hashed.endswith(b',"prev":"' + DIGEST.encode() + b'"')


def test_members_stand_in_one_order_and_empty_sections_are_left_out():
    whole = list(json.loads(line_of(intent(data={"found": {"EMAIL": 1}}))))
    assert whole == [
        *("v", "seq", "id", "ts", "instance", "stage"),
        *("actor", "src", "mcp", "decision", "data", "prev", "hash"),
    ]
    bare = line_of(Event(id=audit.event_id(), stage="admin"))
    assert {"ref", "actor", "data", "outcome"}.isdisjoint(json.loads(bare))


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (NOON, "2026-11-22T12:00:00.000000Z"),
        (
            datetime(2026, 11, 22, 13, 0, 0, 5, tzinfo=timezone(timedelta(hours=2))),
            "2026-11-22T11:00:00.000005Z",
        ),
    ],
)
def test_times_are_utc_with_six_decimals_whatever_their_zone(moment, written):
    assert json.loads(line_of(intent(), ts=moment))["ts"] == written


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="zone"):
        line_of(intent(), ts=datetime(2026, 1, 1))  # noqa: DTZ001  # the point of the test


def objects(schema: Any, where: str = "") -> list[tuple[str, dict[str, Any]]]:
    """Every object schema in the published schema that names its members."""
    if isinstance(schema, list):
        return [pair for each in schema for pair in objects(each, where)]
    if not isinstance(schema, dict):
        return []
    found = [(where, schema)] if schema.get("type") == "object" and "properties" in schema else []
    return found + [
        pair for key, each in schema.items() for pair in objects(each, f"{where}/{key}")
    ]


def test_the_schema_is_valid_closed_and_described():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    found = objects(SCHEMA)
    assert len(found) >= 10
    for where, each in found:
        is_open = where == "/$defs/incident"  # the facts of a lifecycle event differ by kind
        assert is_open or each["additionalProperties"] is False, where
        for name, member in each["properties"].items():
            assert re.search(r"\w{2}", member["description"]), f"{where}/{name}"


@pytest.mark.parametrize(
    "event",
    [
        intent(actor=ACTOR | {"password": "x"}),
        intent(data={"found": {"SHOE_SIZE": 1}}),
        intent(data={"what": "start"}),
        intent(decision=DENIED | {"result": "perhaps"}),
        intent(actor={}),
        outcome(outcome={}),
        outcome(outcome={"http": 200}),
        outcome(ref="not-an-id"),
        Event(id="guessable-1", stage="lifecycle", data={"what": "start"}),
        Event(id=audit.event_id(), stage="lifecycle", data={"version": "1"}),
        Event(id=audit.event_id(), stage="admin", data={"what": "x", "deep": {"value": "y"}}),
    ],
)
def test_the_schema_refuses_what_no_event_may_hold(event):
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(json.loads(line_of(event)))
