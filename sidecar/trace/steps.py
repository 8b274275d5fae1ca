"""What is shown of each step: what it took, what it gave, and the records it left.

No argument is shown that may be personal, and everything has gone through the scrubber first.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import orjson

from sidecar import redaction
from sidecar.exchange import Exchange
from sidecar.model import JsonObject, Reply

WIDTH: Final = 96
"""Columns of the walk."""

_INDENT: Final = " " * 21
_LONGEST: Final = 1200
"""Characters shown of one value."""


def step(number: int, name: str, exchange: Exchange) -> str:
    """One step of the road, after it is done."""
    took, gave = _SHOWN[name](exchange)
    head, *tail = _wrapped(gave)
    lines = [*_wrapped(took), f"→ {head}", *(f"  {line}" for line in tail)]
    return _row(f"{number:2} {name}", lines)


def end(label: str, reply: Reply) -> str:
    """What the caller gets."""
    body = _wrapped(_json(reply.body)) if reply.body else ["no body"]
    return _row(label, [f"HTTP {reply.status}", *body])


def logged(file: Path) -> list[str]:
    """The records in an audit log, a section a row; a decision's input is only measured."""
    shown = []
    for raw in file.read_bytes().splitlines():
        event = orjson.loads(raw)
        if event["stage"] in {"intent", "outcome"}:
            where = f"{event['id']}, line {event['seq']} of the chain"
            shown.append("\n" + _row(f"   {event['stage']}", [where]))
            shown.extend(_sections(event))
    return shown


def _sections(event: JsonObject) -> Iterator[str]:
    for name, section in event.items():
        if isinstance(section, dict) and section:
            given = section.get("input")
            measured = f"{len(orjson.dumps(given))} bytes, without personal values"
            shown = {**section, "input": measured} if given else section
            yield _row(f"     {name}", _wrapped(shown, 1 << 16))


def _row(label: str, lines: list[str]) -> str:
    first, *rest = lines
    return "\n".join([f"{label:<21}{first}", *(_INDENT + line for line in rest)])


def _wrapped(value: Any, longest: int = _LONGEST) -> list[str]:
    """Scrub a value, and break it into lines; at least one."""
    scrubbed = redaction.scrub_value(value)
    text = scrubbed if isinstance(scrubbed, str) else json.dumps(scrubbed, ensure_ascii=False)
    if len(text) > longest:
        text = f"{text[:longest]}… ({len(text)} characters)"
    return textwrap.wrap(text, WIDTH - len(_INDENT) - 2, break_on_hyphens=False) or [""]


def _json(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return raw.decode("utf-8", "replace")


def _listed(*names: str) -> str:
    return ", ".join(names) or "none"


def _shown_verify(x: Exchange) -> tuple[Any, Any]:
    caller = x.caller
    if caller is None:
        return "the URL's token and the bearer token", "nobody"
    scope = caller.endpoint
    limits = f"methods {_listed(*scope.methods)}; tags {_listed(*scope.tags)}"
    who = f"{caller.subject}; roles {_listed(*caller.roles)}"
    return "the URL's token and the bearer token", f"{who}; endpoint {scope.name}: {limits}"


def _shown_parse(x: Exchange) -> tuple[Any, Any]:
    message = x.message
    if message is None:
        return "no body", "no message"
    return f"{x.head.get('content-length')} bytes", f"{message.kind} {message.method}"


def _shown_find(x: Exchange) -> tuple[Any, Any]:
    tool = x.tool
    if tool is None:
        return x.method, "no tool is named"
    if not tool.is_known:
        return tool.name, "not in the catalog, so taken for destructive"
    about = f"{tool.method}, {tool.effect}; tags {_listed(*tool.tags)}"
    return tool.name, f"{about}; its records hold {_listed(*tool.entities)}"


def _shown_scan(x: Exchange) -> tuple[Any, Any]:
    if x.tool is None:
        return "no arguments", "nothing"
    found = _listed(*(f"{finding.entity} at {finding.pointer}" for finding in x.findings))
    return redaction.withhold(x.arguments, x.findings), f"found: {found}"


def _shown_decide(x: Exchange) -> tuple[Any, Any]:
    verdict = x.verdict
    if verdict is None:
        return x.method, "passes on; the tools of a list are decided in step 9"
    masks = (f"{mask.entity or mask.pointer} {mask.action}" for mask in verdict.masks)
    denials = (f"{denial.code} ({denial.message})" for denial in verdict.denials)
    said = f"granted by {_listed(*verdict.grants)}; denied by {_listed(*denials)}"
    return f"policy {x.decision.policy_sha256[:12]}…" if x.decision else "", (
        f"{said}; masks: {_listed(*masks)}" if verdict.is_allowed else said
    )


def _shown_redact(x: Exchange) -> tuple[Any, Any]:
    tally = x.tally
    counted = {"masked": dict(tally.masked), "kept": dict(tally.kept), "hidden": tally.hidden}
    told = "; ".join(f"{name} {_counts(value)}" for name, value in counted.items() if value)
    length = len(x.reply.body) if x.reply else 0
    return told or "nothing to mask or to hide", f"{length} bytes"


def _counts(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{entity} {count}" for entity, count in sorted(value.items()))
    return ", ".join(value)


_SHOWN: Final[dict[str, Callable[[Exchange], tuple[Any, Any]]]] = {
    "admit": lambda x: (f"{x.head.verb} /mcp/[TOKEN], Host {x.head.get('host')}", "comes in"),
    "verify": _shown_verify,
    "parse": _shown_parse,
    "find": _shown_find,
    "scan": _shown_scan,
    "decide": _shown_decide,
    "record intent": lambda x: ("the decision and its input", f"event {x.id}, before it is sent"),
    "forward": lambda x: (
        f"{len(x.message.canonical) if x.message else 0} bytes, written anew",
        f"HTTP {x.reply.status}, {len(x.reply.body)} bytes" if x.reply else "",
    ),
    "redact": _shown_redact,
    "record outcome": lambda x: (
        "how it ended and what was counted",
        f"an event that refers to {x.id}, before the reply leaves",
    ),
}
