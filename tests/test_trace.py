"""A recorded message walked through the ten steps, and shown without anything personal."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from console import sidecar
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar import trace
from sidecar.errors import ConfigError

TRACES = Path(__file__).parent / "traces"
STEPS = [
    "admit", "verify", "parse", "find", "scan", "decide", "record intent", "forward", "redact",
    "record outcome",
]  # fmt: skip
PERSONAL = ("Jane", "Roe", "Doe", "jane.roe@example.com", "+14155552671", "5552671", "Harbor")
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}

pytestmark = pytest.mark.thorough


def walked(name: str) -> str:
    ran = sidecar("trace", TRACES / f"{name}.yaml")
    assert ran.code == 0
    return ran.out


def flat(text: str) -> str:
    """The text without its line breaks."""
    return re.sub(r"\s+", " ", text)


def steps(text: str) -> list[str]:
    """The names of the steps, in the order in which they are shown."""
    return re.findall(r"^ ?\d+ (\w+(?: \w+)?)", text, re.MULTILINE)


def test_a_masked_read_shows_ten_steps_and_the_masked_reply():
    text = walked("masked_read")
    assert steps(text) == STEPS
    assert "masked ADDRESS 2, EMAIL 2, NAME 2, PHONE 1" in text
    assert '"[NAME] ([EMAIL]) lives at [ADDRESS]."' in flat(text)
    assert "[PHONE:…2671]" in text
    assert text.index("   reply") < text.index("In the audit log:")
    assert re.search(r"^   intent .*line 1 of the chain$", text, re.MULTILINE)
    assert re.search(r"^   outcome .*line 2 of the chain$", text, re.MULTILINE)


def test_a_refused_write_stops_before_anything_is_sent_and_looks_unknown():
    text = walked("refused_write")
    assert steps(text) == [*STEPS[:6], "refused"]
    assert "sealed.methods" in text
    assert "Unknown tool: update_a_gladly_customer_by_id" in flat(text)
    assert "intent   " not in text


def test_a_refused_argument_tells_the_model_why():
    text = flat(walked("refused_argument"))
    assert "found: MASK at /emails/0/original, EMAIL at /emails/1/original" in text
    assert "arguments.masked_values" in text
    assert '"isError": true' in text


def test_a_filtered_list_shows_what_was_taken_out():
    text = walked("filtered_list")
    assert steps(text) == STEPS
    assert "hidden create_a_gladly_task, list_all_gladly_customers, run_anything" in text
    reply = flat(text[text.index("   reply") : text.index("In the audit log:")])
    assert "list_all_gladly_tasks" in reply
    assert "run_anything" not in reply
    assert '"ttlMs": 60000, "cacheScope": "private"' in reply


@pytest.mark.parametrize("file", sorted(TRACES.glob("*.yaml")), ids=lambda file: file.stem)
def test_nothing_personal_and_no_token_is_shown(file):
    text = walked(file.stem)
    shown = flat(text.replace(flat(yaml.safe_load(file.read_text())["note"]), ""))
    assert [word for word in PERSONAL if word in shown] == []
    assert "Bearer" not in text
    assert set(re.findall(r"/mcp/[^\s,]*", text)) == {"/mcp/[TOKEN]"}
    assert "eyJ" not in text, "what JSON in base64 begins with, as bearer tokens do"


@pytest.mark.parametrize("file", sorted(TRACES.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_line_fits_a_terminal(file):
    assert max(map(len, walked(file.stem).splitlines())) <= 100


def test_a_reply_that_is_not_understood_is_refused_in_its_step(tmp_path):
    file = tmp_path / "odd.yaml"
    file.write_text(yaml.safe_dump({"request": {"body": PING}, "reply": {"body": "<html>"}}))
    text = trace.walk(file)
    assert steps(text) == [*STEPS[:8], "refused"]
    assert "HTTP 502" in text


def test_a_body_may_be_text_as_it_stands(tmp_path):
    file = tmp_path / "raw.yaml"
    file.write_text("request: {body: '{not JSON'}")
    assert steps(trace.walk(file)) == ["admit", "verify", "refused"]


def test_personal_data_is_not_shown_wherever_it_stands(tmp_path):
    said = "jane.roe@example.com"
    call = {"name": f"tool-{said}", "arguments": {said: 1, "note": said, "more": [{said: said}]}}
    body = {**PING, "method": "tools/call", "params": call}
    reply = {"body": {"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "message": said}}}
    file = tmp_path / "personal.yaml"
    recording = {"note": said, "caller": {"subject": said}, "request": {"body": body}}
    file.write_text(yaml.safe_dump(recording | {"reply": reply}))
    assert said not in flat(trace.walk(file)).replace(" ", "")


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("requests: 1", ["the file", "the file"]),
        ("request: 1", ["request"]),
        ("request: {body: {}, headers: 1}", ["request.headers"]),
        ("request: {body: {}, headers: {a: [1]}}", ["request.headers.a"]),
        ("{request: {body: {}}, reply: 5, endpoint: [a], caller: x}",
         ["caller", "endpoint", "reply"]),
        ("{request: {body: {}}, endpoint: {methods: [reed]}}", ["endpoint.methods.0"]),
        ("{request: {body: {}}, caller: {subject: ''}}", ["caller.subject"]),
        ("{request: {body: {}}, reply: {status: 99}}", ["reply.status"]),
        ("request: {body: {1: c4n4ry}}", ["request.body"]),
        ("request: {body: !!set {c4n4ry}}", ["request.body"]),
    ],
)  # fmt: skip
def test_a_file_of_another_form_is_told_with_every_problem_and_no_value(tmp_path, text, places):
    file = tmp_path / "odd.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        trace.walk(file)
    assert sorted(p.where.removeprefix(f"{file} ") for p in caught.value.problems) == places
    assert "c4n4ry" not in str(caught.value)


@pytest.mark.parametrize("text", ["a: [", "a: 2026-13-45", "\x00", "- " * 4000, "a: !!python/x y"])
def test_a_file_that_is_no_yaml_is_a_problem(tmp_path, text):
    file = tmp_path / "odd.yaml"
    file.write_text(text)
    ran = sidecar("trace", file)
    assert ran.code == 2
    assert str(file) in ran.err


@pytest.mark.parametrize("name", ["missing.yaml", ""])
def test_a_file_that_cannot_be_read_is_a_problem(tmp_path, name):
    ran = sidecar("trace", tmp_path / name)
    assert ran.code == 2
    assert "cannot be read" in ran.err


@settings(max_examples=10)
@given(note=st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=200))
def test_any_note_may_stand_above_a_walk(tmp_path_factory, note):
    file = tmp_path_factory.mktemp("note") / "a.yaml"
    file.write_text(yaml.safe_dump({"note": note, "request": {"body": PING}}))
    assert "1 admit" in trace.walk(file)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("package site.rules.access.x\n\ndenny contains 1\n", 3, "did you mean deny?"),
        ("package site.rules.access.x\n\ndeny contains {\n", 4, "expecting expression"),
        ("package mysite.x\n\ndeny := 1\n", 1, "does not begin with site"),
    ],
)
def test_a_rule_that_the_check_would_refuse_is_told_and_nothing_is_walked(
    tmp_path, text, line, says
):
    (tmp_path / "mine.rego").write_text(text)
    ran = sidecar("trace", TRACES / "masked_read.yaml", "--site", tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert f"{tmp_path / 'mine.rego'}:{line}: " in ran.err
    assert says in ran.err


def test_a_site_that_is_no_folder_is_told(tmp_path):
    ran = sidecar("trace", TRACES / "masked_read.yaml", "--site", tmp_path / "none")
    assert (ran.code, ran.out) == (2, "")
    assert "no such folder of policies" in ran.err
