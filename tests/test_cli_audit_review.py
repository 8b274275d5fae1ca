"""The reviewer's commands on a real log of real exchanges: files, queries, words, both logs."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from console import sidecar
from flow import call, flow, tool_result
from sealed import Scribe
from test_audit_event import ACTOR, DENIED, READ, outcome

pytestmark = pytest.mark.thorough

TOOL = "list_all_gladly_tasks"
CUSTOMER = "x" * 22


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A log with a call about a customer, and a refusal of an unknown tool."""
    folder = tmp_path_factory.mktemp("reviewed")

    async def write() -> None:
        async with flow(folder) as f:
            f.backend.reply = tool_result([])
            await f.ask(call(TOOL, customer_id=CUSTOMER))
            await f.ask(call("no_such_tool"))

    asyncio.run(write())
    return (folder / "audit" / "audit.jsonl").read_bytes()


@pytest.fixture
def log(written: bytes, tmp_path: Path) -> Path:
    folder = tmp_path / "audit"
    folder.mkdir()
    (folder / "audit.jsonl").write_bytes(written)
    return folder


def looked(log: Path) -> list[str]:
    raw = (log / "reviews" / "audit.jsonl").read_bytes().splitlines()
    found = [orjson.loads(line)["data"] for line in raw]
    return [data["command"] for data in found if data["what"] == "exported"]


def test_a_report_becomes_a_page_a_sheet_and_a_document_and_the_answer_is_printed(log, tmp_path):
    files = {name: tmp_path / f"r.{name}" for name in ("html", "csv", "json")}
    options = [word for name, file in files.items() for word in (f"--{name}", file)]
    ran = sidecar("audit", "report", log, "--subject", CUSTOMER, *options)
    assert (ran.code, ran.err) == (0, "")
    assert f"Data of {CUSTOMER} was accessed once" in ran.out
    assert "Denials" not in ran.out
    assert files["html"].read_text().startswith("<!doctype html>")
    assert CUSTOMER in files["csv"].read_text()
    assert "no_such_tool" not in files["csv"].read_text()
    assert json.loads(files["json"].read_text())["subject"] == CUSTOMER
    assert looked(log) == ["report"]


def test_a_folder_of_sheets_has_one_for_each_table(log, tmp_path):
    assert sidecar("audit", "report", log, "--csv", tmp_path / "sheets").code == 0
    names = {path.name for path in (tmp_path / "sheets").iterdir()}
    assert names >= {"in_short.csv", "integrity.csv", "denials.csv", "accesses_by_subject.csv"}


def test_a_report_is_summed_up_by_what_is_asked_for(log):
    ran = sidecar("audit", "report", log, "--by", "agent")
    assert "By agent" in ran.out
    assert "By human" not in ran.out
    assert sidecar("audit", "report", log, "--by", "robot").code == 2


def test_a_report_counts_an_anchor_and_a_changed_log_is_told_in_the_first_lines(log):
    last = orjson.loads((log / "audit.jsonl").read_bytes().splitlines()[-1])
    anchor = f"{last['seq']}:{last['hash']}"
    ran = sidecar("audit", "report", log, "--anchor", anchor)
    assert f"Up to record {last['seq']} nobody changed" in ran.out
    ran = sidecar("audit", "report", log, "--anchor", f"{last['seq']}:{'0' * 64}")
    assert ran.code == 1
    assert "THE LOG DOES NOT HOLD" in ran.out


@pytest.mark.parametrize("command", ["report", "query"])
@pytest.mark.parametrize("value", ["jane@x.test", "+1 415 555 2671", "+(49) 30 1"])
def test_an_address_is_refused_as_a_subject_and_not_repeated(log, command, value):
    ran = sidecar("audit", command, log, "--subject", value)
    assert (ran.code, ran.out) == (2, "")
    said = " ".join(ran.err.replace("│", " ").split())
    assert "looks like an address or number; print its token with `sidecar audit hash`" in said
    assert value not in said


@pytest.mark.parametrize("command", ["report", "query"])
def test_a_span_that_holds_no_moment_is_refused(log, command):
    ran = sidecar("audit", command, log, "--since", "2026-11-02", "--until", "2026-11-02")
    assert ran.code == 2
    assert "--since has to be before --until" in " ".join(ran.err.replace("│", " ").split())


def test_a_query_prints_the_calls_that_fit_with_an_id_for_show(log):
    ran = sidecar("audit", "query", log, "--verdict", "deny")
    (line,) = ran.out.splitlines()
    assert "REFUSED" in line
    assert "no_such_tool" in line
    assert ran.err == "1 calls fit\n"
    event = line.rsplit("[", 1)[1].rstrip("]")
    shown = sidecar("audit", "show", log, event)
    assert shown.code == 0
    assert "It was REFUSED" in shown.out
    assert "Use a listed tool, or have this one reviewed" in shown.out
    assert "Nothing went to the backend" in shown.out
    assert looked(log) == ["query", "show"]


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--entity", "EMIAL", "no record of this log has the entity EMIAL; it has none"),
        ("--tool", "no_such", "no record of this log has the tool no_such; it has list_all_"),
        ("--subject", "x", "no record of this log has the id x; capitals count"),
    ],
)
def test_a_query_for_what_stands_nowhere_says_so(log, option, value, said):
    ran = sidecar("audit", "query", log, option, value)
    assert (ran.code, ran.out) == (0, "")
    assert said in ran.err
    assert "no record" not in sidecar("audit", "query", log, "--tool", TOOL).err


@pytest.mark.parametrize("command", ["report", "verify"])
def test_an_anchor_that_is_neither_a_file_nor_written_out_is_told(log, tmp_path, command):
    ran = sidecar("audit", command, log, "--anchor", tmp_path / "missing.log")
    assert ran.code == 2
    assert "missing.log: no such file, and not SEQ:HASH" in ran.err


def test_nothing_that_a_terminal_obeys_is_printed_of_a_record(tmp_path):
    evil = "x\x9b2J\x85\x7f\u202e"
    scribe = Scribe()
    refusal = outcome(actor=ACTOR | {"agent": evil}, mcp=READ | {"tool": evil}, decision=DENIED)
    scribe.add(refusal)
    file = tmp_path / "audit.jsonl"
    file.write_bytes(b"".join(scribe.lines))
    for command in (("query", tmp_path, "--json"), ("query", tmp_path), ("show", file, refusal.id)):
        ran = sidecar("audit", *command)
        assert "2J" in ran.out
        assert ran.out.replace("\n", "").isprintable(), ran.out
    kept = json.loads(sidecar("audit", "query", file, "--json").out)
    assert kept["mcp"]["tool"] == evil


def test_a_query_gives_each_call_as_json(log):
    ran = sidecar("audit", "query", log, "--tool", TOOL, "--json")
    (found,) = [json.loads(line) for line in ran.out.splitlines()]
    assert (found["tool"], found["verdict"] in {"allow", "mask"}) == (TOOL, True)
    assert ["customer", CUSTOMER] in found["subjects"]


def test_the_last_events_are_told_in_words(log):
    lines = sidecar("audit", "tail", log, "-n", "2").out.splitlines()
    assert len(lines) == 2
    assert "lifecycle  stop" in lines[-1]


@pytest.mark.sockets
def test_a_log_is_followed_over_a_rotation_until_the_reader_is_interrupted(log):
    # Where tests run in the background of a shell, the signal is ignored unless it is taken back.
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from sidecar.cli import main; main()"
    )
    command = [sys.executable, "-c", code, "audit", "tail", str(log), "-f", "-n", "1"]
    whole = (log / "audit.jsonl").read_bytes().splitlines(keepends=True)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as tail:
        assert tail.stdout is not None
        assert "lifecycle  stop" in tail.stdout.readline()
        (log / "audit.jsonl").rename(log / "audit.000000000001.jsonl")
        new = log / "audit.new"
        new.write_bytes(whole[0])
        new.replace(log / "audit.jsonl")
        assert TOOL in tail.stdout.readline()
        tail.send_signal(signal.SIGINT)
        assert tail.wait(timeout=30) == 0


def test_logs_are_compared_and_what_differs_is_named(log, tmp_path):
    intent = next(
        record
        for record in map(orjson.loads, (log / "audit.jsonl").read_bytes().splitlines())
        if record["stage"] == "intent"
    )
    backend = tmp_path / "backend.log"
    backend.write_text(f"POST /mcp {intent['id']}\n")
    ran = sidecar("audit", "reconcile", log, "--backend-log", backend)
    assert (ran.code, ran.out.splitlines()[-1]) == (0, "Both logs tell the same.")
    backend.write_text(f"POST /mcp {intent['id']}\nPOST /mcp\n")
    ran = sidecar("audit", "reconcile", log, "--backend-log", backend)
    assert ran.code == 1
    assert "line 2: a request without an event's id" in ran.out
    backend.write_text(f"POST /mcp {intent['id']}\n" + "POST /mcp\n" * 40)
    ran = sidecar("audit", "reconcile", log, "--backend-log", backend)
    assert ran.out.count("a request without an event's id") == 5
    assert "and 35 more requests without an event's id" in ran.out
    look = '{"x-request-id":null,"method":"tools/list"}\n'
    backend.write_text(f"POST /mcp {intent['id']}\n" + look * 40)
    ran = sidecar("audit", "reconcile", log, "--backend-log", backend)
    assert ran.code == 0
    assert "40 looks at the list of tools" in ran.out
    backend.write_text(look.replace("tools/list", "tools/call"))
    assert sidecar("audit", "reconcile", log, "--backend-log", backend).code == 1
    assert sidecar("audit", "reconcile", log, "--backend-log", tmp_path / "none").code == 2


def test_a_look_at_what_cannot_be_written_to_is_told_and_goes_on(log):
    (log / "reviews").write_text("in the way")
    ran = sidecar("audit", "report", log)
    assert ran.code == 0
    assert ran.err.startswith("sidecar: this look was not recorded: ")
