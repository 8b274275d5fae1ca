"""Gladly's errors in words that a model can act on: the cause, and the next step. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from sidecar.catalog import Row
from sidecar.gladly import rest
from sidecar.gladly.client import GladlyError
from sidecar.model import JsonObject

_BY_CODE = {
    "invalid_state": "Bring about the state that it needs; repeating the call alone will not help.",
    "taken": "The id, name or contact is another record's. Use that record, or another value.",
    "blank": "Something required is missing or empty. Fill it and call again.",
    "invalid": "Gladly does not accept this. Correct it and call again.",
    "present": "Gladly does not accept this here. Leave it out and call again.",
    "not_a_number": "Write a number and call again.",
    "too_long": "Shorten the text and call again.",
    "wrong_length": "Give it the length that Gladly asks for and call again.",
    "not_exist": "Look the id up again instead of repeating the call.",
    "in_use": "Other records depend on it. Release those first.",
    "version_outdated": "Somebody changed it meanwhile. Read it again, and send its new version.",
    "temporary_failure": "Gladly cannot do it at the moment. Try again later.",
}
_BY_STATUS = {
    401: "The backend's Gladly credential is not accepted. An operator has to renew it.",
    403: "The backend's Gladly user lacks the role for this. An operator has to grant it.",
    409: "Another record is in the way. Look it up, and use it or another value.",
}
_CONDITIONED = frozenset({"", "invalid", "invalid_state", "in_use"})
"""Codes whose cause is often one of the conditions that the tool states beforehand."""
_OUTSIDE = frozenset({401, 403, 404})
_FAULT = 500


def explain(row: Row, errors: Sequence[GladlyError]) -> str:
    """Errors as sentences with the next step, then their codes and meta as JSON."""
    return f"{_sentence(row, errors)} {json.dumps(_facts(errors), separators=(',', ':'))}"


def _facts(errors: Sequence[GladlyError]) -> JsonObject:
    facts = [_fact(error) for error in errors]
    status = {"status": errors[0].status}
    return status | facts[0] if len(facts) == 1 else status | {"errors": facts}


def _fact(error: GladlyError) -> JsonObject:
    named = {"code": error.code, "attr": error.attr, "meta": dict(error.meta)}
    return {key: value for key, value in named.items() if value}


def _sentence(row: Row, errors: Sequence[GladlyError]) -> str:
    moved = next((error.moved_to for error in errors if error.moved_to), "")
    if moved:
        return (
            f"This customer was merged into another profile (moved): the new id is {moved}. "
            f"Call {row.tool.name} again with the new id."
        )
    causes = "; ".join(dict.fromkeys(_cause(row, error) for error in errors))
    steps = " ".join(dict.fromkeys(step for error in errors for step in _steps(row, error)))
    return f"{row.tool.name}: Gladly refused with status {errors[0].status}: {causes}. {steps}"


def _cause(row: Row, error: GladlyError) -> str:
    if error.detail:
        return error.detail.rstrip(".")
    if error.code:
        return f"{error.attr or 'the call'} is {error.code}"
    if error.status == 404:  # noqa: PLR2004 - RFC 9110 15.5.5
        return f"nothing has {_named(row)}"
    return "it gave no reason"


def _named(row: Row) -> str:
    """The arguments that say which record is meant."""
    names = [f"`{name}`" for name in rest.in_path(row)]
    if not names:
        return "that address"
    return f"this {names[0]}" if len(names) == 1 else f"these {' and '.join(names)} together"


def _steps(row: Row, error: GladlyError) -> Iterator[str]:
    if error.status >= _FAULT:
        yield "Gladly itself failed. Try again later."
        return
    code = error.code or ("not_exist" if error.status == 404 else "")  # noqa: PLR2004 - as above
    step = _BY_CODE.get(code) or _BY_STATUS.get(error.status)
    if step:
        yield step
    if code in _CONDITIONED and error.status not in _OUTSIDE and row.constraints:
        yield f"What holds for this tool: {' '.join(row.constraints)}"
    elif not step:
        yield "Do not repeat the call unchanged."
