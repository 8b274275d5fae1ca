"""Gladly's customer profiles."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from sidecar.gladly.simulator import checks, contacts
from sidecar.gladly.simulator.answers import blank, created, listed, nothing, records, single
from sidecar.gladly.simulator.call import Call
from sidecar.gladly.simulator.world import World
from sidecar.model import JsonObject

CUSTOMERS_CAP = 50
_TEXTS = ("name", "image", "address", "externalCustomerId")
FIELDS = (*_TEXTS, "emails", "phones", "customAttributes")
"""What a caller may write of a profile; the rest is the server's."""


def find_customers(call: Call) -> Response:
    """At most 50 profiles, newest change first; exactly one search key; no match is `[]`."""
    keys = [key for key in ("email", "phoneNumber", "externalCustomerId") if call.query.get(key)]
    if len(keys) != 1:
        return blank()
    wanted = call.query[keys[0]]
    rows = [row for row in call.world.tables["customers"].values() if _has(row, keys[0], wanted)]
    rows.sort(key=lambda row: str(row["updatedAt"]), reverse=True)
    return records(rows, CUSTOMERS_CAP, is_flagged=False)


def create_customer(call: Call) -> Response:
    """201 with a Location. The id, e-mails and mobile phones have to be nobody else's."""
    fields = checks.picked(call.body, FIELDS)
    if refusal := checks.chosen_id(call) or _refusal(fields):
        return refusal
    id_ = checks.new_id(call)
    if call.world.get("customers", id_) or id_ in call.world.merged:
        return listed(409, "id", "taken", "customer ID exists")
    times = {"createdAt": call.timestamp, "updatedAt": call.timestamp}
    customer = contacts.normal({"id": id_} | fields) | times
    if taken := contacts.conflict(call.world, customer):
        return taken
    call.world.put("customers", customer)
    return created(f"/customer-profiles/{id_}")


def get_customer(call: Call) -> Response:
    """The profile; a merged id is 301 `moved`, without the Location that HTTP expects of a 301."""
    customer = call.world.get("customers", call.ids["customer"])
    return JSONResponse(customer) if customer else moved(call) or _unknown(call)


def update_customer(call: Call) -> Response:
    """204. Lists are replaced whole: an e-mail left out is gone.

    Gladly says of a merged id that an update answers 404, and elsewhere that it answers an
    error naming the new id; this does both. It documents no words for an unknown id, so they
    are those of reading one.
    """
    id_ = call.ids["customer"]
    customer = call.world.get("customers", id_)
    if customer is None:
        new = call.world.merged.get(id_)
        return _moved(404, id_, new) if new else _unknown(call)
    changes = checks.picked(call.body, FIELDS)
    if refusal := _refusal(changes):
        return refusal
    changed = contacts.normal(customer | changes)
    if taken := contacts.conflict(call.world, changed):
        return taken
    call.world.put("customers", changed | {"updatedAt": call.timestamp})
    return nothing(204)


def delete_customer(call: Call) -> Response:
    """204, and the conversations go too; 400 (never 409) while one is open or waiting.

    Gladly documents no 404 for it; the words are those of reading an unknown id.
    """
    id_ = call.ids["customer"]
    if not call.world.is_compliance_admin:
        return nothing(403)
    if call.world.get("customers", id_) is None:
        return _unknown(call)
    conversations = call.world.where("conversations", customerId=id_)
    if any(c["status"] in {"OPEN", "WAITING"} for c in conversations):
        detail = "Unable to delete the profile. Please close any open or waiting conversations."
        return single(400, "conversation", "invalid_state", detail)
    _forget(call.world, id_)
    return nothing(204)


def moved(call: Call, *, has_location: bool = False) -> Response | None:
    """301 `moved` for a merged id, else None.

    Gladly documents both forms: a GET without a Location, and a POST with one. Clients that
    follow the second turn the POST into a GET, which is why ours follows nothing. Its texts
    name the attribute differently in the two, and so does this.
    """
    old = call.ids["customer"]
    new = call.world.merged.get(old)
    if new is None:
        return None
    if not has_location:
        return _moved(301, old, new)
    detail = f"the customer id has changed from [{old}] to [{new}]"
    response = listed(301, "customer id", "moved", detail, old=old, new=new)
    response.headers["Location"] = call.url.replace(old, new)
    return response


def _moved(status: int, old: str, new: str) -> Response:
    return listed(status, "customerId", "moved", "customer id has changed", old=old, new=new)


def _unknown(call: Call) -> Response:
    detail = f"customer profile [{call.ids['customer']}] does not exist"
    return single(404, "", "not_exist", detail)


def _refusal(fields: JsonObject) -> Response | None:
    if not fields:
        return blank()
    if not isinstance(fields.get("customAttributes") or {}, dict):
        return blank()
    for name in _TEXTS:
        if refusal := checks.text(fields, name):
            return refusal
    return contacts.refusal(fields)


def _has(customer: JsonObject, key: str, wanted: str) -> bool:
    if key == "externalCustomerId":
        ids = customer.get("externalCustomerIds") or {}
        return wanted == customer.get("externalCustomerId") or wanted in ids.values()
    rows = customer.get("emails" if key == "email" else "phones") or []
    return any(wanted.lower() == contact["normalized"] for contact in rows)


def _forget(world: World, customer: str) -> None:
    """Take the profile away, with everything that hangs on it."""
    for item in world.where("items", customerId=customer):
        world.drop("transcripts", item["id"])
        world.drop("items", item["id"])
    for task in world.where("tasks", customerId=customer):
        for comment in world.where("comments", taskId=task["id"]):
            world.drop("comments", comment["id"])
        world.drop("tasks", task["id"])
    for conversation in world.where("conversations", customerId=customer):
        world.drop("conversations", conversation["id"])
    world.drop("customers", customer)
