"""Arguments that are too large to be judged: no engine sees them, and the caller is told."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from engine_parts import READER, TOOL, Fixed, answer, facts
from flow import BUNDLE, CATALOG, call, flow, tool_result
from review_parts import WRITE

from sidecar.model import Endpoint, Finding, JsonObject, Tool, Verdict
from sidecar.policy import Embedded, Facts, Policy, bounds
from sidecar.review.replayed import replay

AT_BOUND: dict[str, tuple[JsonObject, int]] = {
    "bytes": ({"a": "x" * (bounds.MAX_BYTES - len('{"a":""}'))}, 0),
    "values": ({"a": ["x"] * (bounds.MAX_VALUES - 2)}, 0),
    "objects": ({"a": [{}] * (bounds.MAX_VALUES - 2)}, 0),
    "findings": ({"a": "x"}, bounds.MAX_FINDINGS),
}


def nested(depth: int) -> JsonObject:
    value: JsonObject = {"a": 1}
    for _ in range(depth - 1):
        value = {"a": value}
    return value


AT_BOUND["depth"] = (nested(bounds.MAX_DEPTH), 0)
BEYOND: dict[str, tuple[JsonObject, int]] = {
    "bytes": ({"a": "x" * (bounds.MAX_BYTES - len('{"a":""}') + 1)}, 0),
    "letters of several bytes": ({"a": "ü" * (bounds.MAX_BYTES // 2)}, 0),
    "values": ({"a": ["x"] * (bounds.MAX_VALUES - 1)}, 0),
    "objects": ({"a": [{}] * (bounds.MAX_VALUES - 1)}, 0),
    "findings": ({"a": "x"}, bounds.MAX_FINDINGS + 1),
    "depth": (nested(bounds.MAX_DEPTH + 1), 0),
}


def asked(arguments: JsonObject, count: int, tool: Tool = TOOL) -> Facts:
    found = [Finding("EMAIL", f"/a/{number}", 5) for number in range(count)]
    return facts(tool, arguments=arguments, findings=found)


class Listening(Fixed):
    """Allows everything, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(answer())
        self.heard: list[JsonObject] = []

    async def evaluate(self, document: JsonObject) -> Any:
        self.heard.append(document)
        return await super().evaluate(document)


def decided(engine: Any, question: Facts) -> Verdict:
    return asyncio.run(Policy(engine, timeout=30.0).decide(question)).of(TOOL.name)


@pytest.mark.parametrize("what", AT_BOUND)
def test_arguments_at_a_bound_are_judged_whole(what: str):
    arguments, count = AT_BOUND[what]
    engine = Listening()
    assert decided(engine, asked(arguments, count)).is_allowed
    (heard,) = engine.heard
    assert (heard["arguments"], len(heard["findings"])) == (arguments, count)


@pytest.mark.parametrize("what", BEYOND)
def test_arguments_beyond_a_bound_are_refused_in_words_and_no_engine_sees_them(what: str):
    engine = Listening()
    verdict = decided(engine, asked(*BEYOND[what]))
    (denial,) = verdict.denials
    assert (denial.code, denial.group, verdict.is_hidden) == (bounds.CODE, "arguments", False)
    assert "too large to be judged" in denial.message
    assert any(digit.isdigit() for digit in denial.message), "it says how much is taken"
    assert denial.remedy
    (heard,) = engine.heard
    assert (heard["arguments"], heard["findings"]) == ({}, [])


def test_commas_in_a_text_are_no_values():
    assert decided(Listening(), asked({"a": "[{," * bounds.MAX_VALUES}, 0)).is_allowed


@pytest.mark.parametrize("what", AT_BOUND)
def test_the_embedded_engine_takes_arguments_at_a_bound(what: str):
    assert decided(Embedded(BUNDLE), asked(*AT_BOUND[what])).is_allowed


def test_a_hidden_tool_stays_hidden_however_much_it_is_given():
    narrow = facts(
        TOOL,
        caller=replace(READER, endpoint=Endpoint("narrow", None, ("create",))),
        arguments=BEYOND["values"][0],
    )
    assert decided(Embedded(BUNDLE), narrow).is_hidden


def test_every_other_denial_is_told_beside():
    unknown = Tool(TOOL.name, method="list", effect="read")
    verdict = decided(Embedded(BUNDLE), asked(*BEYOND["depth"], unknown))
    assert [denial.code for denial in verdict.denials] == [bounds.CODE, "access.unknown"]


# ---- the catalog


def largest(schema: Any) -> tuple[float, int]:
    """The most characters that a schema takes (infinite where it does not say), and its depth."""
    choices = schema.get("oneOf") or schema.get("anyOf")
    if choices:
        sizes, depths = zip(*map(largest, choices), strict=True)
        return max(sizes), max(depths)
    if "enum" in schema:
        return max(len(str(one)) for one in schema["enum"]), 0
    inner = list(schema.get("properties", {}).values())
    if schema.get("type") == "array":
        inner = [schema.get("items", {})]
    sizes, depths = zip(*map(largest, inner), strict=True) if inner else ((0,), (0,))
    if schema.get("type") == "array":
        return sizes[0] * schema.get("maxItems", float("inf")) if sizes[0] else 0, depths[0] + 1
    if schema.get("type") == "object":
        return sum(sizes), max(depths) + 1
    return schema.get("maxLength", float("inf") if schema.get("type") == "string" else 20), 0


def test_what_the_catalog_bounds_fits_even_in_letters_of_four_bytes():
    found = [largest(row.input_schema) for row in CATALOG.rows]
    bounded = [size for size, _ in found if size != float("inf")]
    assert 200_000 < max(bounded) < bounds.MAX_BYTES / 4
    assert max(depth for _, depth in found) * 4 < bounds.MAX_DEPTH


# ---- on the road


@pytest.mark.anyio
async def test_a_call_at_a_bound_passes_and_a_larger_one_is_told_so_and_recorded(
    tmp_path,
):
    fits = {"conversation_id": "c" * 22, "body": "word " * ((bounds.MAX_BYTES - 200) // 5)}
    too_large = fits | {"body": fits["body"] + "word " * 100}
    async with flow(tmp_path) as f:
        f.backend.reply = tool_result({"id": "x"})
        assert not (await f.ask(call(WRITE, **fits))).json()["result"]["isError"]
        said = (await f.ask(call(WRITE, **too_large))).json()["result"]
        hidden = (await f.ask(call(WRITE, **too_large), endpoint="read")).json()
    assert said["isError"]
    assert said["content"][0]["text"].startswith(f"{bounds.CODE}: The arguments are too large")
    assert hidden["error"]["message"].startswith("Unknown tool")
    assert len(f.backend.sent) == 1
    decision = f.events("outcome")[1]["decision"]
    assert (decision["result"], decision["reason"]) == ("deny", "arguments_refused")
    assert [denial["code"] for denial in decision["denials"]] == [bounds.CODE]
    replayed = await replay(f.log, BUNDLE)
    assert (replayed.counts["same"], replayed.counts["allowed"]) == (3, 0)
