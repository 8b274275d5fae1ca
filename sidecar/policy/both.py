"""Two engines decide, and a difference is refused: a bug in one of them lets nothing through."""

from __future__ import annotations

from typing import Any

import orjson
import structlog

from sidecar.errors import OrganDown
from sidecar.policy.decide import Engine
from sidecar.policy.server import Server

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
        """Ask OPA, then this process; what both say, to the last code and mask.

        Raises:
            OrganDown: one of them has no answer, or they differ.
        """
        theirs = await self.theirs.evaluate(document)
        ours = await self.ours.evaluate(document)
        if not _is_same(ours, theirs):
            _log.error(
                "refused, since OPA decides otherwise than this process; the audit log says whom",
                policy_sha256=self.policy_sha256,
                opa_sha256=self.theirs.policy_sha256,
            )
            raise OrganDown("the two policy engines differ", reason="policy_differs")
        return ours


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
