"""The site's rules, checked: what is not read, gives nothing or reads nothing is a problem.

Rego is silent about all of it. A package on the wrong level, a misspelt rule or a reference to what
does not exist is undefined, and a denial that is undefined does not deny.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sidecar.errors import Problem
from sidecar.model import ENTITIES
from sidecar.policy.bundle import Mention, SiteRule
from sidecar.policy.checking.site_values import ACTIONS
from sidecar.policy.spelling import meant
from sidecar.policy.syntax import Module, Reference, Rule, fields, literal

GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "access": ("grant", "deny"),
    "arguments": ("deny",),
    "masks": ("mask",),
}
"""What the rules of a group give."""

_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "grant": ("tool", "code"),
    "deny": ("tool", "code", "message", "remedy"),
    "mask": ("tool", "action", "code"),
}
_RULES: Final = ("site", "rules")
_CONFIG: Final = ("site", "config")
_DEPTH: Final = 4
"""Parts of a rule's package: site.rules.<group>.<rule>."""

_NO_SETS: Final = frozenset(
    {
        "String",
        "RawString",
        "Number",
        "Bool",
        "Null",
        "Array",
        "Object",
        "ArrayCompr",
        "ObjectCompr",
    }
)
_ARGUMENTS: Final = ("input", "arguments")
_CALL_ONLY: Final = (
    _ARGUMENTS,
    ("input", "findings"),
    ("data", "sidecar", "lib", "findings"),
)


def rules(modules: Sequence[Module]) -> Iterator[SiteRule]:
    """The rules of a site, in the order of their files."""
    for module in modules:
        if _is_rule(module):
            group, name = module.package[2:]
            given = {str(rule.path[0]) for rule in module.rules}
            gives = tuple(kind for kind in GROUPS[group] if kind in given)
            yield SiteRule(f"{group}.{name}", gives, module.file)


def mentions(modules: Sequence[Module]) -> Iterator[Mention]:
    """The tools and arguments that a site's rules name, each once for a line."""
    for module in modules:
        found = [Mention("tool", name, f"{module.file}:{line}") for name, line in module.tools]
        for reference in module.references:
            if reference.path[:2] == _ARGUMENTS and len(reference.path) > len(_ARGUMENTS):
                name = reference.path[len(_ARGUMENTS)]
                if name is not None:
                    found.append(Mention("argument", name, f"{module.file}:{reference.line}"))
        yield from dict.fromkeys(found)


def problems(modules: Sequence[Module]) -> Iterator[Problem]:
    """Check where the modules of a site stand and what they give; see `references` for the rest."""
    for module in modules:
        misplaced = _misplaced(module)
        if misplaced:
            yield misplaced
        elif _is_rule(module):
            yield from _stray(module)
            yield from _wrong(module)
            yield from _forbidden(module)
        yield from _raised(module)
        yield from _computed(module)
    yield from _empty(modules)


def unread(modules: Sequence[Module]) -> Iterator[Problem]:
    """Sets of a rule in packages that are no rule's, and that no other module reads.

    Such as those of `site.rule.access.night`, where `rules` was meant: nothing ever asks them.
    """
    sets = {kind for kinds in GROUPS.values() for kind in kinds}
    for module in modules:
        given = sorted({str(rule.path[0]) for rule in module.rules} & sets)
        others = (other for other in modules if other.package != module.package)
        package = ("data", *module.package)
        read = (reference.path for other in others for reference in other.references)
        if (
            given
            and module.package[0] == "site"
            and module.package[:2] != _RULES
            and not any(path[: len(package)] == package[: len(path)] for path in read)
        ):
            what = f"package {'.'.join(module.package)} gives {given[0]}, which nothing asks for"
            where = f"{module.file}:{module.line}"
            yield Problem(where, what, "package site.rules.<group>.<rule>")


def _is_rule(module: Module) -> bool:
    package = module.package
    return len(package) == _DEPTH and package[:2] == _RULES and package[2] in GROUPS


def _misplaced(module: Module) -> Problem | None:
    package, where = module.package, f"{module.file}:{module.line}"
    name = ".".join(package)
    if package[0] != "site":
        what = f"package {name} does not begin with site, so nothing asks it"
        return Problem(where, what, "package site.rules.<group>.<rule>")
    if package[:2] != _RULES or _is_rule(module):
        return None
    if len(package) > len(_RULES) and package[2] not in GROUPS:
        what = f"package {name}: {package[2]} is no group, which denies every tool"
        return Problem(where, what, meant(package[2], GROUPS))
    what = f"package {name} is on the wrong level, which denies every tool"
    return Problem(where, what, "package site.rules.<group>.<rule>, four parts")


def _raised(module: Module) -> Iterator[Problem]:
    """Rules of packages above site.rules.<group>.<rule> that define something below site.rules."""
    for rule in module.rules:
        full = (*module.package, *rule.path)
        if module.package[:2] != _RULES and full[:2] == _RULES:
            what = f"{'.'.join(map(str, full))} is defined from package {'.'.join(module.package)}"
            yield Problem(_at(module, rule), what, "give each rule its package, of four parts")


def _computed(module: Module) -> Iterator[Problem]:
    """Configuration that rules make: nobody could check it, nor tell what it puts in shadow."""
    for rule in module.rules:
        full = (*module.package, *rule.path)
        if full[:2] == _CONFIG:
            what = f"{'.'.join(map(str, full))} is defined by a rule, and site.config is data alone"
            yield Problem(_at(module, rule), what, "write it into data.yaml, below site and config")


def _stray(module: Module) -> Iterator[Problem]:
    """Public rules that are none of the group's sets."""
    group = module.package[2]
    told = set()
    for rule in module.rules:
        name = ".".join(map(str, rule.path))
        if name in GROUPS[group] or name.startswith("_") or name in told:
            continue
        told.add(name)
        what = f"{name} is nothing that a rule of {group} gives, so it is not used"
        remedy = meant(name, GROUPS[group])
        yield Problem(_at(module, rule), what, f"{remedy} a rule of your own begins with _")


def _empty(modules: Sequence[Module]) -> Iterator[Problem]:
    """Packages that give nothing, and do not even misspell it."""
    packages: dict[tuple[str, ...], list[Module]] = {}
    for module in modules:
        if _is_rule(module):
            packages.setdefault(module.package, []).append(module)
    for package, files in packages.items():
        names = {str(rule.path[0]) for module in files for rule in module.rules}
        if all(name.startswith("_") for name in names):
            wanted = " nor ".join(GROUPS[package[2]])
            what = f"package {'.'.join(package)} gives no {wanted}, so it does nothing"
            remedy = f"{GROUPS[package[2]][-1]} contains {{…}} if {{…}}"
            yield Problem(f"{files[0].file}:{files[0].line}", what, remedy)


def _wrong(module: Module) -> Iterator[Problem]:
    """What can be seen of the sets without evaluating them."""
    for rule in module.rules:
        name = str(rule.path[0])
        if rule.path != (name,) or name not in GROUPS[module.package[2]]:
            if name in GROUPS[module.package[2]]:
                yield _no_set(module, rule)
        elif _is_no_set(rule):
            yield _no_set(module, rule)
        elif rule.kind == "set":
            yield from _members(_at(module, rule), name, rule.term)


def _is_no_set(rule: Rule) -> bool:
    if rule.kind == "set":
        return False
    return rule.kind == "function" or rule.term is None or bool(_NO_SETS & rule.term.keys())


def _no_set(module: Module, rule: Rule) -> Problem:
    name = str(rule.path[0])
    what = f"{name} is no set, which denies every tool"
    return Problem(_at(module, rule), what, f"{name} contains {{…}} if {{…}}")


def _members(where: str, name: str, term: Any) -> Iterator[Problem]:
    """Members of an element that is written out."""
    given = fields(term)
    if given is None:
        if not isinstance(term, dict) or _NO_SETS & term.keys() - {"Object"}:
            yield Problem(where, f"an element of {name} is no object", ", ".join(_NEEDED[name]))
        return
    for member in _NEEDED[name]:
        if member not in given:
            close = meant(member, given.keys() - set(_NEEDED[name]))
            remedy = f"add it; {close}" if close.startswith("did") else "add it"
            yield Problem(
                where, f"an element of {name} has no {member}, so the rule is not read", remedy
            )
        elif _NO_SETS & given[member].keys() and literal(given[member]) is None:
            yield Problem(where, f"{member} of an element of {name} is no text", "write a text")
    if name == "grant" and literal(given.get("tool")) == "*":
        yield Problem(where, 'a grant of "*" grants nothing', "grant each of input.tools by name")
    if name == "mask":
        yield from _mask(where, given)


def _mask(where: str, given: Mapping[str, Any]) -> Iterator[Problem]:
    action, entity = literal(given.get("action")), literal(given.get("entity"))
    pointer = literal(given.get("pointer"))
    if action is not None and action not in ACTIONS:
        yield Problem(where, f"{action} is no action", meant(action, ACTIONS))
    if entity is not None and entity not in ENTITIES:
        yield Problem(where, f"{entity} is no entity", meant(entity, ENTITIES))
    if pointer is not None and not pointer.startswith("/"):
        yield Problem(where, "the pointer of a mask does not begin with /", "such as /emails/*")
    if ("entity" in given) == ("pointer" in given):
        yield Problem(where, "a mask has either entity or pointer", "keep exactly one")


def _forbidden(module: Module) -> Iterator[Problem]:
    """Lists and calls ask the same of access and masks, and a list has no arguments."""
    if module.package[2] == "arguments":
        return
    for reference in module.references:
        if any(reference.path[: len(path)] == path for path in _CALL_ONLY):
            what = f"a rule of {module.package[2]} reads {_name(reference)}, which no list has"
            remedy = "decide by arguments in site.rules.arguments.<rule>"
            yield Problem(f"{module.file}:{reference.line}", what, remedy)


def _name(reference: Reference) -> str:
    return ".".join(step or "…" for step in reference.path)


def _at(module: Module, rule: Rule) -> str:
    return f"{module.file}:{rule.line}"
