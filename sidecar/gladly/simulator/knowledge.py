"""Gladly's answers as those who write them see them: the record, and its content by language."""

from __future__ import annotations

import re

from starlette.responses import JSONResponse, Response

from sidecar.gladly.simulator import checks
from sidecar.gladly.simulator.answers import blank, error, invalid, listed, nothing, several, single
from sidecar.gladly.simulator.call import Call
from sidecar.model import JsonObject

LANGUAGES = ("en-us", "es-419")
"""The languages that the organisation has configured."""

_TYPES = ("public", "email", "messaging", "reference")
_LANGUAGE = re.compile(r"[a-z]{2}(-[a-z0-9]{2,3})?")
_FIELDS = ("name", "description", "audienceIds")


def create_answer(call: Call) -> Response:
    """200 with the answer, without any content yet."""
    if refusal := checks.chosen_id(call) or _fields_refusal(call.body, is_new=True):
        return refusal
    if call.world.get("answers", call.body.get("id")):
        return listed(409, "id", "taken", "answer id already taken")
    if call.world.where("answers", name=call.body["name"]):
        return listed(409, "name", "taken", "duplicate answer name")
    made = {"id": checks.new_id(call), "audienceIds": []} | checks.picked(call.body, _FIELDS)
    call.world.put("answers", made | {"createdAt": call.timestamp})
    return JSONResponse(made | {"createdAt": call.timestamp})


def get_answer(call: Call) -> Response:
    """Name, description and audiences; the content has addresses of its own."""
    answer = call.world.get("answers", call.ids["answer"])
    return JSONResponse(answer) if answer else _missing("answer")


def update_answer(call: Call) -> Response:
    """204. A name that is taken is 400 here, where creating says 409; audiences are replaced."""
    answer = call.world.get("answers", call.ids["answer"])
    if answer is None:
        return _missing("answer")
    changes = checks.picked(call.body, _FIELDS)
    if not changes:
        return blank()
    if refusal := _fields_refusal(changes):
        return refusal
    namesakes = call.world.where("answers", name=changes.get("name", answer["name"]))
    if any(other["id"] != answer["id"] for other in namesakes):
        return listed(400, "name", "taken", "duplicate answer name")
    call.world.put("answers", answer | changes | {"updatedAt": call.timestamp})
    return nothing(204)


def delete_answer(call: Call) -> Response:
    """204, with all content; 400 `in_use` while a rule, thread or help centre uses it."""
    answer = call.world.get("answers", call.ids["answer"])
    if answer is None:
        return _missing("answer")
    if refusal := _use(call, answer):
        return refusal
    for content in call.world.where("contents", answerId=answer["id"]):
        call.world.drop("contents", content["id"])
    call.world.drop("answers", answer["id"])
    return nothing(204)


def get_content(call: Call) -> Response:
    """The text of an answer in one language, of one type."""
    if refusal := _path_refusal(call):
        return refusal
    content = _content(call)
    return JSONResponse(_shown(content)) if content else _missing("answer content")


def put_content(call: Call) -> Response:
    """200 with the content, new or replaced. Only `public` can be written as yet.

    Gladly names no required field; without a text there is nothing to show: 400 `blank`.
    """
    if refusal := _path_refusal(call, is_written=True):
        return refusal
    if not call.body.get("bodyHtml"):
        return blank()
    if refusal := checks.text(call.body, "bodyHtml") or checks.text(call.body, "title"):
        return refusal
    old = _content(call) or {"id": call.world.new_id()}
    place = {"answerId": call.ids["answer"]} | _place(call)
    made = old | place | checks.picked(call.body, ("bodyHtml", "title"))
    call.world.put("contents", made)
    answer = call.world.tables["answers"][call.ids["answer"]]
    call.world.put("answers", answer | {"updatedAt": call.timestamp})
    return JSONResponse(_shown(made))


def delete_content(call: Call) -> Response:
    """204; refused where deleting the answer is, and for types that cannot be written."""
    if refusal := _path_refusal(call, is_written=True):
        return refusal
    content = _content(call)
    if content is None:
        return _missing("answer content")
    if refusal := _use(call, call.world.tables["answers"][call.ids["answer"]]):
        return refusal
    call.world.drop("contents", content["id"])
    return nothing(204)


def _missing(what: str) -> Response:
    return single(404, "", "not_exist", f"{what} does not exist")


def _fields_refusal(fields: JsonObject, *, is_new: bool = False) -> Response | None:
    is_named = is_new or "name" in fields
    return (
        checks.text(fields, "name", 500, is_required=is_named)
        or checks.text(fields, "description", 10_000)
        or checks.strings(fields, "audienceIds")
    )


def _use(call: Call, answer: JsonObject) -> Response | None:
    """400 for an answer that a rule, a thread or a section of a help centre uses."""
    if use := call.world.uses.get(answer["id"]):
        return listed(400, "answer", "in_use", f"answer is associated with {use}")
    for centre in call.world.where("help_centers"):
        if answer["id"] in centre["answerIds"]:
            detail = (
                f"Public response used in Help Center '{centre['name']}' "
                f"Section '{centre['section']}'"
            )
            meta = {
                "helpCenterID": centre["id"],
                "sectionID": centre["sectionId"],
                "snippetID": answer["id"],
            }
            return several(400, error("", "in_use", detail, **meta))
    return None


def _path_refusal(call: Call, *, is_written: bool = False) -> Response | None:
    language, kind = call.ids["language"], call.ids["type"]
    if not _LANGUAGE.fullmatch(language):
        return invalid("language", "invalid language")
    if language not in LANGUAGES:
        return invalid("language", "language not configured for org")
    if kind not in _TYPES:
        return invalid("type", "invalid type")
    if is_written and kind != "public":
        return invalid("type", "not implemented")
    return None if call.world.get("answers", call.ids["answer"]) else _missing("answer")


def _place(call: Call) -> JsonObject:
    return {"language": call.ids["language"], "type": call.ids["type"]}


def _content(call: Call) -> JsonObject | None:
    rows = call.world.where("contents", answerId=call.ids["answer"], **_place(call))
    return rows[0] if rows else None


def _shown(content: JsonObject) -> JsonObject:
    return {name: value for name, value in content.items() if name != "id"}
