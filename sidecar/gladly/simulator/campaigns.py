"""Gladly's proactive campaigns: who is to be contacted. Here nobody is."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from sidecar.gladly.simulator import checks, contacts
from sidecar.gladly.simulator.answers import blank, entity_missing, invalid
from sidecar.gladly.simulator.call import Call, moment


def create_recipients(call: Call) -> Response:
    """200 with the collection, without the recipients.

    Gladly documents no 400; for what it requires this answers one. The collection is of e-mail
    if its first recipient has an address, otherwise of SMS.
    """
    campaign = call.world.get("campaigns", call.ids["campaign"])
    if campaign is None:
        return entity_missing()
    recipients = call.body.get("recipients")
    if not isinstance(recipients, list) or not recipients:
        return blank("recipients")
    if not all(_is_recipient(one) for one in recipients):
        return invalid("recipients", "recipient is invalid")
    start, end = moment(call.body.get("startAfter")), call.body.get("endBefore")
    if refusal := checks.text(call.body, "name", is_required=True):
        return refusal
    if start is None or (end is not None and (moment(end) is None or end == "")):
        return invalid("endBefore" if start else "startAfter", "time is invalid")
    made = {
        "id": call.world.new_id(),
        "campaignId": campaign["id"],
        "type": "EMAIL" if recipients[0].get("emailAddress") else "SMS",
        "status": "SCHEDULED" if start > call.now else "ACTIVE",
    }
    made |= checks.picked(call.body, ("name", "startAfter", "endBefore"))
    call.world.put("collections", made)
    return JSONResponse(made)


def _is_recipient(one: object) -> bool:
    if not isinstance(one, dict):
        return False
    is_named = all(isinstance(one.get(k), str) and one[k] for k in ("customerName", "timezone"))
    address = contacts.email(one.get("emailAddress")) or contacts.number(one.get("phoneNumber"))
    return is_named and address is not None
