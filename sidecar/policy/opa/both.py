"""Two engines decide, and a difference is refused: a bug in one of them lets nothing through."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any, Final

import orjson
import structlog

from sidecar.errors import OrganDown
from sidecar.policy.engine import Engine
from sidecar.policy.opa.server import Server

_EVERY_TOOL: Final = "*"

_log = structlog.get_logger("sidecar.policy")


class Both:
    """An engine of two: `ours` decides in this process, `theirs` is an OPA that must agree."""

    def __init__(self, ours: Engine, theirs: Server) -> None:
        self.ours = ours
        self.theirs = theirs

    @property
    def policy_sha256(self) -> str:
        """Digest of what decides in this process."""
        return self.ours.policy_sha256

    async def evaluate(self, document: dict[str, Any]) -> Any:
        """Ask OPA, then this process; what both say of these tools, to the last code and mask.

        Raises:
            OrganDown: one of them has no answer, or they differ.
        """
        theirs = await self.theirs.evaluate(document)
        ours = await self.ours.evaluate(document)
        asked = {tool["name"] for tool in document["tools"]} | {_EVERY_TOOL}
        if not _is_same(_about(asked, ours), _about(asked, theirs)):
            _log.error(
                "refused, since OPA decides otherwise than this process; the audit log says whom",
                policy_sha256=self.policy_sha256,
                opa_sha256=self.theirs.policy_sha256,
            )
            raise OrganDown("the two policy engines differ", reason="policy_differs")
        return ours


def _about(asked: AbstractSet[str], answer: Any) -> Any:
    """An answer without what it says of tools that nobody asked about, as a rule is free to do."""
    if not isinstance(answer, dict):
        return answer
    return {
        key: [item for item in items if not _is_beside(asked, item)]
        if isinstance(items, list)
        else items
        for key, items in answer.items()
    }


def _is_beside(asked: AbstractSet[str], item: Any) -> bool:
    name = item.get("tool") if isinstance(item, dict) else None
    return isinstance(name, str) and name not in asked


def _is_same(one: Any, other: Any) -> bool:
    """Whether two answers are the same JSON: `true` is not 1, as Python has it."""
    return _written(one) == _written(other)


def _written(answer: Any) -> list[bytes]:
    """An answer, its lists sorted: engines give the members of a set in orders of their own."""
    option = orjson.OPT_SORT_KEYS
    if not isinstance(answer, dict):
        return [orjson.dumps(answer, option=option)]
    parts = []
    for key in sorted(answer):
        items = answer[key] if isinstance(answer[key], list) else [[answer[key]]]
        parts += [key.encode(), *sorted(orjson.dumps(item, option=option) for item in items)]
    return parts
