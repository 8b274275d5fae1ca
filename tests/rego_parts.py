"""What the tests of the Rego library share: the library on the embedded engine, and an example."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import regorus
import yaml

from sidecar.policy import read

POLICIES = Path(__file__).parent.parent / "policies"
README = (POLICIES / "README.md").read_text()
RULE_FILES = sorted(
    path
    for path in (POLICIES / "sidecar" / "rules").rglob("*.rego")
    if not path.name.endswith("_test.rego")
)
EXAMPLE = POLICIES / "sidecar" / "example" / "example_test.rego"


def engine_of(modules: Mapping[str, str], site: Mapping[str, Any] | None = None) -> Any:
    """The library as our loader reads it, with more modules and with a site's data."""
    bundle = read([POLICIES])
    engine = regorus.Engine()
    engine.add_data_json(json.dumps({**bundle.data, **({"site": site} if site else {})}))
    for name, text in {**dict(bundle.modules), **modules}.items():
        engine.add_policy(name, text)
    return engine


def ask(engine: Any, rule: str, document: object = None) -> Any:
    engine.set_input_json(orjson.dumps(document).decode())
    return orjson.loads(engine.eval_rule_as_json(rule))


def decide(engine: Any, document: object) -> Any:
    return ask(engine, "data.sidecar.main.decision", document)


library = functools.cache(lambda: engine_of({}))


@functools.cache
def example() -> dict[str, Any]:
    """The readable call that the Rego tests start from."""
    call = ask(engine_of({"example": EXAMPLE.read_text()}), "data.sidecar.example_test.call")
    return dict(call)


def changed(**members: Any) -> dict[str, Any]:
    tool = {k: v for k, v in members.items() if k in example()["tools"][0]}
    rest = {k: v for k, v in members.items() if k not in tool}
    return {**example(), "tools": [{**example()["tools"][0], **tool}], **rest}


def rule_tests(text: str) -> list[str]:
    engine = regorus.Engine()
    engine.add_policy("tests.rego", text)
    (module,) = json.loads(engine.get_ast_as_json())
    package = engine.get_packages()[0]
    heads = re.findall(r'"value": "(test_[a-z0-9_]+)"', json.dumps(module["ast"]["rules"]))
    return [f"{package}.{name}" for name in dict.fromkeys(heads)]


def readme_files(language: str) -> dict[str, str]:
    blocks = re.findall(rf"^```{language}\n# (\S+)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    return {name: text.lstrip() for name, text in blocks}


def metadata(text: str) -> dict[str, dict[str, Any]]:
    """The METADATA blocks of a module by what they stand above: `package`, `deny`, `mask` …"""
    blocks = re.findall(r"^# METADATA\n((?:#.*\n)+)(?:default )?(\w+)", text, re.MULTILINE)
    return {head: yaml.safe_load(re.sub(r"(?m)^# ?", "", block)) for block, head in blocks}


def name_of(path: Path) -> str:
    return f"{path.parent.parent.name}.{path.stem}"
