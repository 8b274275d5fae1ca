"""The commands for reading evidence: a real log of real exchanges, and files that are none.

Over 300 lines: each command has its real log.
"""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

import orjson
import pytest
from console import sidecar
from flow import ask, call, flow, tool_list, tool_result
from sealed import KEY, STRANGERS_KEY, public
from test_audit_streams import as_docker, as_ops, fleet, strangers_line

from sidecar.cli.progress import Progress

pytestmark = pytest.mark.thorough

TOOL = "list_all_gladly_tasks"


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a log with a call and two refusals."""
    folder = tmp_path_factory.mktemp("evidence")

    async def write() -> None:
        async with flow(folder) as f:
            f.backend.reply = tool_result([])
            await f.ask(call(TOOL, customer_id="x"))
            await f.ask(call("no_such_tool"))
            f.backend.reply = tool_list(TOOL, "run_anything")
            await f.ask(ask("tools/list"))
            await f.ask(call(TOOL), bearer="nonsense")

    asyncio.run(write())
    return folder / "audit"


def records(log: Path) -> list[Any]:
    return [orjson.loads(line) for line in (log / "audit.jsonl").read_bytes().splitlines()]


def head(log: Path) -> str:
    last = records(log)[-1]
    return f"{last['seq']}:{last['hash']}"


@pytest.mark.parametrize("name", ["", "audit.jsonl"])
def test_a_whole_log_verifies_by_its_folder_or_its_file(log, name):
    ran = sidecar("audit", "verify", log / name)
    assert ran.code == 0
    assert "verified" in ran.out
    assert head(log) in ran.out


def test_a_folder_names_the_instances_that_wrote_it(tmp_path):
    stream = tmp_path / "audit.jsonl"
    stream.write_bytes(b"".join(strangers_line(SHIPPED[0])))
    ran = sidecar("audit", "verify", tmp_path, "--key", public(tmp_path, KEY))
    told = [line.split() for line in ran.out.splitlines() if line.startswith("instance ")]
    assert told == [["instance", "pod-1:8080"], ["instance", "pod-2:8080"]]


def test_a_changed_log_does_not_verify_and_its_first_bad_line_is_named(log, tmp_path):
    lines = (log / "audit.jsonl").read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b"no_such_tool", b"xx_such_tool")
    (tmp_path / "audit.jsonl").write_bytes(b"".join(lines))
    ran = sidecar("audit", "verify", tmp_path)
    assert ran.code == 1
    assert "verified                    NO" in ran.out
    assert "first bad line" in ran.out


def test_a_cut_log_verifies_unless_an_anchor_is_given(log, tmp_path):
    lines = (log / "audit.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "audit.jsonl").write_bytes(b"".join(lines[:-1]))
    assert sidecar("audit", "verify", tmp_path).code == 0
    assert sidecar("audit", "verify", tmp_path, "--anchor", head(log)).code == 1
    assert sidecar("audit", "verify", log, "--anchor", head(log)).code == 0


@pytest.mark.parametrize("anchor", ["", "x", "1:xyz", "1", ":", "-1:" + "0" * 64])
def test_an_anchor_that_is_none_is_a_problem(log, anchor):
    ran = sidecar("audit", "verify", log, "--anchor", anchor)
    assert ran.code == 2
    assert "seq:hash" in ran.err


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--markdown",),
        ("--since", "2020-01-01"),
        ("--since", "2020-01-01T12:00:00Z"),
        ("--since", "2020-01-01T12:00:00+02:00"),
    ],
)
def test_a_report_says_who_called_what_and_whether_the_log_holds(log, words):
    ran = sidecar("audit", "report", log, *words)
    assert ran.code == 0
    assert ran.out.startswith("# Audit report" if words == ("--markdown",) else "Audit report")
    assert TOOL in ran.out
    assert "access.unknown" in ran.out
    assert head(log) in ran.out


def test_a_report_of_an_unknown_tool_tells_that_and_no_more(log):
    refused = next(r for r in records(log) if r["mcp"].get("tool") == "no_such_tool")
    told = {denial["code"] for denial in refused["decision"]["denials"]}
    assert told > {"access.unknown"}
    ran = sidecar("audit", "report", log)
    assert not [code for code in told - {"access.unknown"} if code in ran.out]


def test_the_id_in_a_report_of_a_denial_is_one_that_can_be_shown(log):
    refused = next(r for r in records(log) if r["mcp"].get("tool") == "no_such_tool")
    (row,) = (
        r
        for r in sidecar("audit", "report", log).out.splitlines()
        if "no_such_tool" in r and "access.unknown" in r
    )
    event = row.split()[-1]
    assert event == refused["id"]
    assert '"access.unknown"' in sidecar("audit", "show", log, event).out


def test_a_report_names_hidden_tools_when_all_is_asked_for(log):
    counted, named = sidecar("audit", "report", log), sidecar("audit", "report", log, "--all")
    assert (counted.code, named.code) == (0, 0)
    assert "run_anything" not in counted.out
    assert "run_anything" in named.out


def test_a_report_reads_a_time_with_its_zone(log):
    ran = sidecar("audit", "report", log, "--since", "2020-01-01T12:00:00+02:00")
    assert "from 2020-01-01T10:00:00.000000Z until the end" in ran.out


@pytest.mark.parametrize("time", ["yesterday", "", "2026-13-01", "0001-01-01T00:00:00+14:00"])
@pytest.mark.parametrize("option", ["--since", "--until"])
def test_a_time_that_is_none_is_told_with_an_example(log, option, time):
    ran = sidecar("audit", "report", log, option, time)
    assert (ran.code, ran.out) == (2, "")
    said = " ".join(ran.err.replace("│", " ").split())
    assert option in said
    assert "2026-11-22 or 2026-11-22T12:00:00Z" in said


def test_a_report_of_a_changed_log_is_printed_and_exits_1(log, tmp_path):
    whole = (log / "audit.jsonl").read_bytes()
    (tmp_path / "audit.jsonl").write_bytes(whole.replace(b"no_such_tool", b"xx_such_tool", 1))
    ran = sidecar("audit", "report", tmp_path)
    assert ran.code == 1
    assert "verified                    NO" in ran.out
    assert TOOL in ran.out


def test_a_report_of_another_time_holds_no_call_and_still_judges_the_whole_log(log):
    ran = sidecar("audit", "report", log, "--since", "2020-01-01", "--until", "2020-01-02")
    assert ran.code == 0
    assert "0 events" in ran.out
    assert TOOL not in ran.out
    assert "verified" in ran.out


def test_one_exchange_is_shown_by_the_id_of_its_intent_or_its_outcome(log):
    intent = next(record for record in records(log) if record["stage"] == "intent")
    outcome = next(record for record in records(log) if record.get("ref") == intent["id"])
    shown = sidecar("audit", "show", log, intent["id"])
    assert shown.code == 0
    assert shown == sidecar("audit", "show", log, outcome["id"])
    assert shown.out.count('"stage": ') == 2


@pytest.mark.parametrize("event", ["no-such-id", ""])
def test_an_id_that_the_log_does_not_have_is_exit_1(log, event):
    ran = sidecar("audit", "show", log, event)
    assert (ran.code, ran.err) == (1, "")
    assert ran.out.startswith(f"no event {event} in ")
    for way in ("the whole id", "another instance", "sidecar audit report"):
        assert way in ran.out


@pytest.mark.parametrize("words", [("verify",), ("report",), ("show", "x")])
@pytest.mark.parametrize("kind", ["missing", "empty folder", "folder in place of the file"])
def test_a_log_that_is_not_there_is_a_problem(tmp_path, words, kind):
    command, *rest = words
    target = tmp_path / "missing" if kind == "missing" else tmp_path
    if kind.startswith("folder in"):
        (tmp_path / "audit.jsonl").mkdir()
    ran = sidecar("audit", command, target, *rest)
    assert ran.code == 2
    assert "the audit log cannot be read" in ran.err


@pytest.mark.parametrize(("command", "code"), [("verify", 1), ("report", 1), ("show", 1)])
@pytest.mark.parametrize("content", [bytes(range(256)) * 4, b"{}\n[]\nnull\n", b"\n\n"])
def test_a_file_that_is_no_log_is_judged_and_not_traced(tmp_path, command, code, content):
    file = tmp_path / "odd"
    file.write_bytes(content)
    ran = sidecar("audit", command, file, *(["x"] if command == "show" else []))
    assert ran.code == code
    copy = "sidecar: this look was not recorded: it is a copy under another name\n"
    assert ran.err == ("" if command == "verify" else copy)
    if command != "show":
        assert ran.out.count("This is not an audit log") == 1
        assert "it is no record" not in ran.out


SHIPPED = fleet()


def shipped(folder: Path, *scribes: int) -> Path:
    """A collected stream of some of three instances, wrapped by a collector."""
    lines = [as_docker(raw) for n in scribes for raw in SHIPPED[n].lines]
    file = folder / "collected.json"
    file.write_bytes(b"".join(sorted(lines)))
    return file


def test_a_collected_stream_is_verified_instance_by_instance(tmp_path):
    accepted = public(tmp_path, KEY)
    stream = shipped(tmp_path, 0, 1, 2)
    ran = sidecar("audit", "verify", stream, "--key", accepted, "--expect", "pod-1,pod-2,pod-3")
    assert ran.code == 0
    for name in ("pod-1:8080", "pod-2:8080", "pod-3:8080"):
        assert f"Instance {name}\n" in ran.out
    assert "all verified" in ran.out


def test_an_instance_that_is_missing_from_a_stream_is_named(tmp_path):
    names = tmp_path / "instances.txt"
    names.write_text("pod-1:8080\npod-2:8080\npod-3:8080\n")
    ran = sidecar("audit", "verify", shipped(tmp_path, 0, 2), "--expect", f"@{names}")
    assert ran.code == 1
    assert "Instance pod-2:8080 has no line in this stream." in ran.out


def test_a_stream_comes_from_standard_input(tmp_path, monkeypatch):
    stdin = io.TextIOWrapper(io.BytesIO(shipped(tmp_path, 0).read_bytes()))
    monkeypatch.setattr("sys.stdin", stdin)
    ran = sidecar("audit", "verify", "-", "--expect", "pod-1")
    assert ran.code == 0
    assert "Instance pod-1:8080" in ran.out


def test_files_of_instances_one_after_another_are_verified_as_a_stream(tmp_path):
    file = tmp_path / "all.jsonl"
    file.write_bytes(b"".join(raw for scribe in SHIPPED for raw in scribe.lines))
    ran = sidecar("audit", "verify", file, "--key", public(tmp_path, KEY))
    assert ran.code == 0
    assert "Instance pod-3:8080" in ran.out
    changed = file.read_bytes().replace(b'"stage":"outcome"', b'"stage":"outcomE"', 1)
    file.write_bytes(changed)
    assert sidecar("audit", "verify", file).code == 1


COMMANDS = [["report"], ["query"], ["tail"], ["show"], ["reconcile", "--backend-log"]]


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_a_command_that_reads_one_log_refuses_a_stream_and_says_how_to_split_it(tmp_path, words):
    stream = shipped(tmp_path, 0, 1)
    more = [*words[1:], stream] if words[0] in {"show", "reconcile"} else []
    ran = sidecar("audit", words[0], stream, *more)
    assert (ran.code, ran.out) == (2, "")
    told = "is a shipped stream; split it first: sidecar audit unship"
    assert f"{told} {stream} --into FOLDER" in ran.err


def test_a_stream_is_split_into_logs_that_the_commands_read(tmp_path):
    into = tmp_path / "logs"
    ran = sidecar("audit", "unship", shipped(tmp_path, 0, 1, 2), "--into", into)
    assert ran.code == 0, ran.out
    for scribe in SHIPPED:
        folder = into / scribe.instance.replace(":", "_")
        assert (folder / "audit.jsonl").read_bytes() == b"".join(scribe.lines)
        assert f"{folder}: 21 lines of {scribe.instance}, records 1 to 21\n" in ran.out
        for words in (["report"], ["query"], ["tail"]):
            assert sidecar("audit", words[0], folder).code == 0
    again = sidecar("audit", "unship", shipped(tmp_path, 0), "--into", into)
    assert again.code == 2
    assert "not empty" in again.err


def test_what_a_split_stream_lacks_is_told(tmp_path, monkeypatch):
    lines = [*SHIPPED[0].lines[:4], *SHIPPED[0].lines[7:], *SHIPPED[0].lines[8:10]]
    lines += [raw.replace(b"start", b"stArt") for raw in SHIPPED[1].lines[:1]]
    stdin = io.TextIOWrapper(io.BytesIO(b"".join(as_docker(raw) for raw in lines) + b"other\n"))
    monkeypatch.setattr("sys.stdin", stdin)
    ran = sidecar("audit", "unship", "-", "--into", tmp_path / "logs")
    assert ran.code == 1
    assert "  records 5 to 7 are missing\n" in ran.out
    assert "it holds record 1 of pod-2:8080, changed after it was written" in ran.out
    assert "2 repeated lines left out; 1 lines held none of a log\n" in ran.out
    assert [path.name for path in (tmp_path / "logs").iterdir()] == ["pod-1_8080"]


def test_a_stream_without_a_log_makes_nothing(tmp_path):
    (tmp_path / "other").write_text("junk\n")
    ran = sidecar("audit", "unship", tmp_path / "other", "--into", tmp_path / "logs")
    assert ran.code == 1
    assert not (tmp_path / "logs").exists()


def test_a_folder_is_no_stream_and_that_is_said(log):
    ran = sidecar("audit", "verify", log, "--expect", "pod-1")
    assert ran.code == 2
    assert "leave out --expect" in ran.err


def test_collected_anchor_lines_are_read_from_a_file(tmp_path):
    scribe = SHIPPED[0]
    (tmp_path / "audit.jsonl").write_bytes(b"".join(scribe.lines))
    noted = tmp_path / "operational.log"
    noted.write_text(as_ops(scribe) + "\n" + as_ops(SHIPPED[1]))
    words = ("--key", public(tmp_path, KEY), "--anchor", noted)
    ran = sidecar("audit", "verify", tmp_path, *words)
    assert ran.code == 0
    assert "anchored up to record                    20" in ran.out
    assert "Up to record 20 nobody changed" in ran.out
    (tmp_path / "audit.jsonl").write_bytes(b"".join(scribe.lines[:10]))
    cut = sidecar("audit", "verify", tmp_path, *words)
    assert cut.code == 1
    assert "its tail was cut off" in cut.out


def test_a_key_that_did_not_sign_is_told_with_the_lines(tmp_path):
    (tmp_path / "audit.jsonl").write_bytes(b"".join(SHIPPED[0].lines))
    ran = sidecar("audit", "verify", tmp_path, "--key", public(tmp_path, STRANGERS_KEY))
    assert ran.code == 1
    assert "checkpoints (audit.jsonl lines 2 to " in ran.out
    assert "--key may be the wrong one" in ran.out


def test_progress_is_told_where_a_reading_is_long(capsys, monkeypatch):
    monkeypatch.setattr("sidecar.cli.progress.ELSEWHERE", 0.0)
    progress = Progress("verified")
    progress(1, 4)
    progress(3 << 20, 0)
    progress.end()
    assert capsys.readouterr().err == "verified: 25 %\nverified: 3 MiB\n"


def test_progress_is_silent_where_a_reading_is_short(capsys):
    progress = Progress("verified")
    progress(1, 4)
    progress.end()
    assert capsys.readouterr().err == ""
