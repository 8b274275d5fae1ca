"""The three layers put together: sealed, library, site. A denial in any one holds.

What the engine answers is believed only in the one form that was agreed: anything else (undefined,
an error, a wrong type, too late) is no decision, and without one everything stops (invariant 7).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final, NamedTuple, get_args

from sidecar.errors import OrganDown
from sidecar.model import ENTITIES, Action, Decision, Denial, Mask, Tool, Verdict
from sidecar.policy import bounds, sealed
from sidecar.policy.engine import Engine
from sidecar.policy.facts import Facts
from sidecar.policy.shadow import Trial
from sidecar.policy.window import Window

_ACTIONS: Final[tuple[Action, ...]] = get_args(Action)
_EVERY_TOOL: Final = "*"


class Policy:
    """The organ. `timeout` is seconds for one decision, list or call.

    `candidate` judges in shadow, without effect. `window` keeps what was decided last.
    """

    def __init__(
        self,
        engine: Engine,
        timeout: float,
        candidate: Engine | None = None,
        *,
        window: Window | None = None,
    ) -> None:
        self._pair = (engine, candidate)
        self._timeout = timeout
        self._window = window
        self._trial: Trial | None = None

    @property
    def engine(self) -> Engine:
        """What decides from the next message on."""
        return self._pair[0]

    @property
    def candidate(self) -> Engine | None:
        """What judges in shadow, if anything does."""
        return self._pair[1]

    def adopt(self, engine: Engine, candidate: Engine | None = None) -> None:
        """Swap both at once, from the next message on: a decision that has begun keeps its own."""
        self._pair = (engine, candidate)

    async def decide(self, facts: Facts) -> Decision:
        """Judge every tool of the facts with one query.

        Raises:
            OrganDown: the engine gave no usable answer in time.
        """
        engine, candidate = self._pair
        decision = await decided(engine, facts, self._timeout)
        if not facts.tools:
            return decision
        if self._window is not None:
            self._window.keep(facts, decision)
        if candidate is None:
            return decision
        return await self._with_shadow(candidate, facts, decision)

    async def _with_shadow(self, candidate: Engine, facts: Facts, decision: Decision) -> Decision:
        trial = self._trial
        if trial is None or trial.candidate is not candidate:
            trial = self._trial = Trial(candidate)
        timeout = self._timeout
        shadow = await trial.judge(lambda e: decided(e, facts, timeout), facts, decision, timeout)
        return replace(decision, shadow=shadow)


async def decided(engine: Engine, facts: Facts, timeout: float) -> Decision:  # noqa: ASYNC109 - a decision's own
    """What an engine and the sealed layer make of the facts, within so many seconds.

    Arguments beyond `bounds` are refused and no engine sees them: rules judge the call without.

    Raises:
        OrganDown: the engine gave no usable answer in time.
    """
    if not facts.tools:
        return Decision({}, engine.policy_sha256)
    excess = "" if facts.arguments is None else bounds.excess(facts.arguments, facts.findings)
    asked = replace(facts, arguments={}, findings=()) if excess else facts
    try:
        async with asyncio.timeout(timeout):
            answer = await engine.evaluate(asked.document())
    except TimeoutError:
        raise OrganDown("no decision in time", reason="policy_timed_out") from None
    try:
        said = _read(answer)
    except (KeyError, TypeError, AttributeError):
        raise OrganDown("the decision has not the agreed form", reason="policy_malformed") from None
    verdicts = {tool.name: _verdict(tool, said, facts, excess) for tool in facts.tools}
    # Read now: an OPA that came back was looked at meanwhile, and may hold another policy.
    return Decision(verdicts, engine.policy_sha256)


class _Said(NamedTuple):
    """What an engine answered, by tool. What it says of the tool "*" holds for every tool."""

    grants: dict[str, tuple[str, ...]]
    denials: dict[str, tuple[Denial, ...]]
    masks: dict[str, tuple[Mask, ...]]


def _read(answer: Any) -> _Said:
    """Read an answer. Raises KeyError, TypeError or AttributeError for any other form."""
    said = _Said(defaultdict(tuple), defaultdict(tuple), defaultdict(tuple))
    for item in _list(answer["grants"]):
        said.grants[_string(item["tool"])] += (_string(item["code"]),)
    for item in _list(answer["denials"]):
        denial = _denial(item)
        said.denials[denial.tool] += (denial,)
    for item in _list(answer["masks"]):
        mask = _mask(item)
        said.masks[mask.tool] += (mask,)
    common = said.masks[_EVERY_TOOL] = _settled(said.masks[_EVERY_TOOL])
    for tool in said.masks.keys() - {_EVERY_TOOL}:
        said.masks[tool] = _settled((*common, *said.masks[tool]))
    return said


def _settled(masks: Iterable[Mask]) -> tuple[Mask, ...]:
    """Of several masks on one thing the strictest."""
    held: dict[str | None, Mask] = {}
    for mask in masks:
        other = held.setdefault(thing := mask.entity or mask.pointer, mask)
        if other is not mask and _precedence(mask) > _precedence(other):
            held[thing] = mask
    return tuple(held.values())


def _precedence(mask: Mask) -> tuple[int, str]:
    """How strict; the code decides between equals, so that both engines' answers do alike."""
    return _ACTIONS.index(mask.action), mask.code


def _verdict(tool: Tool, said: _Said, facts: Facts, excess: str) -> Verdict:
    name = tool.name
    denials = said.denials.get(name, ())
    if name != _EVERY_TOOL:
        denials += said.denials.get(_EVERY_TOOL, ())
    return Verdict(
        tool=name,
        grants=tuple(sorted(said.grants.get(name, ()))),
        denials=(
            *sealed.denials(tool, facts.caller.endpoint, facts.now),
            *((bounds.denial(tool, excess),) if excess else ()),
            # Engines give the members of a set in orders of their own.
            *sorted(denials, key=lambda denial: (denial.code, denial.message, denial.remedy)),
        ),
        masks=said.masks.get(name, said.masks[_EVERY_TOOL]),
    )


def _denial(item: Any) -> Denial:
    group = item["group"]
    return Denial(
        tool=_string(item["tool"]),
        code=_string(item["code"]),
        message=_string(item["message"]),
        remedy=_string(item["remedy"]),
        # A group that is not ours hides the tool: the stricter reading.
        group="arguments" if group == "arguments" else "access",
    )


def _mask(item: Any) -> Mask:
    if ("entity" in item) == ("pointer" in item):
        raise TypeError
    tool, action, code = _string(item["tool"]), _string(item["action"]), _string(item["code"])
    if "entity" in item:
        # The same dozen in every decision. What a caller invented is not kept.
        make = _by_entity if tool == _EVERY_TOOL else _by_entity.__wrapped__
        return make(tool, action, code, _string(item["entity"]))
    if not _string(item["pointer"]).startswith("/") or action not in _ACTIONS:
        raise TypeError
    return Mask(tool, action, code, None, item["pointer"])


@lru_cache(maxsize=4096)
def _by_entity(tool: str, action: str, code: str, entity: str) -> Mask:
    if action not in _ACTIONS or entity not in ENTITIES:
        raise TypeError
    return Mask(tool, action, code, entity)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError
    return value


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
