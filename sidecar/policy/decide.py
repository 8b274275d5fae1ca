"""The three layers put together: sealed, library, site. A denial in any one holds.

What the engine answers is believed only in the one form that was agreed: anything else (undefined,
an error, a wrong type, too late) is no decision, and without one everything stops (invariant 7).
"""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import Any, Protocol, get_args

from sidecar.errors import OrganDown
from sidecar.model import ENTITIES, Action, Decision, Denial, Mask, Tool, Verdict
from sidecar.policy import sealed
from sidecar.policy.facts import Facts

_ACTIONS = frozenset(get_args(Action))


class Engine(Protocol):
    """What runs Rego: the input document in, the value of `data.sidecar.main.decision` out."""

    @property
    def policy_sha256(self) -> str:
        """Digest of the policy that decides now, for the audit log."""

    async def evaluate(self, document: dict[str, Any]) -> Any:
        """Evaluate once. Raises OrganDown when there is no value to be had."""


class Policy:
    """The organ. `timeout` is seconds for one decision, list or call."""

    def __init__(self, engine: Engine, timeout: float) -> None:
        self._engine = engine
        self._timeout = timeout

    async def decide(self, facts: Facts) -> Decision:
        """Judge every tool of the facts with one query.

        Raises:
            OrganDown: the engine gave no usable answer in time.
        """
        if not facts.tools:
            return Decision({}, self._engine.policy_sha256)
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._engine.evaluate(facts.document())
        except TimeoutError:
            raise OrganDown("no decision in time", reason="policy_timed_out") from None
        try:
            tools = answer["tools"]
            verdicts = {
                tool.name: _verdict(tool, tools.get(tool.name), facts) for tool in facts.tools
            }
        except (KeyError, TypeError, AttributeError):
            raise OrganDown(
                "the decision has not the agreed form", reason="policy_malformed"
            ) from None
        return Decision(verdicts, self._engine.policy_sha256)


def _verdict(tool: Tool, answer: Any, facts: Facts) -> Verdict:
    denials = sealed.denials(tool, facts.caller.endpoint, facts.now)
    if answer is None:
        return Verdict(tool.name, denials=denials)
    denials += tuple(_denial(tool, item) for item in _list(answer["denials"]))
    grants = tuple(_string(code) for code in _list(answer["grants"]))
    if (answer["allow"] is True) != (bool(grants) and not answer["denials"]):
        raise TypeError
    return Verdict(
        tool.name, grants, denials, tuple(_mask(tool, m) for m in _list(answer["masks"]))
    )


def _denial(tool: Tool, item: Any) -> Denial:
    group = item["group"]
    return Denial(
        tool=tool.name,
        code=_string(item["code"]),
        message=_string(item["message"]),
        remedy=_string(item["remedy"]),
        # A group that is not ours hides the tool: the stricter reading.
        group="arguments" if group == "arguments" else "access",
    )


def _mask(tool: Tool, item: Any) -> Mask:
    if ("entity" in item) == ("pointer" in item):
        raise TypeError
    if "entity" in item:
        # The same dozen in every decision. What a caller invented is not kept.
        make = _by_entity if tool.is_known else _by_entity.__wrapped__
        return make(tool.name, item["action"], item["code"], item["entity"])
    if not _string(item["pointer"]).startswith("/") or item["action"] not in _ACTIONS:
        raise TypeError
    return Mask(tool.name, item["action"], _string(item["code"]), None, item["pointer"])


@lru_cache(maxsize=4096)
def _by_entity(tool: str, action: Any, code: Any, entity: Any) -> Mask:
    if action not in _ACTIONS or entity not in ENTITIES:
        raise TypeError
    return Mask(tool, action, _string(code), entity)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError
    return value


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
