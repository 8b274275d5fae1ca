"""An event in words, for people who read a log and do not know its members.

One line, which is safe on a terminal: what strangers wrote in it is shown and never obeyed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from sidecar.audit.calls import Call, Calls, items, joined, names_of, number, text, word
from sidecar.audit.reader import section
from sidecar.audit.tally import told
from sidecar.model import JsonObject
from sidecar.shown import shown

_LONGEST: Final = 600
_VERDICTS: Final = {
    "allow": "allowed",
    "mask": "allowed, to be masked",
    "deny": "REFUSED",
    "error": "FAILED",
}
_WOULD: Final = {
    "same": "would have changed nothing",
    "deny": "WOULD BE REFUSED in shadow",
    "allow": "would be allowed in shadow",
    "mask": "would be masked otherwise in shadow",
    "failed": "the policy in shadow FAILED",
}
_ENDS: Final = {
    "ok": "went well",
    "refused": "nothing was sent on",
    "tool_error": "the tool reported an error",
    "sidecar_error": "the sidecar failed",
    "backend_error": "the backend failed",
    "rate_limited": "the backend's rate limit was met",
    "timeout": "the backend did not answer in time",
    "cancelled": "the caller left before the end",
    "stream_ended": "the stream ended",
    "unknown end": "nobody recorded how it ended; it may have been executed",
}


def line(record: JsonObject) -> str:
    """What an event says, in one line that begins with its time."""
    stage = word(record, "stage")
    if stage == "outcome":
        said = call(joined({}, record))
    elif stage == "intent":
        asked = joined({}, record)
        said = f"asked    {asked.names.who}: {asked.tool}{_about(asked)}"
    else:
        said = _incident(stage, record)
    return shown(f"{word(record, 'ts')[:19]}Z  {said}", _LONGEST)


def call(one: Call) -> str:
    """What became of a call: the verdict, who, which tool, about whom, and why or how it ended."""
    verdict = _VERDICTS.get(one.verdict, "passed")
    times = f" ({one.times} times)" if one.times > 1 else ""
    shadow = f"; {_shadow(one)}" if one.would not in {"", "same"} else ""
    return f"{verdict}  {one.names.who}: {one.tool}{_about(one)}; {_ended(one)}{shadow}{times}"


def story(records: Iterable[JsonObject]) -> list[str]:
    """What happened, step by step, as the records of one exchange or of one incident tell it."""
    calls = Calls()
    said: list[str] = []
    for record in records:
        copied = {**record, "decision": dict(section(record, "decision"))}  # joining takes from it
        one = calls.step(copied)
        said += _story(one) if one is not None else []
        if word(record, "stage") not in {"intent", "outcome"}:
            said.append(line(record))
    said += [sentence for one in calls.rest() for sentence in _story(one)]
    return [shown(sentence, _LONGEST) for sentence in said]


def _story(one: Call) -> Iterator[str]:
    human, purpose = word(one.actor, "on_behalf_of"), word(one.actor, "purpose")
    asked = f"{one.names.who} asked for {one.tool or 'nothing that could be read'}{_about(one)}"
    yield f"{asked}{f', for the purpose {purpose}' if purpose else ''}."
    if not human:
        yield "No verified token names a human on whose behalf this happened."
    verdict = _VERDICTS.get(one.verdict, "never judged")
    grants = ", ".join(text(grant) for grant in items(one.decision.get("grants")))
    yield f"It was {verdict}" + (f"; granted by {grants}." if grants else ".")
    for denial in told(one) if one.verdict == "deny" else ():
        yield f"Because of {_denial(denial)}"
    if error := word(one.actor, "auth_error"):
        yield f"The caller was not known: {error}."
    sent = "It went to the backend" if one.is_sent else "Nothing went to the backend"
    yield f"{sent}; {_ENDS.get(one.status, one.status)}."
    for name, words in (("masked", "masked before the caller saw it"), ("kept", "returned as is")):
        if counted := _counts(section(one.data, name)):
            yield f"Personal data {words}: {counted}."
    if policy := word(one.decision, "policy_sha256"):
        yield f"Decided by the policy {policy}."
    if one.would:
        trial = word(section(one.decision, "shadow"), "policy_sha256")
        yield f"Without effect, the policy in shadow {trial}: {_shadow(one)}."


def _shadow(one: Call) -> str:
    """What a policy in shadow would have changed, and by which rules or of which tools."""
    shadow = section(one.decision, "shadow")
    named = {
        "deny": one.would_codes or items(shadow.get("hidden_tools")),
        "allow": items(shadow.get("shown_tools")),
        "mask": items(shadow.get("masks")),
        "failed": (shadow.get("reason"),),
    }
    told = ", ".join(filter(None, map(text, named.get(one.would, ()))))
    return _WOULD.get(one.would, "told nothing that can be read") + (f" ({told})" if told else "")


def _ended(one: Call) -> str:
    if one.verdict == "deny":
        why = " ".join(_denial(denial) for denial in told(one))
        return word(one.actor, "auth_error") or why
    end = _ENDS.get(one.status, one.status)
    reason = word(one.decision, "reason")
    masked = _counts(section(one.data, "masked"))
    return end + (f" ({reason})" if reason else "") + (f", masked {masked}" if masked else "")


def _denial(denial: JsonObject) -> str:
    words = (word(denial, name) for name in ("message", "remedy"))
    said = " ".join(each for each in words if each)
    return f"{word(denial, 'code')}: {said}" if said else word(denial, "code")


def _about(one: Call) -> str:
    found = sorted(f"{kind} {subject}" for kind, subject in one.subjects)
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""  # noqa: PLR2004 - a line's worth
    return f" about {', '.join(found[:3])}{more}" if found else ""


def _counts(counted: JsonObject) -> str:
    return ", ".join(f"{number(times)} {text(name)}" for name, times in counted.items())


def _incident(stage: str, record: JsonObject) -> str:
    data, actor = section(record, "data"), section(record, "actor")
    details = ", ".join(
        f"{text(name)} {text(value)}"
        for name, value in data.items()
        if name not in {"what", "note"} and text(value)
    )
    by = f" by {names_of(actor).who}" if actor else ""
    return f"{stage}  {word(data, 'what')}{by}" + (f": {details}" if details else "")
