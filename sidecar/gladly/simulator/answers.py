"""The answers of Gladly's REST API, literally: three error shapes, empty 404s, bodiless creates."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse, Response

from sidecar.model import JsonObject

PREFIX = "/api/v1"
"""Where Gladly's API begins."""


def error(attr: str, code: str, detail: str = "", **meta: Any) -> JsonObject:
    """One error. What is empty is left out, as Gladly leaves it out."""
    fields = {"attr": attr, "code": code, "detail": detail, "meta": meta}
    return {name: value for name, value in fields.items() if value}


def several(status: int, *errors: JsonObject) -> Response:
    """The usual shape, `{"errors": [{...}]}`, with everything that is wrong."""
    return JSONResponse({"errors": list(errors)}, status)


def listed(status: int, attr: str, code: str, detail: str = "", **meta: Any) -> Response:
    """The usual shape with one error. An empty attr or meta is left out."""
    return several(status, error(attr, code, detail, **meta))


def single(status: int, attr: str, code: str, detail: str) -> Response:
    """The shape with one object in place of the list: customer 404, delete 400, agent 404."""
    return JSONResponse({"errors": error(attr, code, detail)}, status)


def bare(status: int, attr: str, code: str, detail: str) -> Response:
    """The shape without the `errors` member: deleting an export job."""
    return JSONResponse([error(attr, code, detail)], status)


def nothing(status: int = 404) -> Response:
    """A status and no body: most of Gladly's 404s, and every 204."""
    return Response(status_code=status)


def created(path: str) -> Response:
    """201 with a Location below `/api/v1` and no body, as Gladly answers a create."""
    return Response(status_code=201, headers={"Location": f"{PREFIX}{path}"})


def records(rows: list[JsonObject], cap: int, *, is_flagged: bool = True) -> Response:
    """A bare JSON array, cut at the endpoint's cap; `is_flagged` endpoints say that they cut.

    Gladly names the header `Gladly-Limited-Data` and does not document its value.
    """
    headers = {"Gladly-Limited-Data": "true"} if is_flagged and len(rows) > cap else None
    return JSONResponse(rows[:cap], headers=headers)


def blank(attr: str = "content") -> Response:
    """400: something required is missing or empty."""
    return listed(400, attr, "blank", f"{attr} cannot be blank")


def invalid(attr: str, detail: str) -> Response:
    """400: a value that Gladly does not accept."""
    return listed(400, attr, "invalid", detail)


def entity_missing() -> Response:
    """404 as most endpoints word it whose 404 has a body."""
    return listed(404, "", "not_exist", "entity does not exist")
