"""`sidecar policy explain`, `matrix`, `diff` and `replay`, run whole, on a real log.

Over 300 lines: each command has its own questions, and they share one log.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from pathlib import Path
from typing import Any

import orjson
import pytest
from console import Ran, sidecar
from flow import ask, call, flow, tool_list, tool_result
from review_parts import READ, WRITE, site

from sidecar.review import asking, differing, explained, replayed
from sidecar.settings import shipped

pytestmark = pytest.mark.thorough

JANE = "jane.roe@example.com"
PARTS = (asking, differing, explained, replayed)
"""What these commands call."""


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of a read with an address, a write with text, two refusals, and what is no call."""
    folder = tmp_path_factory.mktemp("evidence")

    async def write() -> None:
        async with flow(folder) as f:
            await f.ask(call("no_such_tool"))  # first, or what was read later would taint it
            f.backend.reply = tool_result([{"id": "t1", "body": f"write to {JANE}"}])
            await f.ask(call(READ, customer_id="abc"))
            await f.ask(call(WRITE, body="please refund her", customerId="abc"))
            await f.ask(call(WRITE, body="please refund her"), endpoint="read")
            f.backend.reply = tool_list(READ, WRITE)
            await f.ask(ask("tools/list"))
            await f.ask(ask("ping"))
            await f.ask(call(READ), bearer="nonsense")

    asyncio.run(write())
    return folder / "audit"


def events(log: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in (log / "audit.jsonl").read_bytes().splitlines()]


def intent(log: Path, tool: str) -> str:
    found = (e for e in events(log) if e.get("mcp", {}).get("tool") == tool)
    return str(next(e["id"] for e in found if "input" in e.get("decision", {})))


def replay(log: Path, against: Path | str, *words: str | Path) -> tuple[Ran, dict[str, Any]]:
    ran = sidecar("policy", "replay", log, "--against", against, "--json", *words)
    return ran, json.loads(ran.out)


# ---- replay


def test_the_policy_that_decided_turns_nothing(log):
    ran, told = replay(log, "library", "--from", "library", "--strict")
    assert ran.code == 0
    assert {k: n for k, n in told["counts"].items() if n} == {"same": 4}


def test_a_call_that_a_new_rule_refuses_is_told_with_caller_tool_rule_and_event(log, tmp_path):
    folder = site(tmp_path / "site", access_no_writes='tool.effect == "write"')
    ran, told = replay(log, folder)
    assert ran.code == 1
    (group,) = told["groups"]
    assert group == {
        "fate": "refused",
        "caller": "agent-1",
        "tool": WRITE,
        "why": ["access.no_writes"],
        "count": 1,
        "events": [intent(log, WRITE)],
    }


def test_what_a_looser_policy_allows_is_told(log, tmp_path):
    ran, told = replay(log, _without_unknown(tmp_path / "whole"))
    (group,) = told["groups"]
    assert (ran.code, group["fate"], group["tool"]) == (1, "allowed", "no_such_tool")


def _without_unknown(folder: Path) -> Path:
    """The library without what refuses an unknown tool."""
    shutil.copytree(shipped("policies"), folder)
    for name in ("unknown", "destructive"):
        (folder / "sidecar" / "rules" / "access" / name / f"{name}.rego").unlink()
    return folder


def test_what_would_no_longer_be_masked_is_read_from_the_outcome(log, tmp_path):
    folder = site(tmp_path / "site", "    masks: {EMAIL: keep}\n")
    ran, told = replay(log, folder)
    assert ran.code == 1
    assert {(group["fate"], group["tool"], *group["why"]) for group in told["groups"]} == {
        ("masked", READ, "EMAIL masked → keep"),
        ("masked", WRITE, "EMAIL masked → keep"),
    }


def test_each_mask_is_compared_with_the_policy_that_decided(log, tmp_path):
    folder = site(tmp_path / "site", "    masks: {PHONE: drop}\n")
    assert replay(log, folder)[0].code == 0  # no number came back
    ran, told = replay(log, folder, "--from", "library")
    assert ran.code == 1
    assert {tuple(group["why"]) for group in told["groups"]} == {("PHONE last4 → drop",)}


def test_a_policy_that_did_not_decide_is_not_compared_with(log, tmp_path):
    other = site(tmp_path / "other", "    masks: {EMAIL: drop}\n")
    folder = site(tmp_path / "site", "    masks: {PHONE: drop}\n")
    assert replay(log, folder, "--from", other)[0].code == 0


def test_what_a_rule_reads_and_the_log_withholds_is_undecidable_with_its_share(log, tmp_path):
    folder = site(tmp_path / "site", arguments_refunds='contains(input.arguments.body, "refund")')
    ran = sidecar("policy", "replay", log, "--against", folder)
    assert ran.code == 0
    assert "undecidable" in ran.out
    assert "25.0 %" in ran.out
    assert f"{folder}/arguments_refunds.rego:14" in ran.out
    assert intent(log, WRITE) in ran.out
    assert "please refund" not in ran.out
    strict = sidecar("policy", "replay", log, "--against", folder, "--strict")
    assert strict.code == 1


def test_only_decisions_of_the_time_that_is_asked_for_are_judged(log):
    assert replay(log, "library", "--until", "2020-01-01")[1]["counts"]["same"] == 0
    assert replay(log, "library", "--since", "2020-01-01")[1]["counts"]["same"] == 4


def test_lines_that_are_no_records_are_passed_over(log, tmp_path):
    file = tmp_path / "audit.jsonl"
    junk = b'{"decision": \n["decision"]\n{"stage":"intent","decision":{"input":{},"grants":[]}}\n'
    file.write_bytes((log / "audit.jsonl").read_bytes() + junk)
    assert replay(file, "library")[1]["counts"] == {
        "same": 4, "refused": 0, "allowed": 0, "masked": 0, "undecidable": 0, "unread": 1,
    }  # fmt: skip


def test_a_log_that_is_not_there_is_told(tmp_path):
    ran = sidecar("policy", "replay", tmp_path / "nowhere", "--against", "library")
    assert ran.code == 2
    assert "cannot be read" in ran.err


@pytest.mark.parametrize("command", ["replay", "explain"])
def test_a_look_at_a_log_is_recorded_beside_it(log, tmp_path, command):
    folder = tmp_path / "audit"
    shutil.copytree(log, folder, ignore=shutil.ignore_patterns("reviews"))
    if command == "explain":
        ran = sidecar("policy", "explain", intent(log, READ), "--log", folder)
    else:
        ran = sidecar("policy", "replay", folder, "--against", "library")
    assert ran.code == 0
    looks = (folder / "reviews" / "audit.jsonl").read_bytes().splitlines()
    assert [command] == [
        event["data"]["command"] for event in map(orjson.loads, looks) if event["stage"] == "admin"
    ]


# ---- explain


def test_a_request_is_explained_rule_by_rule(tmp_path):
    request = tmp_path / "request.json"
    asked = {"tool": WRITE, "arguments": {"body": "hi"}, "endpoint": {"methods": ["read"]}}
    request.write_text(json.dumps(asked))
    ran = sidecar("policy", "explain", request)
    assert ran.code == 0
    assert "REFUSED, hidden from the caller: access.methods, sealed.methods." in ran.out
    assert "denies      sealed.methods" in ran.out
    assert re.search(r"denies +access\.methods +\S+/methods\.rego:\d+$", ran.out, re.MULTILINE)
    assert re.search(r'stopped at line \d+: not tool\.effect in {"read", "write"}', ran.out)


def test_an_allowed_request_is_told_with_its_masks(tmp_path):
    request = tmp_path / "request.json"
    request.write_text(json.dumps({"tool": READ}))
    out = sidecar("policy", "explain", request).out
    assert "ALLOWED: access.methods grants it, and nothing denies it." in out
    assert "masked in what comes back: ADDRESS mask, CARD last4" in out


def test_arguments_are_scanned_and_their_values_not_repeated(tmp_path):
    request = tmp_path / "request.json"
    request.write_text(json.dumps({"tool": READ, "arguments": {"q": "card 4111 1111 1111 1111"}}))
    out = sidecar("policy", "explain", request).out
    assert "REFUSED, told to the caller: arguments.personal_data." in out
    assert "4111" not in out


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{", "is not JSON"),
        ("{}", "must have tool"),
        ('{"tool": "a", "argument": {}}', "has a member that is not known"),
        ('{"tool": "a", "time": "soon"}', "is no time"),
        ('{"tool": "a", "arguments": {"a": ' + "[" * 70 + "]" * 70 + "}}", "more than the sidecar"),
    ],
)
def test_a_request_that_is_none_is_told(tmp_path, text, what):
    request = tmp_path / "request.json"
    request.write_text(text)
    ran = sidecar("policy", "explain", request)
    assert ran.code == 2
    assert what in ran.err


def test_a_rule_in_shadow_is_told_as_without_effect(tmp_path):
    request = tmp_path / "request.json"
    request.write_text(json.dumps({"tool": READ}))
    whole = _without_unknown(tmp_path / "whole")
    data = whole / "sidecar" / "config" / "data.yaml"
    lines = [line for line in data.read_text().splitlines() if "shadow_rules:" not in line]
    data.write_text("\n".join([*lines, "shadow_rules: [access.tags]\n"]))
    out = sidecar("policy", "explain", request, "--policies", whole).out
    assert "access.tags (in shadow: without effect)" in out


def test_an_event_is_explained_as_it_was_recorded(log):
    ran = sidecar("policy", "explain", intent(log, WRITE), "--log", log)
    assert ran.code == 0
    assert "ALLOWED" in ran.out
    assert "recorded as allowed" in ran.out


def test_an_event_that_a_rule_cannot_judge_is_told_with_the_line_that_reads(log, tmp_path):
    folder = site(tmp_path / "site", arguments_refunds='contains(input.arguments.body, "refund")')
    ran = sidecar("policy", "explain", intent(log, WRITE), "--log", log, "--policies", folder)
    assert "UNDECIDABLE" in ran.out
    assert f"{folder}/arguments_refunds.rego:14" in ran.out


def test_an_event_that_a_denial_refuses_all_the_same_is_told_as_refused(log, tmp_path):
    folder = site(
        tmp_path / "site",
        access_no_writes='tool.effect == "write"',
        arguments_refunds='contains(input.arguments.body, "refund")',
    )
    ran = sidecar("policy", "explain", intent(log, WRITE), "--log", log, "--policies", folder)
    assert "REFUSED" in ran.out
    assert "It is refused whatever stood there." in ran.out
    assert "recorded as allowed, by another policy: it turned" in ran.out


def test_an_event_that_is_not_there_is_told(log):
    ran = sidecar("policy", "explain", "no-such-event", "--log", log)
    assert ran.code == 1
    assert "no event no-such-event" in ran.err


def test_an_event_without_a_decision_on_a_call_is_told(log):
    ping = next(e["id"] for e in events(log) if e.get("mcp", {}).get("method") == "tools/list")
    ran = sidecar("policy", "explain", ping, "--log", log)
    assert ran.code == 1
    assert "holds no decision on a call" in ran.err


# ---- diff


def test_a_policy_differs_from_itself_in_nothing():
    ran = sidecar("policy", "diff", "library", "library")
    assert ran.code == 0
    assert "same: nothing would turn" in ran.out


def test_what_a_change_turns_is_told_by_reason_callers_and_tools(tmp_path):
    config = "    destructive_roles: [lead]\n    masks: {EMAIL: keep}\n"
    new = site(tmp_path / "site", config, access_no_writes='tool.effect == "write"')
    ran = sidecar("policy", "diff", "library", new)
    assert ran.code == 1
    for words in (
        "newly refused: ",
        "access.no_writes",
        "newly allowed: ",
        "was access.destructive",
        "for all methods, lead",
        "masked differently: ",
        "EMAIL mask → keep",
    ):
        assert words in ran.out


def test_a_rule_on_arguments_is_tried_on_the_catalogs_examples(tmp_path):
    new = site(tmp_path / "site", arguments_few="count(input.arguments) > 1")
    ran = sidecar("policy", "diff", "library", new)
    assert ran.code == 1
    assert "arguments.few" in ran.out
    assert "(example 1)" in ran.out


def test_callers_of_a_file_are_asked_instead(tmp_path):
    file = tmp_path / "callers.yaml"
    file.write_text("- {name: narrow, endpoint: {methods: [read]}}")
    new = site(tmp_path / "site", access_no_writes='tool.effect == "write"')
    ran = sidecar("policy", "diff", "library", new, "--callers", file)
    assert (ran.code, "same: nothing would turn" in ran.out) == (0, True)


# ---- matrix


@pytest.mark.parametrize("form", ["text", "markdown", "csv", "html"])
def test_a_matrix_has_every_tool_in_every_form(form, tmp_path):
    target = tmp_path / "matrix"
    ran = sidecar("policy", "matrix", "--as", form, "--output", target)
    assert ran.code == 0
    assert READ in target.read_text()
    assert WRITE in target.read_text()
    assert sidecar("policy", "matrix", "--as", form).out.splitlines() == (
        target.read_text().splitlines()
    )


def test_a_matrix_of_settings_has_their_endpoints_and_roles(tmp_path):
    folder = site(tmp_path / "site", access_mine='"contractor" in roles')
    secret = tmp_path / "token"
    secret.touch(mode=0o600)
    secret.write_text("a-token-of-at-least-43-characters-0123456789abc")
    file = tmp_path / "sidecar.yaml"
    file.write_text(
        f"audit: {{folder: {tmp_path}/audit}}\n"
        "backend: {url: 'http://127.0.0.1:1/mcp'}\n"
        f"policy: {{site_folder: {folder}}}\n"
        f"endpoints: [{{name: triage, token_file: {secret}, methods: [read], "
        "require_api_token_auth: false}]\n"
    )
    ran = sidecar("policy", "matrix", "--config", file)
    assert ran.code == 0, ran.err
    assert "1  triage, no role" in ran.out
    assert "2  triage, contractor" in ran.out
