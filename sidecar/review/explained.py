"""A question answered in words: every rule's say, and why the whole is allowed or refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sidecar import policy
from sidecar.model import JsonObject, Verdict
from sidecar.policy import Bundle, Embedded, Policy, sealed
from sidecar.policy.comparing.difference import refusals
from sidecar.policy.comparing.explaining import Explainer, Said
from sidecar.policy.comparing.replaying import TIMEOUT
from sidecar.review.asking import Question
from sidecar.review.words import place, wrapped
from sidecar.shown import listed, shown


async def explained(bundle: Bundle, question: Question) -> str:
    """The whole answer, of several lines.

    Raises OrganDown when the policy has no answer at all.
    """
    explainer = Explainer(bundle)
    document = question.facts.document()
    verdict = await _verdict(bundle, question.facts)
    said = explainer.explain(document, question.tool)
    reads = explainer.reads(document, question.places) if question.places else ()
    is_certain = not reads or not _is_open(explainer, question, document)
    lines = [
        *_head(question, verdict, said, is_certain=is_certain),
        *_sealed(question),
        *_rules(said),
        *_masks(verdict),
        *_unknown(reads, is_certain=is_certain),
        *_recorded(bundle, question, verdict, is_certain=is_certain),
    ]
    return "\n".join(lines)


async def _verdict(bundle: Bundle, facts: policy.Facts) -> Verdict:
    decision = await Policy(Embedded(bundle), TIMEOUT).decide(facts)
    return decision.of(facts.tools[0].name)


def _is_open(explainer: Explainer, question: Question, document: JsonObject) -> bool:
    facts = question.facts
    if sealed.denials(facts.tools[0], facts.caller.endpoint, facts.now):
        return False
    return not explainer.denies(document, question.tool, question.places)


def _head(
    question: Question, verdict: Verdict, said: Sequence[Said], *, is_certain: bool
) -> Iterator[str]:
    facts = question.facts
    what = "is listed" if facts.method == "tools/list" else "is called"
    tool = facts.tools[0]
    known = f"{tool.method}, {tool.effect}" if tool.is_known else "not in the catalog"
    yield f"{shown(tool.name)} ({known}) {what} at endpoint {shown(facts.caller.endpoint.name)}"
    roles = listed(facts.caller.roles, between=", ") or "no role"
    yield f"by {shown(facts.caller.subject) or 'nobody known'}, {roles}"
    if not is_certain:
        yield "UNDECIDABLE: a rule reads what the record withholds."
    elif verdict.is_allowed:
        yield f"ALLOWED: {', '.join(verdict.grants)} grants it, and nothing denies it."
    elif not verdict.denials:
        yield "REFUSED: no rule grants it."
    else:
        seen = "hidden from the caller" if verdict.is_hidden else "told to the caller"
        yield f"REFUSED, {seen}: {', '.join(refusals(verdict))}."
        if not verdict.grants:
            yield "Besides, no rule grants it."
    if any(one.failed for one in said):
        yield "A rule has no value: an error in it refuses every call that reaches it."
    yield ""


def _sealed(question: Question) -> Iterator[str]:
    facts = question.facts
    endpoint = facts.caller.endpoint
    denials = sealed.denials(facts.tools[0], endpoint, facts.now)
    methods = listed(endpoint.methods, between=", ") or "any"
    tags = listed(endpoint.tags, between=", ") or "any"
    expires = endpoint.expires_at.isoformat() if endpoint.expires_at else "never"
    yield f"sealed scope of the endpoint: methods {methods}; tags {tags}; expires {expires}"
    if not denials:
        yield "  allows      the tool lies within it"
    for denial in denials:
        yield f"  denies      {denial.code}: {denial.message}"
    yield ""


def _rules(said: Sequence[Said]) -> Iterator[str]:
    layer = ""
    for one in sorted(said, key=lambda s: (s.rule.layer, s.rule.name, s.rule.kind)):
        if one.rule.layer != layer:
            layer = one.rule.layer
            yield f"rules of the {layer}:"
        yield from _rule(one)
    yield ""


_WORDS = {"grant": "grants", "deny": "denies", "mask": "masks"}
_NOTS = {"grant": "no grant", "deny": "no denial", "mask": "no mask"}


def _rule(said: Said) -> Iterator[str]:
    rule = said.rule
    shadow = " (in shadow: without effect)" if rule.in_shadow else ""
    where = place(rule.where)
    if said.failed:
        yield f"  fails       {rule.name}{shadow}  {where}"
    elif not said.says:
        yield f"  {_NOTS[rule.kind]:<11} {rule.name}{shadow}  {where}"
        if said.stop:
            yield f"              stopped at line {said.stop}: {shown(said.condition)}"
    elif rule.kind == "mask":
        masks = (f"{m.get('entity') or m.get('pointer')} {m.get('action')}" for m in said.says)
        yield f"  masks       {rule.name}{shadow}  {where}"
        yield from wrapped(", ".join(sorted(map(shown, masks))), 14)
    else:
        yield f"  {_WORDS[rule.kind]:<11} {rule.name}{shadow}  {where}"
        for item in said.says:
            if item.get("message"):
                yield from wrapped(shown(str(item["message"]), 400), 14)
                yield from wrapped(shown(str(item.get("remedy", "")), 400), 14)


def _masks(verdict: Verdict) -> Iterator[str]:
    if verdict.is_allowed:
        masks = sorted(f"{mask.entity or mask.pointer} {mask.action}" for mask in verdict.masks)
        told = ", ".join(map(shown, masks)) or "all that is found"
        yield from wrapped(f"masked in what comes back: {told}", 0)


def _unknown(reads: Sequence[str], *, is_certain: bool) -> Iterator[str]:
    if not reads:
        return
    yield "read, though the record withholds it, in:"
    yield from (f"  {place(where)}" for where in reads)
    if is_certain:
        yield "It is refused whatever stood there."


def _recorded(
    bundle: Bundle, question: Question, verdict: Verdict, *, is_certain: bool
) -> Iterator[str]:
    if question.was_allowed is None:
        return
    was = "allowed" if question.was_allowed else "refused"
    by = "this policy" if question.policy_sha256 == bundle.sha256 else "another policy"
    turned = is_certain and question.was_allowed != verdict.is_allowed
    yield f"recorded as {was}, by {by}{': it turned' if turned else ''}"
