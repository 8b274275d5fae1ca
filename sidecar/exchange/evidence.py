"""What is written down of an exchange: one event schema, no value, no credential.

The sections are those of `audit/event.schema.json`. Text that a caller chose (a tool's name, a
method, a request id) is written only if it has the form of a name, since prose may hold anything;
text that a verified token holds, or that a client says of itself, goes through the scrubber.

Who asked, for what, and what policy said stands in the intent and in the outcome, and cannot
change in between (invariant 5): it is put into words once, as `Told`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from sidecar import redaction
from sidecar.errors import Refusal
from sidecar.exchange import context
from sidecar.exchange.actors import actor as actor_of
from sidecar.exchange.names import shown_code, shown_id, shown_name, shown_text
from sidecar.exchange.state import Exchange, Told
from sidecar.exchange.subjects import shown, shown_merges, subjects, suspected
from sidecar.model import Caller, Event, Finding, JsonObject, Shadow

_MOST: Final = 500
"""Names and subjects that one event holds; of more subjects the total is told."""

_EXPORT: Final = "export"
"""The catalog's tag of tools that make, list or hand out exports."""

_CLIENT_INFO: Final = "io.modelcontextprotocol/clientInfo"


def told(exchange: Exchange, actor: JsonObject) -> Told:
    """What intent and outcome say alike; `actor` is the caller as it is written down."""
    return Told(actor, _mcp(exchange), _decision(exchange))


def intent(exchange: Exchange, said: Told, decision_input: JsonObject | None) -> Event:
    """The record that is durable before anything leaves for the backend."""
    asked = {} if decision_input is None else {"input": decision_input}
    return Event(
        id=exchange.id,
        stage="intent",
        actor=said.actor,
        src=_src(exchange),
        trace=context.section(exchange),
        mcp=said.mcp,
        decision={**said.decision, **asked},
        data=_data_in(exchange),
        outcome={"bytes_in": _bytes_in(exchange)},
    )


def outcome(
    exchange: Exchange,
    said: Told,
    event_id: str,
    status: str,
    refusal: Refusal | None = None,
    decision_input: JsonObject | None = None,
) -> Event:
    """The record of how it ended. Without an intent before it, it tells the whole story itself."""
    is_alone = not exchange.tally.is_intent_recorded
    return Event(
        id=exchange.id if is_alone else event_id,
        stage="outcome",
        ref="" if is_alone else exchange.id,
        actor=said.actor if refusal is None else _refused(exchange, said.actor, refusal),
        src=_src(exchange) if is_alone else {},
        trace=context.section(exchange) if is_alone else {},
        mcp=said.mcp,
        decision=_decided(exchange, said.decision, refusal, decision_input),
        data=_data_out(exchange, refusal) | (_data_in(exchange) if is_alone else {}),
        outcome=_outcome(exchange, status, refusal),
    )


def _refused(exchange: Exchange, actor: JsonObject, refusal: Refusal) -> JsonObject:
    """Of a refusal before anybody was verified: why, and whose endpoint or token it was."""
    if exchange.caller is not None:
        return actor
    found = refusal.caller
    known = actor_of(found) if isinstance(found, Caller) else {}
    return known | {"auth_error": str(refusal)}


def _src(exchange: Exchange) -> JsonObject:
    agent = shown_text(exchange.head.get("user-agent"))
    address: JsonObject = {"ip": exchange.head.client_ip}
    return address | {"user_agent": agent} if agent else address


def _mcp(exchange: Exchange) -> JsonObject:
    message, tool = exchange.message, exchange.tool
    if message is None:
        return {"verb": exchange.head.verb, "method": exchange.head.verb}
    section: JsonObject = {
        "verb": exchange.head.verb,
        "method": shown_name(message.method or message.kind),
    }
    if protocol := exchange.protocol:
        section["protocol"] = shown_name(protocol)
    if claimed := _claimed_client(message.params):
        section["claimed_client"] = shown_name(claimed)
    if message.id is not None:
        section["request_id"] = shown_id(message.id)
    if tool is not None:
        section["tool"] = tool.name if tool.is_known else shown_name(tool.name)
        section["tags"] = tool.tags
        section["method_kind"] = tool.method
        section["effect"] = tool.effect
    return section


def _claimed_client(params: JsonObject) -> str:
    """What a client calls itself: a name that anybody can claim, and that decides nothing."""
    meta = params.get("_meta")
    info = meta.get(_CLIENT_INFO) if isinstance(meta, dict) else None
    info = params.get("clientInfo") if info is None else info
    name = info.get("name") if isinstance(info, dict) else None
    return name if isinstance(name, str) else ""


def _decision(exchange: Exchange) -> JsonObject:
    """What policy said, whatever came of it."""
    decision, verdict = exchange.decision, exchange.verdict
    is_masked = verdict is not None and any(m.action != "keep" for m in verdict.masks)
    section: JsonObject = {"result": "mask" if is_masked else "allow"}
    if decision is not None:
        section["policy_sha256"] = decision.policy_sha256
        section["eval_us"] = exchange.decide_us
        if decision.shadow is not None:
            section["shadow"] = _shadow(decision.shadow)
    if verdict is not None:
        section["grants"] = [shown_code(code) for code in verdict.grants]
        arguments = exchange.arguments if verdict.denials else {}
        texts = redaction.unsayable(arguments, exchange.findings)
        section["denials"] = [
            {
                "code": shown_code(d.code),
                "message": _spoken(_without(verdict.tool, d.message), texts),
                "remedy": _spoken(_without(verdict.tool, d.remedy), texts),
            }
            for d in verdict.denials
        ]
        codes = {*verdict.grants, *(d.code for d in verdict.denials)}
        codes.update(m.code for m in verdict.masks)
        section["rules"] = sorted(map(shown_code, codes))
    return section


def _spoken(words: str, unsayable: tuple[str, ...]) -> str:
    """What a rule says: it may have put in what it read of a caller."""
    return redaction.scrub(redaction.unsaid(words, unsayable))


def _without(name: str, message: str) -> str:
    """A denial's words, in which the name of the tool is shown as elsewhere."""
    shown = shown_name(name)
    return message if shown == name or not name else message.replace(name, shown)


def _decided(
    exchange: Exchange,
    decision: JsonObject,
    refusal: Refusal | None,
    decision_input: JsonObject | None,
) -> JsonObject:
    """The same with what came of it."""
    section = dict(decision)
    if refusal is not None:
        section["result"] = "deny" if refusal.status < 500 else "error"  # noqa: PLR2004 - whose?
        section["reason"] = refusal.reason
    if exchange.tally.listed_by:
        # By the policy of that moment: another one may have decided when the list was asked for.
        section["policy_sha256"] = exchange.tally.listed_by
    if exchange.tally.hidden:
        hidden = sorted({shown_name(name) for name in exchange.tally.hidden})
        section["hidden_tools"] = hidden[:_MOST]
    if exchange.tally.shadow is not None:
        section["shadow"] = _shadow(exchange.tally.shadow)
    if decision_input is not None:
        section["input"] = decision_input
    return section


def _shadow(shadow: Shadow) -> JsonObject:
    """What a policy in shadow would have changed; of what is empty nothing is said."""
    sections: Mapping[str, Any] = {
        "policy_sha256": shadow.policy_sha256,
        "result": shadow.result,
        "reason": shadow.reason,
        "denials": [shown_code(code) for code in shadow.denials],
        "lifted": [shown_code(code) for code in shadow.lifted],
        "grants": [shown_code(code) for code in shadow.grants],
        "withdrawn": [shown_code(code) for code in shadow.withdrawn],
        "masks": [shown_code(mask) for mask in shadow.masks],
        "hidden_tools": [shown_name(name) for name in shadow.hidden],
        "hidden_total": shadow.hidden_total,
        "shown_tools": [shown_name(name) for name in shadow.shown],
        "shown_total": shadow.shown_total,
    }
    return {name: value for name, value in sections.items() if value}


def _data_in(exchange: Exchange) -> JsonObject:
    section: JsonObject = {}
    if exchange.findings:
        section["findings_in"] = _counted(exchange.findings)
    if exchange.tool is not None:
        if _EXPORT in exchange.tool.tags:
            section["is_export"] = True
        named = shown(subjects(exchange.tool, exchange.arguments), _suspected(exchange))
        if found := [*named, *exchange.people]:
            section["subjects"] = found
    return section


def _data_out(exchange: Exchange, refusal: Refusal | None) -> JsonObject:
    tally = exchange.tally
    suspect = _suspected(exchange)
    sections: Mapping[str, Any] = {
        "result": _result(exchange, refusal),
        "found": tally.found,
        "masked": tally.masked,
        "kept": tally.kept,
        "subjects": shown(tally.subjects[:_MOST], suspect),
        "subjects_total": len(tally.subjects) if len(tally.subjects) > _MOST else 0,
        "subjects_unknown": tally.has_unknown_subjects,
        "merged": shown_merges(tally.merged[:_MOST], suspect),
        "is_export": exchange.tool is not None and _EXPORT in exchange.tool.tags,
    }
    return {name: value for name, value in sections.items() if value}


def _suspected(exchange: Exchange) -> frozenset[str]:
    if exchange.tool is None or not exchange.findings:
        return frozenset()
    return suspected(exchange.tool, exchange.arguments, exchange.findings)


def _result(exchange: Exchange, refusal: Refusal | None) -> str:
    """What redaction made of what came back; nothing if nothing did."""
    if exchange.reply is None:
        return ""
    if refusal is not None:
        return "unscannable" if refusal.reason == "unscannable" else "blocked"
    if exchange.tally.masked:
        return "masked"
    return exchange.tally.scan


def _outcome(exchange: Exchange, status: str, refusal: Refusal | None) -> JsonObject:
    tally, reply = exchange.tally, exchange.reply
    section: JsonObject = {"status": status, "total_ms": exchange.elapsed_ms()}
    if refusal is not None:
        section["http"], section["code"] = refusal.status, refusal.code
    elif reply is not None:
        section["http"] = reply.status
    if exchange.received:
        section["backend_ms"] = round((exchange.received - exchange.sent) * 1000, 3)
    if tally.error_code is not None:
        section["code"] = tally.error_code
    if tally.events:
        section["events"] = tally.events
    section["bytes_in"], section["bytes_out"] = _bytes_in(exchange), tally.bytes_out
    return section


def _counted(findings: tuple[Finding, ...]) -> JsonObject:
    return dict(Counter(finding.entity for finding in findings))


def _bytes_in(exchange: Exchange) -> int:
    return len(exchange.message.canonical) if exchange.message else 0
