"""The generated tables of the README files. `python tests/readme.py` writes them anew."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from rego_parts import RULE_FILES, metadata, name_of

from sidecar import catalog, errors, jsonrpc, metrics, settings

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
FILES = (README, ROOT / "tool_catalog" / "README.md", ROOT / "policies" / "README.md")
_BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def current(file: Path) -> str:
    """A file with every generated table as the code has it now."""
    known = catalog.load([ROOT / "tool_catalog"])
    tables = {
        "refusals": refusals(),
        "metrics": metrics.table(),
        "resources": catalog.summary(known),
        "tools": catalog.table(known),
        "settings": settings.table(),
        "rules": rules(),
        "keys": keys(),
    }
    return _BLOCK.sub(
        lambda block: f"{block[1]}\n{tables[block[2]].strip()}\n\n{block[3]}", file.read_text()
    )


def refusals() -> str:
    """Every kind of refusal: what it answers anywhere in the code, and its reasons."""
    raised: dict[str, list[dict[str, list[Any]]]] = {}
    for path in sorted((ROOT / "sidecar").rglob("*.py")):
        for name, keywords in _raised(ast.parse(path.read_text())):
            raised.setdefault(name, []).append(keywords)
    lines = [
        "| Kind | HTTP | JSON-RPC | The caller reads | Reasons in the audit log |",
        "|---|---|---|---|---|",
    ]
    for kind in errors.Refusal.__subclasses__():
        given = raised.get(kind.__name__, [])
        own = "what exactly is wrong, or: " if any("public" in g for g in given) else ""
        cells = (
            f"`{kind.__name__}`",
            _all(given, "status", kind.status),
            _all(given, "code", kind.code),
            own + kind.public,
            _all(given, "reason", kind.reason, mark="`"),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def rules() -> str:
    """Every rule of the library, with its description."""
    lines = ["| rule | what it does |", "|---|---|"]
    for path in RULE_FILES:
        description = metadata(path.read_text())["package"]["description"]
        lines.append(f"| `{name_of(path)}` | {' '.join(description.split())} |")
    return "\n".join(lines)


def keys() -> str:
    """Every key of the library's data, with the comment above it; those of rows come first."""
    text = (ROOT / "policies" / "sidecar" / "config" / "data.yaml").read_text()
    said, lines = [], ["| key | what it says |", "|---|---|"]
    for block in text.split("\n\n")[1:]:
        comment = " ".join(re.findall(r"^# ?(.*)$", block, re.MULTILINE)).replace("*", r"\*")
        comment = re.sub(r"\{(?:[^{}]|\{[^{}]*\})*\}", r"`\g<0>`", comment)
        held = yaml.safe_load(block)
        if held is None:
            said.append(comment)
            continue
        lines.append(f"| {', '.join(f'`{key}`' for key in held)} | {comment} |")
    return "\n\n".join([*said, "\n".join(lines)])


def _all(given: list[dict[str, list[Any]]], name: str, default: Any, mark: str = "") -> str:
    """Every value of one keyword; the kind's own where it is left out somewhere."""
    values = {str(value) for g in given for value in g.get(name, [default])} or {str(default)}
    return ", ".join(f"{mark}{value}{mark}" for value in sorted(values))


def _raised(tree: ast.AST) -> Iterator[tuple[str, dict[str, list[Any]]]]:
    """Each call by a name, with its keywords as far as they are constants of the code."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id, {k.arg: _values(k.value) for k in node.keywords if k.arg}


def _values(node: ast.expr) -> list[Any]:
    """What an expression may be: a constant, or either side of a conditional one."""
    if isinstance(node, ast.IfExp):
        return [*_values(node.body), *_values(node.orelse)]
    if isinstance(node, ast.Constant):
        return [node.value]
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return [getattr(jsonrpc, name, None)]


if __name__ == "__main__":
    for file in FILES:
        file.write_text(current(file))
