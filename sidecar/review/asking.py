"""What is to be explained: a request that somebody writes down, or an event of the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson
from jsonschema import Draft202012Validator

from sidecar import redaction
from sidecar.catalog import EXITS, Catalog
from sidecar.errors import ConfigError, Malformed, Problem, SidecarError
from sidecar.model import JsonObject
from sidecar.policy import Facts
from sidecar.policy.comparing import recorded as records
from sidecar.policy.comparing.matrix import PROTOCOL
from sidecar.policy.comparing.recorded import Place
from sidecar.review import askers
from sidecar.shown import shown

_CALL: Final = "tools/call"
_LIST: Final = "tools/list"

_REQUEST: Final = Draft202012Validator(
    {
        "type": "object",
        "additionalProperties": False,
        "required": ["tool"],
        "properties": {
            "tool": {"type": "string", "minLength": 1},
            "method": {"enum": [_CALL, _LIST]},
            "arguments": {"type": "object"},
            "caller": askers.CALLER,
            "endpoint": askers.ENDPOINT,
            "recent": {"type": "object"},
            "time": {"type": "string"},
        },
    }
)


@dataclass(frozen=True, slots=True)
class Question:
    """One tool and all that its decision is made from.

    Of an event of the log also its id, what its decision was, and the `places` whose value it does
    not hold.
    """

    facts: Facts
    event: str = ""
    was_allowed: bool | None = None
    policy_sha256: str = ""
    places: tuple[Place, ...] = ()

    @property
    def tool(self) -> str:
        """The tool's name."""
        return self.facts.tools[0].name


def of_request(text: bytes, where: str, catalog: Catalog) -> Question:
    """Read a request: JSON with `tool`, and `arguments`, `caller`, `endpoint`, `recent`, `time`.

    `method` is tools/call unless it says tools/list. Arguments are scanned as the sidecar does it.

    Raises:
        ConfigError: it is none; with every problem, and no word of what it holds.
    """
    try:
        given = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ConfigError([Problem(f"{where}:{error.lineno}", "is not JSON")]) from None
    if problems := list(askers.faults(_REQUEST, given, where)):
        raise ConfigError(problems)
    name = given["tool"]
    caller = askers.caller(given.get("caller", {}), given.get("endpoint", {}), f"{where} endpoint")
    is_call = given.get("method", _CALL) == _CALL and name not in EXITS
    arguments = given.get("arguments", {})
    try:
        findings = redaction.scan(arguments) if arguments else ()
    except Malformed:
        what = "are more than the sidecar scans, so that it refuses the call"
        raise ConfigError([Problem(f"{where} arguments", what)]) from None
    time = given.get("time")
    facts = Facts(
        tools=(EXITS.get(name) or catalog.find(name),),
        caller=caller,
        method=name if name in EXITS else _CALL if is_call else _LIST,
        protocol=PROTOCOL,
        now=askers.moment(time, f"{where} time") if time else datetime.now(UTC),
        arguments=arguments if is_call or name in EXITS else None,
        findings=findings if is_call or name in EXITS else (),
        recent=given.get("recent", {}),
    )
    return Question(facts)


def of_event(log: Path, event: str) -> Question:
    """Find the decision that an event of a log tells of, by its own id or its intent's.

    Raises:
        ConfigError: the log cannot be read.
        SidecarError: it has no such event, or the event no decision on a call.
    """
    # A request that somebody writes down needs no log, and nothing that reads one.
    from sidecar import audit

    found = audit.show(log, event)
    if not found:
        raise SidecarError(f"no event {shown(event)} in {log}: see `sidecar audit query`")
    document = _document(found)
    if document is None:
        raise SidecarError(f"event {shown(event)} holds no decision on a call of a tool")
    try:
        places = records.withheld(document)
        facts = records.facts(records.filled(document))
    except ValueError as error:
        raise SidecarError(f"the decision of event {shown(event)}: {error}") from None
    decision = found[0]["decision"]
    was = bool(decision.get("grants")) and not decision.get("denials")
    digest = str(decision.get("policy_sha256", ""))
    return Question(facts, event, was, digest, places)


def _document(found: Sequence[JsonObject]) -> JsonObject | None:
    for record in found:
        decision: Any = record.get("decision")
        document = decision.get("input") if isinstance(decision, dict) else None
        if isinstance(document, dict) and document.get("tools"):
            return document
    return None
