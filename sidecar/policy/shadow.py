"""Policy on trial: it judges what is judged anyway, is told of, and has no effect.

Two things can be in shadow: rules, by their names in `shadow_rules` of the configuration, and a
whole candidate. Either way the candidate is a second bundle on an embedded engine, whatever engine
decides: for rules, the same bundle with that list emptied.
"""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple

import structlog

from sidecar.errors import OrganDown
from sidecar.model import Decision, Mask, Shadow, Verdict
from sidecar.policy.bundle import Bundle, digest
from sidecar.policy.engine import Engine
from sidecar.policy.facts import Facts

_log = structlog.get_logger("sidecar.policy")

_PACKAGE: Final = re.compile(r"^\s*package\s+(\S+)", re.MULTILINE)
_QUOTED: Final = re.compile(r'\["([^"]+)"\]')
_RULE: Final = re.compile(r"(sidecar|site)\.rules\.(\w+\.\w+)")
_READS_RULES: Final = re.compile(r"^(?!\s*#).*(?:\brules\b|\\u)", re.MULTILINE)
"""The word, or an escape that could spell it, outside of a comment of its own line."""

_GATHERING: Final = frozenset({"sidecar.main", "sidecar.lib.site"})
"""The packages that read all rules, and leave out those in shadow themselves."""

_MOST_FAILURES: Final = 10
"""Failures in a row after which a candidate is asked no more."""

_MOST: Final = 20
"""Names that are told of each kind."""


class RuleNames(NamedTuple):
    """Rules such as `access.methods`; `doubled` are names that library and site both have."""

    all: frozenset[str]
    doubled: frozenset[str]


def rule_names(bundle: Bundle) -> RuleNames:
    """The rules of a bundle, the library's and the site's."""
    found = (_RULE.fullmatch(_package(text)) for _, text in bundle.modules)
    pairs = {(rule[1], rule[2]) for rule in found if rule}
    library, site = ({name for root, name in pairs if root == each} for each in ("sidecar", "site"))
    return RuleNames(frozenset(library | site), frozenset(library & site))


def shadow_rules(bundle: Bundle) -> tuple[str, ...]:
    """The names of the rules in shadow, as the site's data or else the library's says."""
    found: tuple[str, ...] = ()
    for root in ("sidecar", "site"):
        names = _config(bundle.data, root).get("shadow_rules")
        if isinstance(names, list):
            found = tuple(name for name in names if isinstance(name, str))
    return found


def unguarded(bundle: Bundle) -> tuple[str, ...]:
    """The library's own rules that are in shadow: what they protect is not protected meanwhile."""
    found = (_RULE.fullmatch(_package(text)) for _, text in bundle.modules)
    ours = {rule[2] for rule in found if rule and rule[1] == "sidecar"}
    return tuple(name for name in shadow_rules(bundle) if name in ours)


def promoted(bundle: Bundle) -> Bundle | None:
    """The same bundle with no rule in shadow; None if none is.

    Its digest is that of the folder once the operator has emptied the list.
    """
    if not shadow_rules(bundle):
        return None
    data = _emptied(bundle.data)
    sha256 = digest((text for _, text in bundle.modules), data)
    return dataclasses.replace(bundle, data=data, sha256=sha256)


def live(bundle: Bundle) -> Bundle:
    """The bundle without the modules of rules in shadow, so that none can break a decision.

    `main` leaves out what they say in any case. Where another module could read a rule, they stay,
    for what they define is then another rule's, too. The digest is the whole bundle's.
    """
    names = shadow_rules(bundle)
    if not names:
        return bundle
    kept = tuple(module for module in bundle.modules if _rule(module[1]) not in names)
    # Without its own name; more may stand on the same line.
    others = (_PACKAGE.sub("", t, count=1) for _, t in kept if _package(t) not in _GATHERING)
    if any(_READS_RULES.search(text) for text in others):
        return bundle
    # Nothing is left for `main` to leave out, which would cost as much as the rules themselves.
    return dataclasses.replace(bundle, modules=kept, data=_emptied(bundle.data))


def _emptied(given: Mapping[str, Any]) -> dict[str, Any]:
    data = dict(given)
    for root in ("sidecar", "site"):
        if "shadow_rules" in (config := _config(data, root)):
            data[root] = {**data[root], "config": {**config, "shadow_rules": []}}
    return data


def _config(data: Mapping[str, Any], root: str) -> Mapping[str, Any]:
    below = data.get(root)
    config = below.get("config") if isinstance(below, Mapping) else None
    return config if isinstance(config, Mapping) else {}


def _package(text: str) -> str:
    found = _PACKAGE.search(text)
    return _QUOTED.sub(r".\1", found[1]) if found else ""


def _rule(text: str) -> str:
    found = _RULE.fullmatch(_package(text))
    return found[2] if found else ""


Ask = Callable[[Engine], Awaitable[Decision]]
"""Puts what was judged to another engine."""


class Trial:
    """A candidate and how it does. Whatever it does, the live decision stands.

    One that fails ten times in a row, or once takes more processor time than a decision may take,
    is asked no more, since it would hold up others: every decision then says that it failed.
    """

    def __init__(self, candidate: Engine) -> None:
        self.candidate = candidate
        self._failures = 0

    async def judge(self, ask: Ask, facts: Facts, decision: Decision, most: float) -> Shadow:
        """What the candidate, asked by `ask`, would change; `most` is in seconds."""
        if self._failures >= _MOST_FAILURES:
            return self._failed("shadow_stopped")
        started = time.thread_time()
        try:
            would = await ask(self.candidate)
        except OrganDown as down:
            return self._count(down.reason)
        except Exception as fault:  # noqa: BLE001 - without effect, whatever happens in it
            return self._count(f"shadow_{type(fault).__name__}")
        if time.thread_time() - started > most:
            self._failures = _MOST_FAILURES - 1
            return self._count("policy_timed_out")
        self._failures = 0
        return compared(decision, would, facts)

    def _count(self, reason: str) -> Shadow:
        self._failures += 1
        if self._failures in {1, _MOST_FAILURES}:
            is_stopped = self._failures == _MOST_FAILURES
            what = "and is asked no more" if is_stopped else "without effect"
            sha256 = self.candidate.policy_sha256
            _log.error(f"the policy in shadow fails, {what}", reason=reason, policy_sha256=sha256)
        return self._failed(reason)

    def _failed(self, reason: str) -> Shadow:
        return Shadow(self.candidate.policy_sha256, "failed", reason)


def compared(decision: Decision, would: Decision, facts: Facts) -> Shadow:
    """What would change if the second decision were the one that counts."""
    if facts.method == "tools/list":
        return _of_list(decision, would)
    tool = facts.tools[0].name
    now, then = decision.of(tool), would.of(tool)
    masks = _masks(now, then) if now.is_allowed and then.is_allowed else ()
    result: Literal["same", "deny", "allow", "mask"] = "mask" if masks else "same"
    if now.is_allowed != then.is_allowed:
        result = "allow" if then.is_allowed else "deny"
    denied, denies = ({denial.code for denial in each.denials} for each in (now, then))
    return Shadow(
        would.policy_sha256,
        result,
        denials=_few(denies - denied),
        lifted=_few(denied - denies),
        grants=_few({*then.grants} - {*now.grants}),
        withdrawn=_few({*now.grants} - {*then.grants}),
        masks=masks,
    )


def _of_list(decision: Decision, would: Decision) -> Shadow:
    hidden: list[str] = []
    shown: list[str] = []
    for name, verdict in decision.verdicts.items():
        if verdict.is_hidden != would.of(name).is_hidden:
            (shown if verdict.is_hidden else hidden).append(name)
    return Shadow(
        would.policy_sha256,
        "deny" if hidden else "allow" if shown else "same",
        hidden=_few(hidden),
        shown=_few(shown),
        hidden_total=len(hidden),
        shown_total=len(shown),
    )


def _masks(now: Verdict, then: Verdict) -> tuple[str, ...]:
    """What would be masked in another way, and how: `EMAIL drop`; none where no mask names it."""
    if now.masks == then.masks:
        return ()
    before, after = dict(_actions(now.masks)), dict(_actions(then.masks))
    differing = (k for k in {**before, **after} if before.get(k) != after.get(k))
    return _few(f"{what} {after.get(what, 'none')}" for what in differing)


def _actions(masks: Iterable[Mask]) -> Iterator[tuple[str, str]]:
    return ((mask.entity or mask.pointer or "", mask.action) for mask in masks)


def _few(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(names)[:_MOST])
