"""What is written down of an exchange: one event schema, no value, no credential.

The sections are those of `audit/event.schema.json`. Text that a caller chose (a tool's name, a
method, a request id) is written only if it has the form of a name, since prose may hold anything;
text that a verified token holds goes through `scrub`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from sidecar.errors import Refusal
from sidecar.exchange import context
from sidecar.exchange.state import Exchange
from sidecar.model import Caller, Decision, Event, Finding, JsonObject, Subject, Tool

Scrub = Callable[[str], str]

_LONGEST = 200
"""Characters kept of a text that a token holds."""

_MOST = 500
"""Names, subjects and roles that one event holds; of more subjects the total is told."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,50}")
"""What Gladly's ids look like, its own and those that callers choose."""

_CLIENT_INFO = "io.modelcontextprotocol/clientInfo"
_NAME = re.compile(r"[A-Za-z0-9_./:$-]{1,128}")
"""What names and ids look like; MCP asks the same of tools' names."""


def intent(exchange: Exchange, scrub: Scrub, decision_input: JsonObject | None) -> Event:
    """The record that is durable before anything leaves for the backend."""
    return Event(
        id=exchange.id,
        stage="intent",
        actor=_actor(exchange.caller, scrub),
        src={"ip": exchange.head.client_ip},
        trace=context.section(exchange),
        mcp=_mcp(exchange, scrub),
        decision=_decision(exchange, None, decision_input, scrub),
        data=_data_in(exchange),
        outcome={"bytes_in": _bytes_in(exchange)},
    )


def outcome(
    exchange: Exchange,
    event_id: str,
    status: str,
    scrub: Scrub,
    refusal: Refusal | None = None,
    decision_input: JsonObject | None = None,
) -> Event:
    """The record of how it ended. Without an intent before it, it tells the whole story itself."""
    is_alone = not exchange.tally.is_intent_recorded
    return Event(
        id=exchange.id if is_alone else event_id,
        stage="outcome",
        ref="" if is_alone else exchange.id,
        actor=_actor(exchange.caller, scrub, refusal),
        src={"ip": exchange.head.client_ip} if is_alone else {},
        trace=context.section(exchange) if is_alone else {},
        mcp=_mcp(exchange, scrub),
        decision=_decision(exchange, refusal, decision_input, scrub),
        data=_data_out(exchange) | (_data_in(exchange) if is_alone else {}),
        outcome=_outcome(exchange, status, refusal),
    )


def shown_name(text: str, scrub: Scrub) -> str:
    """Keep what has the form of a name; of anything else, tell only how long it was."""
    if _NAME.fullmatch(text):
        return scrub(text)
    return f"[withheld: {len(text)} characters]"


def subjects(tool: Tool, arguments: JsonObject, payload: Any = None) -> list[JsonObject]:
    """Whose data a call is about, by the catalog's rules: ids only, each once, in order."""
    found: dict[tuple[str, str], None] = {}
    for rule in tool.subjects:
        sources = [arguments] if rule.source == "argument" else _records(payload)
        for source in sources:
            value = _pointed(source, rule)
            if isinstance(value, str) and value:
                found[(rule.kind, value if _ID.fullmatch(value) else "[withheld]")] = None
    return [{"kind": kind, "id": value} for kind, value in found]


def _records(payload: Any) -> list[Any]:
    """A list, the list under `result` as some servers wrap it, or the one record itself."""
    inner = payload.get("result") if isinstance(payload, dict) else payload
    return inner if isinstance(inner, list) else [payload]


def _pointed(source: Any, rule: Subject) -> Any:
    value = source
    for part in rule.pointer.split("/")[1:]:
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _actor(caller: Caller | None, scrub: Scrub, refusal: Refusal | None = None) -> JsonObject:
    auth_error = {"auth_error": str(refusal)} if refusal and caller is None else {}
    if caller is None and refusal is not None and isinstance(refusal.caller, Caller):
        caller = refusal.caller
    if caller is None:
        return auth_error
    actor: JsonObject = {
        "endpoint": _safe(caller.endpoint.name, scrub),
        "endpoint_id": caller.endpoint.id,
        "account": caller.endpoint.account,
        "issuer": caller.issuer,
        "subject": _safe(caller.subject, scrub),
        "client": _safe(caller.client, scrub),
        "roles": [_safe(role, scrub) for role in caller.roles[:_MOST]],
        "on_behalf_of": _safe(caller.on_behalf_of, scrub),
        "purpose": _safe(caller.purpose, scrub),
        "token_id": _safe(caller.token_id, scrub),
    }
    said = {k: v for k, v in actor.items() if v} | auth_error
    return said | {"is_authenticated": caller.is_authenticated}


def _mcp(exchange: Exchange, scrub: Scrub) -> JsonObject:
    message, tool = exchange.message, exchange.tool
    section: JsonObject = {"verb": exchange.head.verb}
    if message is None:
        return section | {"method": exchange.head.verb}
    section["method"] = shown_name(message.method or message.kind, scrub)
    if exchange.protocol:
        section["protocol"] = shown_name(exchange.protocol, scrub)
    if claimed := _claimed_client(message.params):
        section["claimed_client"] = shown_name(claimed, scrub)
    if message.id is not None:
        section["request_id"] = shown_name(str(message.id), scrub)
    if tool is not None:
        section |= {
            "tool": tool.name if tool.is_known else shown_name(tool.name, scrub),
            "tags": list(tool.tags),
            "method_kind": tool.method,
            "effect": tool.effect,
        }
    return section


def _claimed_client(params: JsonObject) -> str:
    """What a client calls itself: a name that anybody can claim, and that decides nothing."""
    meta = params.get("_meta")
    info = meta.get(_CLIENT_INFO) if isinstance(meta, dict) else None
    info = params.get("clientInfo") if info is None else info
    name = info.get("name") if isinstance(info, dict) else None
    return name if isinstance(name, str) else ""


def _decision(
    exchange: Exchange,
    refusal: Refusal | None,
    decision_input: JsonObject | None,
    scrub: Scrub,
) -> JsonObject:
    decision, verdict = exchange.decision, exchange.verdict
    section: JsonObject = {"result": _result(exchange, refusal)}
    shown = shown_name(verdict.tool, scrub) if verdict is not None else ""
    if refusal is not None:
        section["reason"] = refusal.reason
    if decision is not None:
        section |= {"policy_sha256": decision.policy_sha256, "eval_us": exchange.decide_us}
    if verdict is not None:
        section["grants"] = list(verdict.grants)
        section["denials"] = [
            {"code": d.code, "message": d.message.replace(verdict.tool, shown)}
            for d in verdict.denials
        ]
        section["rules"] = _rules(verdict.tool, decision)
    if exchange.tally.hidden:
        hidden = sorted({shown_name(name, scrub) for name in exchange.tally.hidden})
        section["hidden_tools"] = hidden[:_MOST]
    if decision_input is not None:
        section["input"] = decision_input
    return section


def _result(exchange: Exchange, refusal: Refusal | None) -> str:
    if refusal is not None:
        return "deny" if refusal.status < 500 else "error"  # noqa: PLR2004 - ours or theirs
    verdict = exchange.verdict
    return "mask" if verdict and any(m.action != "keep" for m in verdict.masks) else "allow"


def _rules(tool: str, decision: Decision | None) -> list[str]:
    if decision is None:
        return []
    verdict = decision.of(tool)
    codes = {*verdict.grants, *(d.code for d in verdict.denials), *(m.code for m in verdict.masks)}
    return sorted(codes)


def _data_in(exchange: Exchange) -> JsonObject:
    section: JsonObject = {}
    if exchange.findings:
        section["findings_in"] = _counted(exchange.findings)
    if exchange.tool is not None:
        found = subjects(exchange.tool, exchange.arguments)
        if found:
            section["subjects"] = found
    return section


def _data_out(exchange: Exchange) -> JsonObject:
    tally = exchange.tally
    sections: Mapping[str, Any] = {
        "found": dict(tally.found),
        "masked": dict(tally.masked),
        "kept": dict(tally.kept),
        "subjects": tally.subjects[:_MOST],
        "subjects_total": len(tally.subjects) if len(tally.subjects) > _MOST else 0,
    }
    return {name: value for name, value in sections.items() if value}


def _outcome(exchange: Exchange, status: str, refusal: Refusal | None) -> JsonObject:
    tally, reply = exchange.tally, exchange.reply
    section: JsonObject = {"status": status, "total_ms": exchange.elapsed_ms()}
    if refusal is not None:
        section |= {"http": refusal.status, "code": refusal.code}
    elif reply is not None:
        section["http"] = reply.status
    if exchange.received:
        section["backend_ms"] = round((exchange.received - exchange.sent) * 1000, 3)
    if tally.error_code is not None:
        section["code"] = tally.error_code
    if tally.events:
        section["events"] = tally.events
    return section | {"bytes_in": _bytes_in(exchange), "bytes_out": tally.bytes_out}


def _counted(findings: tuple[Finding, ...]) -> JsonObject:
    return dict(Counter(finding.entity for finding in findings))


def _bytes_in(exchange: Exchange) -> int:
    return len(exchange.message.canonical) if exchange.message else 0


def _safe(text: str, scrub: Scrub) -> str:
    return scrub(text[:_LONGEST]) if text else ""
