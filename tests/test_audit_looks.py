"""A look at a log is recorded beside it, without what was looked for; files that reports become."""

from __future__ import annotations

import csv
import json
import stat

import pytest
from test_audit_event import ACTOR, DENIED, READ, intent, outcome, records
from test_audit_report import logged

from sidecar import audit
from sidecar.audit import aside
from sidecar.audit.looks import looks
from sidecar.audit.reports import document, sheets
from sidecar.audit.table import Table
from sidecar.errors import ConfigError


@pytest.fixture
def folder(tmp_path):
    """The folder of a log with one call about a customer, and a refusal of a hostile tool."""
    begin = intent(data={"subjects": [{"kind": "customer", "id": "c-1"}]})
    hostile = READ | {"tool": "=1+1"}
    refusal = outcome(actor=ACTOR, mcp=hostile, decision=DENIED, outcome={"status": "refused"})
    logged(tmp_path / "audit", begin, outcome(begin.id), refusal)
    return tmp_path / "audit"


@pytest.mark.parametrize("name", ["", "audit.jsonl"])
def test_a_look_is_a_line_of_a_chain_of_its_own_beside_the_log(folder, name):
    before = (folder / "audit.jsonl").read_bytes()
    assert audit.look(folder / name, "report", {"subject": "jane@example.com", "actor": ""}) == ""
    reviews = folder / "reviews"
    assert audit.verify(reviews).is_valid
    assert stat.S_IMODE((reviews / "audit.jsonl").stat().st_mode) == 0o600
    look = records(reviews / "audit.jsonl")[0]
    assert (look["stage"], look["data"]["what"]) == ("admin", "exported")
    assert look["data"]["command"] == "report"
    assert [one.partition("=")[0] for one in look["data"]["filters"]] == ["subject"]
    assert "jane" not in (reviews / "audit.jsonl").read_text()
    assert (folder / "audit.jsonl").read_bytes() == before


def test_a_report_lists_the_looks_and_tells_those_for_its_subject(folder):
    for subject in ("c-1", "c-2", ""):
        audit.look(folder, "query", {"subject": subject})
    made = audit.review(folder, audit.Asked(subject="c-1"))
    (table,) = (table for table in made.tables if table.title == "Looks at this log")
    assert [row[2:] for row in table.rows] == [
        ("query", "subject", "yes"),
        ("query", "subject", "no"),
        ("query", "", "no"),
    ]


def cut_in_the_middle(raw: bytes) -> bytes:
    lines = raw.splitlines(keepends=True)
    return b"".join(lines[:2] + lines[3:])


def cut_at_the_head(raw: bytes) -> bytes:
    return b"".join(raw.splitlines(keepends=True)[2:])


def under_another_name(raw: bytes) -> bytes:
    return raw.replace(b'"command":"query"', b'"command":"tail!"', 1)


@pytest.mark.parametrize("tampered", [cut_in_the_middle, cut_at_the_head, under_another_name])
def test_looks_that_somebody_changed_or_removed_are_told(folder, tampered):
    for _ in range(3):
        audit.look(folder, "query", {})
    assert looks(folder).note.startswith("Nobody signs this record")
    file = folder / "reviews" / "audit.jsonl"
    file.write_bytes(tampered(file.read_bytes()))
    table = looks(folder)
    assert "The record of looks does not verify" in table.note
    assert "The record of looks does not verify" in table.text()


def test_looks_of_which_no_file_is_left_are_told(folder):
    audit.look(folder, "query", {})
    (folder / "reviews" / "audit.jsonl").unlink()
    assert "The record of looks does not verify" in looks(folder).text()


def test_the_same_value_leaves_another_hash_each_time(folder):
    for _ in range(2):
        audit.look(folder, "query", {"subject": "c-1"})
    found = [r["data"]["filters"] for r in records(folder / "reviews" / "audit.jsonl")[::2]]
    assert found[0] != found[1]


def test_a_look_that_cannot_be_recorded_says_why(folder):
    copy = folder / "copy.jsonl"
    copy.write_bytes((folder / "audit.jsonl").read_bytes())
    assert "a copy under another name" in audit.look(copy, "report", {})
    (folder / "reviews").symlink_to(folder.parent)
    assert "a link to somewhere else" in audit.look(folder, "report", {})
    assert not (folder.parent / "audit.jsonl").exists()
    (folder / "reviews").unlink()
    (folder / "reviews").write_text("in the way")
    assert "cannot be used" in audit.look(folder, "report", {})
    assert looks(folder).rows == ()


# ---- files


def test_no_cell_of_a_sheet_is_a_formula(tmp_path):
    cells: list[str | int] = ["=1", "+1415", "-1", "@x", "\t=x", "\r=x", "x=1", "", 5]
    rows: list[tuple[str | int, ...]] = [(cell, -1) for cell in cells]
    table = Table("Odd cells", ("cell", "n"), tuple(rows))
    sheets.of_tables([table], tmp_path / "sheets")
    with (tmp_path / "sheets" / "odd_cells.csv").open(newline="") as file:
        found = [row[0] for row in csv.reader(file)]
    assert found == ["cell", "'=1", "'+1415", "'-1", "'@x", "\\t=x", "\\r=x", "x=1", "", "5"]


def test_no_cell_of_a_sheet_holds_what_a_terminal_obeys(tmp_path):
    evil = "a\x1b[2J\x9b31m\x7f\u202e\u2028\nb"
    sheets.of_tables([Table("Odd cells", ("cell",), ((evil,),))], tmp_path)
    text = (tmp_path / "odd_cells.csv").read_bytes().decode()
    assert text.splitlines() == ["cell", r"a\x1b[2J\x9b31m\x7f\u202e\u2028\nb"]


def test_a_sheet_of_calls_has_a_row_for_each(folder, tmp_path):
    sheets.of_calls(audit.query(folder, audit.Filter()), tmp_path / "calls.csv")
    with (tmp_path / "calls.csv").open(newline="") as file:
        read, refused = csv.DictReader(file)
    assert tuple(read) == sheets.COLUMNS
    assert (read["human"], read["tool"], read["subjects"]) == (
        "user-12",
        "get_customer",
        "customer:c-1",
    )
    assert (refused["tool"], refused["verdict"], refused["rules"]) == (
        "'=1+1",
        "deny",
        "access.tags",
    )


def test_the_document_has_stable_members(folder):
    made = json.loads(json.dumps(document.document(audit.report(folder))))
    assert set(made) == {
        "version", "since", "until", "subject", "events", "answer", "verification", "hours",
        "tables",
    }  # fmt: skip
    assert made["verification"]["is_valid"] is True
    assert set(made["answer"]) == {"seen", "trust", "state"}
    assert (made["answer"]["state"], made["answer"]["trust"][0][:4]) == ("open", "Yes:")
    assert set(made["tables"]) >= {
        "by_human", "by_agent", "by_workload", "calls", "denials", "failures", "hidden_tools",
        "personal_data", "redaction_of_results", "writes_forwarded", "accesses_by_subject",
        "refused_attempts_by_subject", "exports_of_data",
        "calls_without_a_verified_human_behind_them",
        "authentication_failures", "refused_at_the_edge", "rate_limits_passed_on_429",
        "what_changed", "policies_seen", "lifecycle_and_administration", "looks_at_this_log",
    }  # fmt: skip
    for table in made["tables"].values():
        assert all(len(row) == len(table["columns"]) for row in table["rows"])
    assert sum(hour["messages"] for hour in made["hours"]) == 2


# ---- a long log is verified by a second process


@pytest.mark.sockets
def test_a_long_log_is_verified_aside_with_the_same_finding(folder):
    here = audit.verify(folder)
    with aside.verified(folder, here.head, (), long_bytes=0) as found:
        assert found() == audit.verify(folder, here.head)


@pytest.mark.sockets
def test_what_is_wrong_with_an_anchor_is_told_by_this_process(folder):
    with (
        pytest.raises(ConfigError, match="anchor"),
        aside.verified(folder, "odd", (), long_bytes=0) as found,
    ):
        found()
