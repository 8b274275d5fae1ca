"""What a site's rules read, checked against what there is: the input's schema, and `data`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sidecar.errors import Problem
from sidecar.policy.spelling import meant
from sidecar.policy.syntax import Module, Reference

Names = dict[str, Any]
"""A tree of what `data` has; None is a value that a reference may lead into."""


def names(modules: Iterable[Module], data: Mapping[str, Any]) -> Names:
    """All that modules and data define."""
    tree = _plain(data)
    for module in modules:
        for rule in module.rules:
            _add(tree, (*module.package, *rule.path))
        _add(tree, (*module.package, None))
    return tree


def problems(module: Module, schema: Mapping[str, Any], known: Names | None) -> Iterator[Problem]:
    """References of one module that are undefined whatever is asked.

    Each name is told once, where it is met first.

    `known` is None when not every module could be read: then data may be defined in what was not.
    """
    told = set()
    for reference in module.references:
        root, *steps = reference.path
        if root == "input":
            found = _unknown_member(schema, steps)
        else:
            found = None if known is None else _unknown_name(known, steps)
        if found is None:
            continue
        depth, remedy = found
        name = _name(reference, depth)
        if name in told:
            continue
        told.add(name)
        what = f"{name} does not exist, so what reads it is undefined"
        yield Problem(f"{module.file}:{reference.line}", what, remedy)


def _name(reference: Reference, depth: int) -> str:
    return ".".join(step or "…" for step in reference.path[: depth + 2])


def _plain(data: Mapping[str, Any]) -> Names:
    return {k: _plain(v) if isinstance(v, Mapping) else None for k, v in data.items()}


def _add(tree: Names, path: Iterable[str | None]) -> None:
    """Enter a path. From the first step on that only an evaluation knows, anything may be."""
    steps = list(path)
    if None in steps[:-1]:
        steps = steps[: steps.index(None)]
    for position, step in enumerate(steps[:-1]):
        inner = tree.setdefault(str(step), {})
        if inner is None:
            return
        tree = inner
        if steps[position + 1] is None:
            return
    tree[str(steps[-1])] = None


def _unknown_name(tree: Names, steps: Iterable[str | None]) -> tuple[int, str] | None:
    inner: Names | None = tree
    for depth, step in enumerate(steps):
        if step is None or inner is None:
            return None
        if step not in inner:
            return depth, meant(step, inner)
        inner = inner[step]
    return None


def _unknown_member(
    schema: Mapping[str, Any], steps: Iterable[str | None]
) -> tuple[int, str] | None:
    node: Any = schema
    for depth, step in enumerate(steps):
        node = _resolved(node, schema)
        kinds = node.get("type", ())
        if "properties" in node and step is not None:
            if step not in node["properties"]:
                return depth, meant(step, node["properties"])
            node = node["properties"][step]
        elif "array" in (kinds, *kinds):
            if step is not None:
                return depth, "this is a list: `some one in` it"
            node = node.get("items", {})
        elif isinstance(node.get("additionalProperties"), dict):
            node = node["additionalProperties"]
        elif "object" in (kinds, *kinds) or "properties" in node:
            return None
        else:
            return depth, "this has no members"
    return None


def _resolved(node: Any, schema: Mapping[str, Any]) -> Any:
    """Follow a `$ref` within the schema."""
    while "$ref" in node:
        target: Any = schema
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node
