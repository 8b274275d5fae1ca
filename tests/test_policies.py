"""The Rego library: its own tests, its METADATA, its README and its contract with the sidecar."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from flow import CATALOG
from jsonschema import Draft202012Validator
from rego_parts import (
    EXAMPLE,
    POLICIES,
    README,
    RULE_FILES,
    ask,
    changed,
    decide,
    engine_of,
    example,
    library,
    metadata,
    name_of,
    readme_files,
    rule_tests,
)

from sidecar.model import ENTITIES, METHOD_GROUPS, ArgumentMarks, Caller, Endpoint, Finding, Tool
from sidecar.policy import Facts, read, sealed

CONTRACT: dict[str, Any] = json.loads((POLICIES / "input.schema.json").read_text())
SCHEMA = Draft202012Validator(CONTRACT)


# ---- every `test_` rule, one item each. A failing rule is merely absent from its package, so the
# names come from the source and each must be true.


def collected() -> Iterator[Any]:
    for path in sorted(POLICIES.rglob("*_test.rego")):
        for rule in rule_tests(path.read_text()):
            yield pytest.param(path, rule, id=rule.removeprefix("data.sidecar."))


@functools.cache
def engine_with(path: Path) -> Any:
    return engine_of({str(p): p.read_text() for p in (EXAMPLE, path)})


@pytest.mark.parametrize(("path", "rule"), list(collected()))
def test_a_rule_test_holds_on_the_embedded_engine(path: Path, rule: str):
    assert ask(engine_with(path), rule) is True


def test_a_rule_test_that_fails_is_seen():
    text = "package sidecar.x_test\n\ntest_wrong if 1 == 2\n\ntest_right if true\n"
    wrong, right = rule_tests(text)
    engine = engine_of({"x": text})
    assert (ask(engine, wrong), ask(engine, right)) == ("<undefined>", True)


def test_every_rule_has_tests_beside_it_one_of_them_without_input():
    for path in RULE_FILES:
        beside = path.with_name(f"{path.stem}_test.rego").read_text()
        assert re.search(r"^test_\w+_missing_input if", beside, re.MULTILINE), path


# ---- what METADATA says and what rules say (rego.metadata is not to be had at run time)


SITE = {
    "denied": [{"tags": ["switched"]}],
    "open_hours": [{"tags": ["switched"], "open": {}}],
    "reserved_tools": [{"tags": ["switched"], "roles": []}],
    "reserved_values": [{"argument": "status", "values": ["CLOSED"], "roles": []}],
    "webhook_hosts": [],
    "caller_masks": [{"clients": ["masked"], "masks": {"EMAIL": "drop"}}],
}
"""What switches on the rules that are off as shipped."""

CASES: tuple[dict[str, Any], ...] = (
    {"name": "prompts/get", "tags": ["exit"]},
    {},
    {"method": "delete", "effect": "destructive", "known": False, "pinned": False},
    {"tags": ["unreviewed"]},
    {"tags": ["switched"], "caller": {**example()["caller"], "client": "masked"}},
    {"tags": ["webhooks"], "given": {"status": "closed", "url": "https://evil.example"}},
    {"tags": ["export"], "endpoint": {"methods": [], "tags": ["tasks"]}},
    {
        "tags": ["export"],
        "recent": {"customers": 500, "new_customers": 1, "customer_text_seconds": 1},
    },
    {"findings": [{"entity": entity, "pointer": "", "length": 9} for entity in ("CARD", "MASK")]},
)


def emitted() -> Iterator[tuple[str, str, dict[str, Any]]]:
    engine = engine_of({}, {"config": SITE})
    for case in CASES:
        given = case.get("given", {})
        engine.set_input_json(json.dumps({**changed(**case), "arguments": given}))
        (answer,) = json.loads(engine.eval_query_as_json("data.sidecar.rules"))["result"]
        rules = answer["expressions"][0]["value"]
        for group, packages in rules.items():
            for rule, said in packages.items():
                for kind in {"grant", "deny", "mask"} & said.keys():
                    yield from ((f"{group}.{rule}", kind, result) for result in said[kind])


def test_rules_say_what_their_metadata_says():
    spoken = set()
    declared = {name_of(path): metadata(path.read_text()) for path in RULE_FILES}
    for rule, kind, result in emitted():
        custom = declared[rule][kind]["custom"]
        spoken.add((rule, kind))
        assert result["code"] == custom["code"] == rule
        if kind == "deny":
            template = re.escape(custom["message"]).replace("%s", r"\S*").replace("%d", "[0-9]+")
            assert re.fullmatch(template, result["message"])
            assert result["remedy"] == custom["remedy"]
    kinds = {"grant", "deny", "mask"}
    assert spoken == {(rule, kind) for rule, heads in declared.items() for kind in kinds & {*heads}}


def test_every_denial_and_mask_names_related_rules_that_there_are():
    declared = {name_of(path): metadata(path.read_text()) for path in RULE_FILES}
    for name, heads in declared.items():
        for kind in {"deny", "mask"} & heads.keys():
            related = heads[kind]["custom"]["related"]
            assert related
            assert name not in related
            assert set(related) <= declared.keys()


def test_every_package_and_public_rule_has_a_title_and_a_description():
    for name, text in read([POLICIES]).modules:
        heads = set(
            re.findall(
                r"^(?:default )?((?!(?:else|default)\b)[a-z]\w*)\b.* (?::=|if|contains)",
                text,
                re.MULTILINE,
            )
        )
        declared = metadata(text)
        assert {*heads, "package"} <= declared.keys(), name
        assert all({"title", "description"} <= block.keys() for block in declared.values()), name


def test_the_readme_lists_every_rule_with_its_description():
    section = README.split("## The library's rules")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| `([\w.]+)` \| (.+) \|$", section, re.MULTILINE))
    declared = {name_of(p): metadata(p.read_text())["package"]["description"] for p in RULE_FILES}
    assert rows == {name: " ".join(text.split()) for name, text in declared.items()}


def test_the_readme_names_every_code_of_the_sealed_scope_and_what_the_groups_stand_for():
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    nothing = Endpoint("e", None, methods=("get",), tags=("t",), expires_at=noon)
    codes = [denial.code for denial in sealed.denials(Tool("x"), nothing, noon)]
    assert len(codes) == 3
    assert all(f"`{code}`" in README for code in codes)
    for group, methods in METHOD_GROUPS.items():
        (said,) = re.findall(rf"`{group}` (?:stands )?for (?:the methods )?([a-z, ]+)[,:]", README)
        assert set(re.findall(r"[a-z]+", said)) - {"and"} == methods


# ---- the README's example rule


def test_the_readmes_example_rule_passes_its_tests_and_decides():
    modules = readme_files("rego")
    source = next(text for name, text in modules.items() if name.endswith("_test.rego"))
    engine = engine_of({**modules, "example": EXAMPLE.read_text()})
    assert [ask(engine, rule) for rule in rule_tests(source)] == [True] * 4
    caller = {**example()["caller"], "roles": ["contractor"]}
    tool = decide(engine, changed(effect="write", caller=caller))["tools"]["read_one"]
    assert [denial["code"] for denial in tool["denials"]] == ["access.contractors"]


def test_the_readmes_rule_about_customers_texts_keeps_them_from_what_writes_to_customers():
    (body,) = re.findall(r"^```rego\n(deny contains.*?)^```", README, re.MULTILINE | re.DOTALL)
    told = {"code": "access.injection", "message": "No.", "remedy": "Ask another endpoint."}
    head = "package site.rules.access.injection\n\nimport data.sidecar.lib.query.tools\n\n"
    engine = engine_of({"injection.rego": f"{head}_told := {json.dumps(told)}\n\n{body}"})
    denied = {
        (tag, name)
        for tag in ("outbound", "tasks")
        for name in ("list_all_gladly_tasks", "list_all_gladly_agents", "nobody_knows")
        for tool in decide(engine, asked(name, tag))["tools"].values()
        if "access.injection" in {denial["code"] for denial in tool["denials"]}
    }
    assert denied == {("outbound", "list_all_gladly_tasks"), ("outbound", "nobody_knows")}


def asked(name: str, tag: str) -> dict[str, Any]:
    """What the sidecar writes of a list of one tool of the catalog, at an endpoint with one tag."""
    caller = Caller(Endpoint("support", None, tags=(tag,)), is_authenticated=True)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Facts([CATALOG.find(name)], caller, "tools/list", "2025-06-18", now).document()


def test_the_readmes_example_data_is_used():
    ((name, text),) = readme_files("yaml").items()
    engine = engine_of({}, {"config": yaml.safe_load(text)})
    masks = decide(engine, example())["tools"]["read_one"]["masks"]
    assert name == "your-folder/site/config/data.yaml"
    assert {"entity": "PHONE", "action": "mask", "code": "masks.default"} in masks


def test_the_readmes_example_decision_is_one():
    (block,) = re.findall(r"```json\n(.*?)```", README, re.DOTALL)
    shown = json.loads(block)
    real = decide(library(), changed(name="delete_one", method="delete"))
    shown_masks = shown["tools"]["delete_one"].pop("masks")
    masks = real["tools"]["delete_one"].pop("masks")
    assert shown == real
    assert all(mask in masks for mask in shown_masks)


# ---- the contract and the data


def facts(method: str, **more: Any) -> Facts:
    marks = {"body": ArgumentMarks(overwrites=True, expected=("EMAIL",))}
    caller = Caller(
        Endpoint("support", None, expires_at=datetime(2027, 1, 1, tzinfo=UTC)),
        is_authenticated=True,
    )
    now = datetime(2026, 1, 1, tzinfo=UTC)
    tool = Tool("read_one", is_known=True, method="get", effect="read", arguments=marks)
    return Facts([tool, Tool("nobody_knows")], caller, method, "2025-06-18", now, **more)


def test_what_the_sidecar_writes_is_what_the_schema_says():
    call = facts("tools/call", arguments={}, findings=[Finding("MASK", "/body", 6)])
    for document in (facts("tools/list").document(), call.document()):
        SCHEMA.validate(orjson.loads(orjson.dumps(document)))
        assert decide(library(), document)["tools"].keys() == {"read_one", "nobody_knows"}


def test_the_schema_is_closed_and_knows_lists_from_calls():
    Draft202012Validator.check_schema(CONTRACT)
    assert SCHEMA.is_valid(example())
    assert not SCHEMA.is_valid({**example(), "surprise": 1})
    assert not SCHEMA.is_valid(changed(mcp={"method": "tools/list", "protocol": ""}))
    assert not SCHEMA.is_valid({k: v for k, v in example().items() if k != "findings"})
    nouns = [CONTRACT, *CONTRACT["properties"].values(), *CONTRACT["$defs"].values()]
    assert all(noun["additionalProperties"] is False for noun in nouns if "properties" in noun)


def test_the_readme_names_every_member_of_the_input():
    section = README.split("## What a rule may read")[1].split("What comes out")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == [*CONTRACT["properties"]]


def test_entities_and_method_groups_are_those_of_the_sidecar():
    config = read([POLICIES]).data["sidecar"]["config"]
    assert config["masks"].keys() == ENTITIES == set(CONTRACT["$defs"]["entity"]["enum"])
    assert "keep" not in {config["masks"][entity] for entity in config["always_masked"]}
    for group, members in METHOD_GROUPS.items():
        methods = CONTRACT["$defs"]["tool"]["properties"]["method"]["enum"]
        endpoint = {**example()["endpoint"], "methods": [group]}
        allowed = {
            method
            for method in methods
            if decide(library(), changed(method=method, endpoint=endpoint))["tools"]["read_one"][
                "allow"
            ]
        }
        assert allowed == members


def test_access_and_mask_rules_read_neither_arguments_nor_findings():
    for path in RULE_FILES:
        if name_of(path).split(".")[0] != "arguments":
            assert not re.search(r"input\.(arguments|findings)|lib\.findings", path.read_text())
