"""No shape of a record makes a reader fail: whoever wrote the file is not trusted."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_audit_event import JSON_VALUES

from sidecar import audit
from sidecar.audit import words
from sidecar.audit.reports import document, page, sheets

_SECTIONS = {
    "actor": ("endpoint", "subject", "on_behalf_of", "is_authenticated", "auth_error", "account"),
    "mcp": ("tool", "method", "tags", "effect"),
    "decision": (
        *("result", "reason", "denials", "grants", "rules", "hidden_tools", "input", "shadow"),
    ),
    "data": ("subjects", "merged", "masked", "kept", "what", "result", "subjects_total", "filters"),
    "outcome": ("status", "http", "count"),
    "src": ("ip",),
}
_WORDS = ("kind", "id", "from", "to", "code")
_PAIRS = st.lists(st.dictionaries(st.sampled_from(_WORDS), JSON_VALUES))
_SHADOW = ("result", "denials", "withdrawn", "hidden_tools", "masks", "reason", "policy_sha256")


def _section(names: tuple[str, ...]) -> st.SearchStrategy[Any]:
    plain = JSON_VALUES | st.sampled_from(["deny", "refused", "error", True, 401, 404])
    held = plain | _PAIRS | st.dictionaries(st.sampled_from(_SHADOW), plain)
    return st.dictionaries(st.sampled_from(names), held) | JSON_VALUES


RECORDS = st.fixed_dictionaries(
    {"seq": st.integers(1, 9), "prev": st.just("")},
    optional={
        "stage": st.sampled_from(["intent", "outcome", "admin", "lifecycle", "odd"]) | JSON_VALUES,
        "id": st.sampled_from(["a", "b"]) | JSON_VALUES,
        "ref": st.sampled_from(["a", "b"]) | JSON_VALUES,
        "ts": st.text(max_size=5) | JSON_VALUES,
        **{name: _section(names) for name, names in _SECTIONS.items()},
    },
)


@pytest.mark.thorough
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(records=st.lists(RECORDS, max_size=4))
def test_no_shape_of_a_record_makes_a_report_a_query_or_a_story_fail(tmp_path, records):
    log, backend = tmp_path / "audit.jsonl", tmp_path / "backend.log"
    log.write_bytes(b"".join(orjson.dumps(record) + b"\n" for record in records))
    backend.write_text("")
    for subject in ("", "c"):
        made = audit.review(log, audit.Asked(subject=subject))
        assert page.page(made)
        assert orjson.dumps(document.document(made))
        assert made.markdown()
    sheets.of_calls(audit.query(log, audit.Filter(actor="c", rule="c")), tmp_path / "calls.csv")
    sheets.of_calls(audit.query(log, audit.Filter()), tmp_path / "calls.csv")
    assert audit.reconcile(log, backend).requests == 0
    for record in records:
        assert words.line(record).isprintable()
    assert all(sentence.isprintable() for sentence in words.story(records))
