"""Logs of other releases: lines of the first schema stay readable, and what came later is no harm.

`logs/first_schema.jsonl` was written by a sidecar before events told of merges, exports, workloads,
user agents and digests of settings: calls with and without an intent, a list, a failure, a flood.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest
from console import sidecar
from test_audit_event import SCHEMA, VALIDATOR

from sidecar.audit.chain import GENESIS

FIRST = Path(__file__).parent / "logs/first_schema.jsonl"
LATER: dict[str, Any] = {"later": {"a": ["b", {"c": 1}]}, "later_text": "x", "later_number": 1.5}


def records() -> list[dict[str, Any]]:
    return [json.loads(line) for line in FIRST.read_bytes().splitlines()]


def rechained(found: list[dict[str, Any]], file: Path) -> Path:
    """Write records as one whole chain, as a release that knows more members would have."""
    prev, lines = GENESIS, []
    for record in found:
        body = {key: value for key, value in record.items() if key not in {"prev", "hash"}}
        hashed = orjson.dumps({**body, "prev": prev})[:-1]
        prev = sha256(hashed).hexdigest()
        lines.append(hashed + b',"hash":"' + prev.encode() + b'"}\n')
    file.write_bytes(b"".join(lines))
    return file


@pytest.fixture
def later(tmp_path: Path) -> Path:
    """The same log with members in every section, and a kind of event, that no reader knows yet."""
    found = records()
    for record in found:
        for section in [record, *(v for v in record.values() if isinstance(v, dict))]:
            section.update({key: value for key, value in LATER.items() if key not in section})
    stop = found[-1]
    stop["data"]["head"] = f"{stop['seq'] - 1}:{GENESIS}"
    unknown = {**stop, "stage": "lifecycle", "data": {"what": "later_kind", **LATER}}
    found.insert(-1, unknown)
    for seq, record in enumerate(found, 1):
        record["seq"] = seq
    return rechained(found, tmp_path / "audit.jsonl")


def test_every_line_of_the_first_schema_is_valid_by_the_schema_of_today():
    for record in records():
        VALIDATOR.validate(record)


def test_a_log_of_the_first_schema_verifies_is_reported_on_and_shown():
    assert sidecar("audit", "verify", FIRST).code == 0
    report = sidecar("audit", "report", FIRST)
    assert report.code == 0
    for word in ("list_all_gladly_customers", "OOrlNMXeS72gs_WEX2TtMg", "malformed"):
        assert word in report.out
    event = records()[1]["id"]
    shown = sidecar("audit", "show", FIRST, event)
    assert shown.code == 0
    assert shown.out.count(event) == 2


def test_members_and_events_that_a_reader_does_not_know_are_passed_over(later):
    assert "later_kind" in later.read_text()
    assert sidecar("audit", "verify", later).code == 0
    report = sidecar("audit", "report", later)
    assert report.code == 0
    assert "OOrlNMXeS72gs_WEX2TtMg" in report.out
    shown = sidecar("audit", "show", later, records()[1]["id"])
    assert shown.code == 0
    assert shown.out.count('"later_text": "x"') > 2


def test_the_schema_is_printed_as_it_is_published():
    ran = sidecar("audit", "schema")
    assert ran.code == 0
    assert json.loads(ran.out) == SCHEMA
    jsonschema.Draft202012Validator.check_schema(json.loads(ran.out))
