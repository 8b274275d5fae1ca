"""Gladly's public answers: what everybody may read, without a credential."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from sidecar.gladly.simulator.answers import nothing, records, single
from sidecar.gladly.simulator.call import Call
from sidecar.model import JsonObject

ANSWERS_CAP = 1000
LANGUAGE = "en-us"
"""The language of answers where the caller names none."""


def list_answers(call: Call) -> Response:
    """The first 1000 public answers by name, in one language, of one audience if asked."""
    if call.ids["org"] != call.world.organization["id"]:
        return nothing()
    return records(_named(_public(call)), ANSWERS_CAP, is_flagged=False)


def search_answers(call: Call) -> Response:
    """Id and name of the answers that hold every word of `q`; how Gladly ranks is not documented.

    Without `q` there is nothing to find: `[]`.
    """
    if call.ids["org"] != call.world.organization["id"]:
        return nothing()
    words = call.query.get("q", "").lower().split()
    found = [a for a in _public(call) if words and all(w in _haystack(a) for w in words)]
    return JSONResponse([_title(answer) for answer in _named(found)])


def get_answer(call: Call) -> Response:
    """One public answer; Gladly documents no 404, the words are those of its other answers."""
    is_here = call.ids["org"] == call.world.organization["id"]
    found = [a for a in _public(call) if is_here and a["id"] == call.ids["answer"]]
    return JSONResponse(found[0]) if found else single(*_MISSING)


def list_titles(call: Call) -> Response:
    """Id and name of the answers that a help centre shows; for an unknown one an empty 404."""
    centre = call.world.get("help_centers", call.ids["help_center"])
    if centre is None or call.ids["org"] != call.world.organization["id"]:
        return nothing()
    shown = [a for a in _public(call) if a["id"] in centre["answerIds"]]
    return JSONResponse([_title(answer) for answer in _named(shown)])


_MISSING = (404, "", "not_exist", "answer does not exist")


def _public(call: Call) -> list[JsonObject]:
    language, audience = call.query.get("lng") or LANGUAGE, call.query.get("audienceId")
    rows = []
    for content in call.world.where("contents", type="public", language=language):
        answer = call.world.tables["answers"][content["answerId"]]
        if not audience or audience in (answer.get("audienceIds") or []):
            rows.append(_row(answer, content))
    return rows


def _row(answer: JsonObject, content: JsonObject) -> JsonObject:
    return {
        "id": answer["id"],
        "name": answer["name"],
        "bodyHtml": content["bodyHtml"],
        "language": content["language"],
        "updatedAt": answer.get("updatedAt") or answer["createdAt"],
    }


def _title(answer: JsonObject) -> JsonObject:
    return {"id": answer["id"], "name": answer["name"]}


def _named(rows: list[JsonObject]) -> list[JsonObject]:
    return sorted(rows, key=lambda row: str(row["name"]))


def _haystack(answer: JsonObject) -> str:
    return f"{answer['name']} {answer['bodyHtml']}".lower()
