"""Rego in this process: each trap of the engine, and that none of them lets anything through."""

from __future__ import annotations

import gc
import threading
from pathlib import Path

import pytest
from engine_parts import JSON, bundle, evaluated, facts, problems, put
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.errors import ConfigError, OrganDown
from sidecar.policy import Embedded, Policy, read
from sidecar.policy.embedded import MAX_INPUT
from sidecar.settings import shipped

START = {"version": 1, "tools": []}
ODD = bundle("""
said := {"denials": [], "masks": []} if not input.do
said := {"echo": input.value} if input.do == "echo"
said := {"panic": strings.count("x", "")} if input.do == "panic"
said := {"error": to_number("x")} if input.do == "fail"
""")
ECHO_1 = {"do": "echo", "value": 1}


def reason(answer: object) -> str:
    assert isinstance(answer, OrganDown)
    return answer.reason


def refused_at_load(folder: Path, text: str) -> str:
    """The one problem of a site rule."""
    site = put(folder, {"hours.rego": f"package site.rules.access.hours\n\n{text}"})
    with pytest.raises(ConfigError) as caught:
        Embedded(read([shipped("policies"), site]))
    (line,) = problems(caught.value, folder)
    return line


def test_an_undefined_decision_is_never_taken_for_one():
    """The engine gives the truthy JSON string "<undefined>"."""
    answer = evaluated(Embedded(ODD), {"do": "nothing that is known"})
    assert not isinstance(answer, dict)


@pytest.mark.anyio
async def test_an_undefined_decision_stops_the_call():
    made = Embedded(bundle('said := {"denials": [], "masks": []} if not input.arguments.odd\n'))
    with pytest.raises(OrganDown) as caught:
        await Policy(made, 5.0).decide(facts(arguments={"odd": 1}))
    assert caught.value.reason == "policy_malformed"


@pytest.mark.parametrize("do", ["panic", "fail"])
def test_a_panic_or_an_error_is_no_decision_and_the_engine_is_made_anew(do):
    engine = Embedded(ODD)
    assert reason(evaluated(engine, {"do": do})) == "policy_failed"
    assert evaluated(engine, ECHO_1) == {"echo": 1}


@pytest.mark.parametrize(
    "value",
    ["\ud800", 2**64, object(), {1: "x"}, "x" * MAX_INPUT],
    ids=["lone surrogate", "too large a number", "no JSON", "number as a key", "oversize"],
)
def test_a_failed_input_is_refused_and_never_answered_from_the_previous_one(value):
    engine = Embedded(ODD)
    assert evaluated(engine, ECHO_1) == {"echo": 1}
    assert reason(evaluated(engine, {"do": "echo", "value": value})) == "policy_input"
    assert evaluated(engine, {"do": "echo", "value": 2}) == {"echo": 2}


def test_input_that_the_engine_itself_cannot_read_leaves_nothing_behind():
    """orjson writes deeper nesting than the engine parses."""
    engine = Embedded(ODD)
    deep: object = 0
    for _ in range(200):
        deep = [deep]
    first = evaluated(engine, ECHO_1)
    answer = evaluated(engine, {"do": "echo", "value": deep})
    assert isinstance(answer, OrganDown) or answer == {"echo": deep}
    assert evaluated(engine, ECHO_1) == first


def test_the_cap_on_the_input_counts_bytes_and_not_characters():
    """A fact of the engine's costs: what is evaluated is UTF-8."""
    value = "é" * (MAX_INPUT // 2 + 1)
    assert reason(evaluated(Embedded(ODD), {"do": "echo", "value": value})) == "policy_input"


def test_a_use_from_another_thread_is_no_decision_and_breaks_nothing():
    engine = Embedded(ODD)
    seen: list[object] = []
    thread = threading.Thread(target=lambda: seen.append(evaluated(engine, ECHO_1)))
    thread.start()
    thread.join()
    assert reason(seen[0]) == "policy_failed"
    assert evaluated(engine, ECHO_1) == {"echo": 1}


def test_an_engine_that_another_thread_collects_does_not_panic():
    """(ours) Garbage is collected by whichever thread happens to allocate."""
    holder = [Embedded(ODD)]
    thread = threading.Thread(target=holder.clear)
    thread.start()
    thread.join()
    assert holder == []


def test_an_engine_that_an_error_keeps_alive_does_not_panic_either():
    """(ours) The frames of an error hold what they were about."""
    holder: list[object] = []
    for text in ("said := {", "said := 1"):
        try:
            Embedded(bundle(text))
        except ConfigError as error:
            holder.append(error)

    def collect() -> None:
        holder.clear()
        gc.collect()

    thread = threading.Thread(target=collect)
    thread.start()
    thread.join()
    assert holder == []


@given(value=JSON)
def test_every_input_arrives_unchanged(value):
    assert evaluated(Embedded(ODD), {"do": "echo", "value": value}) == {"echo": value}


@pytest.mark.thorough
@settings(max_examples=15)  # a panic prints a backtrace, which takes 50 ms
@given(do=st.sampled_from(["echo", "panic", "fail", "x"]), value=JSON)
def test_the_engine_either_answers_or_refuses(do, value):
    answer = evaluated(Embedded(ODD), {"do": do, "value": value})
    assert isinstance(answer, dict | str | OrganDown)


def test_a_refusal_of_the_engine_holds_nothing_of_the_input():
    answer = evaluated(Embedded(ODD), {"do": "fail", "value": "jane.roe@example.com"})
    assert isinstance(answer, OrganDown)
    assert "jane" not in f"{answer} {answer.public}"
    assert answer.__cause__ is None
    assert answer.__suppress_context__


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("deny contains 1 if {\n\tx ==\n}\n", 5, "expecting expression"),
        ("deny contains 1 if {\n\tnot input.x == y\n}\n", 4, "`y` is unsafe"),
        ('x := "' + "a" * 1100 + '"\n', 3, "line exceeds maximum column width"),
        ("deny { true }\n", 3, "`if` keyword is required"),
    ],
    ids=["syntax", "unsafe variable", "long line", "Rego of version 0"],
)
def test_a_rule_that_cannot_run_is_refused_at_load_with_file_and_line(tmp_path, text, line, says):
    told = refused_at_load(tmp_path, text)
    assert told.startswith(f"hours.rego:{line}: ")
    assert says in told
    assert "\n" not in told


@pytest.mark.parametrize(
    "text",
    [
        'deny contains {"tool": x, "code": "c"} if {\n\tx\n}\n',
        'deny contains {"tool": "*", "code": no.such_function(1)}\n',
        'deny contains {"tool": "*", "code": sprintf("%s")}\n',
    ],
    ids=["unsafe variable", "unknown function", "wrong number of arguments"],
)
def test_what_shows_only_when_it_is_reached_is_reached_at_load(tmp_path, text):
    """Else `sidecar check` is content and then every call is refused."""
    assert refused_at_load(tmp_path, text).startswith("hours.rego:")


def test_every_module_that_does_not_parse_is_told_at_once(tmp_path):
    files = {"a.rego": "package", "b.rego": "nothing", "c.rego": "package c"}
    with pytest.raises(ConfigError) as caught:
        Embedded(read([put(tmp_path, files)]))
    assert [line.split(":")[0] for line in problems(caught.value, tmp_path)] == ["a.rego", "b.rego"]


@pytest.mark.parametrize("body", ["x := 1\n", "said := 1\n", 'said := {"denials": {}}\n'])
def test_a_bundle_without_the_entrypoint_is_refused_at_load(body):
    with pytest.raises(ConfigError, match=r"data\.sidecar\.main\.said is not defined"):
        Embedded(bundle(body))


def test_a_panic_at_load_is_a_problem_and_no_crash():
    with pytest.raises(ConfigError):
        Embedded(bundle('said := {"denials": [strings.count("x", "")]}\n'))


def test_the_digest_is_the_bundles():
    assert Embedded(ODD).policy_sha256 == ODD.sha256
