"""The answers of Gladly's REST API, literally: three error shapes, empty 404s, bodiless creates."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse, Response

from sidecar.model import JsonObject


def listed(status: int, attr: str, code: str, detail: str, **meta: Any) -> Response:
    """The usual shape: `{"errors": [{...}]}`. An empty attr or meta is left out."""
    return JSONResponse({"errors": [_error(attr, code, detail, meta)]}, status)


def single(status: int, attr: str, code: str, detail: str) -> Response:
    """The shape with one object in place of the list: customer 404, delete 400, agent 404."""
    return JSONResponse({"errors": _error(attr, code, detail, {})}, status)


def bare(status: int, attr: str, code: str, detail: str) -> Response:
    """The shape without the `errors` member: deleting an export job."""
    return JSONResponse([_error(attr, code, detail, {})], status)


def nothing(status: int = 404) -> Response:
    """A status and no body: most of Gladly's 404s, and every 204."""
    return Response(status_code=status)


def created(location: str) -> Response:
    """201 with a Location and no body, as Gladly answers a create."""
    return Response(status_code=201, headers={"Location": location})


def records(rows: list[JsonObject], cap: int, *, is_flagged: bool = True) -> Response:
    """A bare JSON array, cut at the endpoint's cap; `is_flagged` endpoints say that they cut.

    Gladly names the header `Gladly-Limited-Data` and does not document its value.
    """
    headers = {"Gladly-Limited-Data": "true"} if is_flagged and len(rows) > cap else None
    return JSONResponse(rows[:cap], headers=headers)


def blank(attr: str = "content") -> Response:
    """400: something required is missing or empty."""
    return listed(400, attr, "blank", f"{attr} cannot be blank")


def entity_missing() -> Response:
    """404 as the task endpoints word it."""
    return listed(404, "", "not_exist", "entity does not exist")


def _error(attr: str, code: str, detail: str, meta: JsonObject) -> JsonObject:
    error: JsonObject = {"attr": attr} if attr else {}
    error |= {"code": code, "detail": detail}
    return error | ({"meta": meta} if meta else {})
