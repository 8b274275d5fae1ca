"""What a Rego module says of itself: package, imports, rules, and what each rule refers to.

Pure: the embedded engine gives the syntax tree of a module as a JSON value (version 1 of its form),
and this walks it. Positions are lines of the source, counted from one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Path = tuple[str | None, ...]
"""Steps of a reference from its root on; None is a step that only an evaluation knows."""

Kind = Literal["set", "value", "function"]


@dataclass(frozen=True, slots=True)
class Reference:
    """A place in `input` or `data` that is read. The root is the first step."""

    path: Path
    line: int


@dataclass(frozen=True, slots=True)
class Rule:
    """One definition. `path` is its name below the package; `term` the element or value it gives.

    `term` is a node of the tree, None where a rule only says that it holds.
    """

    path: Path
    kind: Kind
    line: int
    term: Mapping[str, Any] | None
    references: tuple[Reference, ...]


@dataclass(frozen=True, slots=True)
class Module:
    """One file. `line` is that of the package's name.

    `tools` are the texts that `tool.name` is compared with, each with its line. `tree` is the
    whole of it as the engine gave it, for the checks that walk it, `text` its source, and
    `aliases` say what a name stands for that an import gave.
    """

    file: str
    package: tuple[str, ...]
    line: int
    imports: tuple[Reference, ...]
    rules: tuple[Rule, ...]
    tools: tuple[tuple[str, int], ...] = ()
    tree: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    text: str = field(default="", repr=False, compare=False)
    aliases: Mapping[str, Path] = field(default_factory=dict, repr=False, compare=False)

    @property
    def references(self) -> tuple[Reference, ...]:
        """Everything that is read: imports first, then rule by rule."""
        return (*self.imports, *(found for rule in self.rules for found in rule.references))


def module(entry: Mapping[str, Any], *, has_references: bool = True) -> Module:
    """Read one element of the engine's list of modules; finding its references takes longest."""
    tree, source = entry["ast"], entry["source"]["contents"].encode()
    package = path_of(tree["package"]["refr"])
    imports, aliases = [], {}
    for item in tree["imports"]:
        reads = Reference(path_of(item["refr"]), item["span"]["line"])
        if reads.path[0] in {"input", "data"}:
            imports.append(reads)
            alias = _slice(source, item["as"]) if item.get("as") else reads.path[-1]
            aliases[str(alias)] = reads.path
    found = (next(iter(node.items())) for node in tree["rules"])
    rules = tuple(_rule(item, aliases if has_references else None, source) for item in found)
    line = tree["package"]["span"]["line"]
    tools = tuple(_tools(tree["rules"])) if has_references else ()
    file, text = entry["source"]["file"], entry["source"]["contents"]
    names = tuple(map(str, package))
    return Module(file, names, line, tuple(imports), rules, tools, tree, text, aliases)


def literal(node: Any) -> str | None:
    """The text that a node is; None when it is anything else."""
    for kind in ("String", "RawString"):
        if isinstance(node, dict) and kind in node:
            return str(node[kind]["value"])
    return None


def fields(node: Any) -> dict[str, Any] | None:
    """The members of an object that is written out, by name; None when a name is not."""
    if not isinstance(node, dict) or "Object" not in node:
        return None
    members = {literal(key): value for _, key, value in node["Object"]["fields"]}
    return None if None in members else {str(key): value for key, value in members.items()}


def _slice(source: bytes, span: Mapping[str, int]) -> str:
    return source[span["start"] : span["end"]].decode()


def _rule(item: tuple[str, Any], aliases: Mapping[str, Path] | None, source: bytes) -> Rule:
    form, node = item
    kind: Kind = "value"
    if form == "Default":
        head, term, parts = node["refr"], node["value"], [node["value"]]
    else:
        shape, inner = next(iter(node["head"].items()))
        kind = {"Set": "set", "Func": "function"}.get(shape, "value")  # type: ignore[assignment]
        head = inner["refr"]
        term = inner["key"] if kind == "set" else (inner.get("assign") or {}).get("value")
        parts = [*indexes(head), term, node["bodies"]]
    references: tuple[Reference, ...] = ()
    if aliases is not None:
        names = {n for n in bound(node, source) if n in aliases}
        visible = {name: path for name, path in aliases.items() if name not in names}
        references = tuple(_references(parts, visible))
    return Rule(path_of(head), kind, node["span"]["line"], term, references)


def path_of(node: Any) -> Path:
    """The steps of a reference, the root's name first; None first when it has no name."""
    steps: list[str | None] = []
    while True:
        if "RefDot" in node:
            steps.append(node["RefDot"]["field"][1])
            node = node["RefDot"]["refr"]
        elif "RefBrack" in node:
            steps.append(literal(node["RefBrack"]["index"]))
            node = node["RefBrack"]["refr"]
        else:
            root = node["Var"]["value"] if "Var" in node else None
            return (root, *reversed(steps))


def indexes(node: Any) -> list[Any]:
    """The steps of a reference that are terms of their own, and its root when it has no name."""
    found = []
    while "RefDot" in node or "RefBrack" in node:
        inner = node.get("RefDot") or node["RefBrack"]
        if "index" in inner:
            found.append(inner["index"])
        node = inner["refr"]
    return found if "Var" in node else [*found, node]


def nodes(root: Any) -> Iterator[dict[str, Any]]:
    """Every object of a tree, outermost first; without recursion, for trees may be deep."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(reversed(list(node.values())))
        elif isinstance(node, list):
            waiting.extend(reversed(node))


def bound(rule: Any, source: bytes) -> Iterator[str]:
    """Names that a rule gives to its own variables: they hide an import of the same name."""
    for node in nodes(rule):
        for made in (node.get("SomeIn"), node.get("Every"), node.get("Func")):
            if made:
                wanted = (made.get("key"), made.get("value"), *made.get("args", ()))
                yield from _variables(wanted, source)
        if "SomeVars" in node:
            yield from _variables(node["SomeVars"]["vars"], source)
        if node.get("AssignExpr", {}).get("op") == "ColEq":
            yield from _variables([node["AssignExpr"]["lhs"]], source)


def _variables(parts: Any, source: bytes) -> Iterator[str]:
    """Names in patterns; where the tree has only a span, the source has the name."""
    for part in parts:
        if isinstance(part, dict) and "start" in part:
            yield _slice(source, part)
        else:
            yield from (n["Var"]["value"] for n in nodes(part) if "Var" in n)


def _references(root: Any, aliases: Mapping[str, Path]) -> Iterator[Reference]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting.extend(reversed(node))
        elif isinstance(node, dict) and node.keys() & {"Var", "RefDot", "RefBrack"}:
            yield from _resolved(node, (), aliases)
            waiting.extend(reversed(indexes(node)))
        elif isinstance(node, dict):
            yield from _got(node, aliases)
            # What `with` puts in a place is read; the place itself is not.
            waiting.extend(v for k, v in reversed(node.items()) if k != "refr" or "as" not in node)


def _resolved(node: Any, more: Path, aliases: Mapping[str, Path]) -> Iterator[Reference]:
    root, *steps = path_of(node)
    start = (root,) if root in {"input", "data"} else aliases.get(root or "")
    if start:
        line = next(iter(node.values()))["span"]["line"]
        yield Reference((*start, *steps, *more), line)


def _got(node: Any, aliases: Mapping[str, Path]) -> Iterator[Reference]:
    """What `object.get(input…, "member" or ["path", …], …)` reads."""
    call = node.get("Call")
    if not isinstance(call, dict) or len(call["params"]) < 2:  # noqa: PLR2004 - object and key
        return
    if not call["fcn"].keys() & {"Var", "RefDot"} or path_of(call["fcn"]) != ("object", "get"):
        return
    holder, key = call["params"][:2]
    steps = key["Array"]["items"] if "Array" in key else [key]
    if holder.keys() & {"Var", "RefDot", "RefBrack"}:
        for found in _resolved(holder, tuple(map(literal, steps)), aliases):
            if found.path[0] == "input":
                yield found


def _tools(rules: Any) -> Iterator[tuple[str, int]]:
    """What stands beside `tool.name` in `==`, `!=` and `in`, where it is written out."""
    for node in nodes(rules):
        compared = node.get("BoolExpr", {})
        member = node.get("Membership") or {}
        sides = [compared.get("lhs"), compared.get("rhs"), member.get("value")]
        if not any(isinstance(side, dict) and _is_tools_name(side) for side in sides):
            continue
        collection = member.get("collection") or {}
        listed = (collection.get("Set") or collection.get("Array") or {}).get("items", ())
        for term in (*sides, *listed):
            text = literal(term)
            if text is not None:
                yield text, next(iter(term.values()))["span"]["line"]


def _is_tools_name(node: Mapping[str, Any]) -> bool:
    return bool(node.keys() & {"RefDot", "RefBrack"}) and path_of(node) == ("tool", "name")
