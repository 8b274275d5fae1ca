"""What each single rule says of one question, and where a rule that says nothing stopped.

Rules are asked one by one on an engine of their own, so that the rule that decided is known by its
file and line, and not only by its code. The verdict itself is the serving engine's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal

from sidecar.errors import ConfigError
from sidecar.model import JsonObject
from sidecar.policy.bundle import Bundle
from sidecar.policy.comparing.recorded import Place, is_read
from sidecar.policy.embedded import ENTRYPOINT, Lines, Probe
from sidecar.policy.syntax import Module, Reference

Kind = Literal["grant", "deny", "mask"]

_KINDS: Final[tuple[Kind, ...]] = ("grant", "deny", "mask")
_DEPTH: Final = 4
_ROOTS: Final = frozenset({"sidecar", "site"})
_SHAPE_ONLY: Final = "is_object(input.arguments)"
"""The library asks this of every call; it reads no argument."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One set that a rule's package gives: `access.bulk`, of the library, its denials.

    `lines` are where its definitions begin; a rule `in_shadow` is asked and has no say.
    """

    name: str
    layer: Literal["library", "site"]
    kind: Kind
    file: str
    lines: tuple[int, ...]
    in_shadow: bool = False

    @property
    def path(self) -> str:
        """The reference by which an engine is asked for it."""
        root = "sidecar" if self.layer == "library" else "site"
        group, name = self.name.split(".")
        return f"data.{root}.rules.{group}.{name}.{self.kind}"

    @property
    def where(self) -> str:
        """File and line of the first definition."""
        return f"{self.file}:{self.lines[0]}"


@dataclass(frozen=True, slots=True)
class Said:
    """What a rule says of one tool; empty when nothing, and then where it stopped, if known.

    `stop` is the line and `condition` the source text on it; `failed` says that it has no value.
    """

    rule: Rule
    says: tuple[JsonObject, ...] = ()
    stop: int = 0
    condition: str = ""
    failed: bool = False


class Explainer:
    """Asks the rules of a bundle one by one. Raises ConfigError when it cannot run."""

    def __init__(self, bundle: Bundle) -> None:
        self._probe = Probe(bundle)
        self._texts = dict(bundle.modules)
        self._modules = self._probe.modules()
        self._ends = {m.file: sorted(rule.line for rule in m.rules) for m in self._modules}
        self.rules = tuple(_rules(self._modules, _in_shadow(bundle.data)))
        self._references = tuple(_references(self._modules, self._texts))

    def explain(self, document: JsonObject, tool: str) -> tuple[Said, ...]:
        """What every rule that is asked says of a tool of the document."""
        is_list = document["mcp"]["method"] == "tools/list"
        asked = (r for r in self.rules if not (is_list and r.name.startswith("arguments.")))
        return tuple(self._said(rule, document, tool) for rule in asked)

    def reads(self, document: JsonObject, places: tuple[Place, ...]) -> tuple[str, ...]:
        """Where a decision on the document reads one of the places: file and line, each once."""
        overlapping = [
            (file, found) for file, found in self._references if is_read(found.path, places)
        ]
        if not overlapping:
            return ()
        # What ran before an error counts: an error that nothing withheld led to is always one.
        with suppress(ConfigError):
            self._asked(document)
        ran = self._probe.lines()
        return tuple(
            dict.fromkeys(f"{f}:{r.line}" for f, r in overlapping if _is_reached(ran, f, r.line))
        )

    def denies(self, document: JsonObject, tool: str, places: tuple[Place, ...]) -> bool:
        """Whether a rule with a say denies the tool without having read one of the places."""
        for rule in self.rules:
            if rule.kind != "deny" or rule.in_shadow:
                continue
            said = self._said(rule, document, tool)
            if not said.says:
                continue
            ran = self._probe.lines()
            if not any(
                is_read(r.path, places) and _is_reached(ran, f, r.line) for f, r in self._references
            ):
                return True
        return False

    def _said(self, rule: Rule, document: JsonObject, tool: str) -> Said:
        try:
            value = self._asked(document, rule.path)
        except ConfigError:
            return Said(rule, failed=True)
        says = tuple(item for item in _items(value) if item.get("tool") in {tool, "*"})
        if says:
            return Said(rule, says)
        stop = self._stop(rule)
        lines = self._texts[rule.file].splitlines()
        return Said(rule, (), stop, lines[stop - 1].strip() if stop else "")

    def _asked(self, document: JsonObject, rule: str = ENTRYPOINT) -> Any:
        """The value of a rule; afterwards the lines are those of this question."""
        self._probe.forget()
        self._probe.put(document)
        return self._probe.ask(rule)[0]

    def _stop(self, rule: Rule) -> int:
        """The last line of a definition that ran: what stands there did not hold."""
        lines = self._probe.lines().get(rule.file)
        if lines is None:
            return 0
        reached = 0
        for begin in rule.lines:
            later = [line for line in self._ends[rule.file] if line > begin]
            end = later[0] if later else 1 << 31
            reached = max((n for n in lines.run if begin <= n < end), default=reached)
        return reached


def _rules(modules: Iterable[Module], shadowed: frozenset[str]) -> Iterable[Rule]:
    for module in modules:
        package = module.package
        if len(package) != _DEPTH or package[1] != "rules" or package[0] not in _ROOTS:
            continue
        name = ".".join(package[2:])
        for kind in _KINDS:
            lines = tuple(rule.line for rule in module.rules if rule.path == (kind,))
            if lines:
                layer: Literal["library", "site"] = "site" if package[0] == "site" else "library"
                yield Rule(name, layer, kind, module.file, lines, name in shadowed)


def _in_shadow(data: Mapping[str, Any]) -> frozenset[str]:
    """The rules that `config.shadow_rules` leaves without a say."""
    names: Any = ()
    for root in ("sidecar", "site"):
        config = data.get(root, {}).get("config", {})
        names = config.get("shadow_rules", names) if isinstance(config, Mapping) else names
    return frozenset(name for name in names if isinstance(name, str))


def _references(
    modules: Iterable[Module], texts: Mapping[str, str]
) -> Iterable[tuple[str, Reference]]:
    """Every place where a rule that decisions ask reads the input, with its file."""
    for module in modules:
        if module.package[0] not in _ROOTS:
            continue
        lines = texts[module.file].splitlines()
        for rule in module.rules:
            for found in rule.references:
                rest = lines[found.line - 1].replace(_SHAPE_ONLY, "")
                is_shape = found.path == ("input", "arguments") and "input.arguments" not in rest
                if found.path[0] == "input" and not is_shape:
                    yield module.file, found


def _is_reached(ran: Mapping[str, Lines], file: str, line: int) -> bool:
    """Whether a line ran; in a file that did, what the engine does not tell of counts as run."""
    return file in ran and line not in ran[file].passed_over


def _items(value: Any) -> tuple[JsonObject, ...]:
    return tuple(x for x in value if isinstance(x, dict)) if isinstance(value, list) else ()
