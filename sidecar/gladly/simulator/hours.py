"""Gladly's business hours, which are changed under an optimistic lock."""

from __future__ import annotations

import re

from starlette.responses import JSONResponse, Response

from sidecar.gladly.simulator import checks
from sidecar.gladly.simulator.answers import blank, invalid, listed, nothing
from sidecar.gladly.simulator.call import Call
from sidecar.model import JsonObject

_FIELDS = ("name", "primary", "officeHours")
_ZONE = re.compile(
    r"UTC|(Africa|America|Antarctica|Asia|Atlantic|Australia|Europe|Indian|Pacific)"
    r"(/[A-Za-z0-9_+-]+){1,2}"
)
"""Names in the form of the IANA database; no copy of it is asked, so that every machine agrees."""


def list_hours(call: Call) -> Response:
    """Every set of business hours."""
    return JSONResponse(call.world.where("hours"))


def get_hours(call: Call) -> Response:
    """One set of business hours."""
    hours = call.world.get("hours", call.ids["hours"])
    if hours is None:
        return listed(404, "", "not_exist", "business hours does not exist")
    return JSONResponse(hours)


def create_hours(call: Call) -> Response:
    """201 with the record, version 1. A new primary set takes the place of the old one."""
    if refusal := _refusal(call.body):
        return refusal
    times = {"createdAt": call.timestamp, "updatedAt": call.timestamp}
    fields = {"primary": False} | checks.picked(call.body, _FIELDS)
    made = {"id": call.world.new_id(), "version": 1} | fields | times
    _put(call, made)
    return JSONResponse(made, 201)


def update_hours(call: Call) -> Response:
    """200 with the record, one version on; 409 when `version` is not the current one."""
    hours = call.world.get("hours", call.ids["hours"])
    if hours is None:
        return nothing()
    version = call.body.get("version")
    if not isinstance(version, int) or isinstance(version, bool):
        return blank()
    if refusal := _refusal(call.body):
        return refusal
    if version != hours["version"]:
        return listed(409, "", "version_outdated", "the version provided is outdated")
    changed = hours | checks.picked(call.body, _FIELDS)
    changed |= {"version": version + 1, "updatedAt": call.timestamp}
    _put(call, changed)
    return JSONResponse(changed)


def delete_hours(call: Call) -> Response:
    """204; the primary set cannot be deleted."""
    hours = call.world.get("hours", call.ids["hours"])
    if hours is None:
        return nothing()
    if hours["primary"]:
        return listed(400, "", "invalid", "cannot delete primary business hours")
    call.world.drop("hours", hours["id"])
    return nothing(204)


def _put(call: Call, hours: JsonObject) -> None:
    for other in call.world.where("hours", primary=True) if hours["primary"] else []:
        call.world.put("hours", other | {"primary": False})
    call.world.put("hours", hours)


def _refusal(fields: JsonObject) -> Response | None:
    office = fields.get("officeHours")
    if refusal := checks.text(fields, "name", 200, is_required=True):
        return refusal
    if not isinstance(office, dict) or not office:
        return blank("officeHours")
    zone = office.get("timezone")
    if not isinstance(zone, str) or not _ZONE.fullmatch(zone):
        return invalid("officeHours.timezone", "Timezone is invalid")
    return checks.flag(fields, "primary")
