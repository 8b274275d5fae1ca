"""The line of a report that says from what it was made."""

from __future__ import annotations

from test_audit_event import intent
from test_audit_report import logged

from sidecar import audit
from sidecar.audit.reports import origin


def test_a_log_without_a_file_that_is_written_still_has_an_origin(tmp_path):
    log = logged(tmp_path / "audit", intent())
    found = audit.verify(log)
    log.rename(log.with_name("audit.000000000001.jsonl"))
    assert " to unknown (UTC); " in origin.origin(log.parent, found, None, ())
    log.with_name("audit.pub").write_text("")
    told = origin.origin(log.parent, found, f"7:{'0' * 64}", ())
    assert told.endswith("key: beside the log; anchors: 1.")
    assert "key: given" in origin.origin(log.parent, found, None, (log,))
