"""The generated tables of README.md. `python tests/readme.py` writes them anew."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from sidecar import catalog, errors, settings

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
_BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def current() -> str:
    """README.md with every generated table as the code has it now."""
    tables = {
        "refusals": refusals(),
        "tools": catalog.table(catalog.load([ROOT / "tool_catalog"])),
        "settings": settings.table(),
    }
    return _BLOCK.sub(
        lambda block: f"{block[1]}\n{tables[block[2]].strip()}\n\n{block[3]}", README.read_text()
    )


def refusals() -> str:
    """Every kind of refusal, with the reasons that are given anywhere in the code."""
    reasons: dict[str, set[str]] = {}
    for path in sorted((ROOT / "sidecar").rglob("*.py")):
        for name, reason in _reasons(ast.parse(path.read_text())):
            reasons.setdefault(name, set()).add(reason)
    lines = [
        "| Kind | HTTP | JSON-RPC | The caller reads | Reasons in the audit log |",
        "|---|--:|--:|---|---|",
    ]
    for kind in errors.Refusal.__subclasses__():
        named = sorted(reasons.get(kind.__name__, set()) | {kind.reason})
        told = ", ".join(f"`{reason}`" for reason in named)
        lines.append(
            f"| `{kind.__name__}` | {kind.status} | {kind.code} | {kind.public} | {told} |"
        )
    return "\n".join(lines)


def _reasons(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            for keyword in node.keywords:
                if keyword.arg == "reason" and isinstance(keyword.value, ast.Constant):
                    yield node.func.id, str(keyword.value.value)


if __name__ == "__main__":
    README.write_text(current())
