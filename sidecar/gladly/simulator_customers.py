"""Gladly's customer profiles, their conversations and what was said in them."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse, Response

from sidecar.gladly.simulator_answers import blank, listed, nothing, records, single
from sidecar.gladly.simulator_world import Call, World
from sidecar.model import JsonObject

CUSTOMERS_CAP = 50
CONVERSATIONS_CAP = 100
ITEMS_CAP = 1000
FIELDS = (
    "name",
    "image",
    "address",
    "emails",
    "phones",
    "externalCustomerId",
    "customAttributes",
)
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


def get_customer(call: Call) -> Response:
    """The profile; a merged id is 301 `moved`, without the Location that HTTP expects of a 301."""
    customer = call.world.get("customers", call.ids["customer"])
    return JSONResponse(customer) if customer else absent(call)


def update_customer(call: Call) -> Response:
    """204. Lists are replaced whole: an e-mail left out is gone."""
    customer = call.world.get("customers", call.ids["customer"])
    if customer is None:
        return _unknown(call.ids["customer"])
    changes = _written(call.body)
    if not changes or not _is_well_formed(changes):
        return blank()
    changed = _normal(customer | changes)
    if taken := _conflict(call.world, changed):
        return taken
    call.world.put("customers", changed | {"updatedAt": call.timestamp})
    return nothing(204)


def delete_customer(call: Call) -> Response:
    """204, and the conversations go too; 400 (never 409) while one is open or waiting."""
    id_ = call.ids["customer"]
    if not call.world.is_compliance_admin:
        return nothing(403)
    if call.world.get("customers", id_) is None:
        return _unknown(id_)
    conversations = call.world.where("conversations", customerId=id_)
    if any(c["status"] in {"OPEN", "WAITING"} for c in conversations):
        detail = "Unable to delete the profile. Please close any open or waiting conversations."
        return single(400, "conversation", "invalid_state", detail)
    for table in ("conversations", "items", "tasks"):
        for record in call.world.where(table, customerId=id_):
            del call.world.tables[table][record["id"]]
    del call.world.tables["customers"][id_]
    return nothing(204)


def list_conversations(call: Call) -> Response:
    """At most 100, oldest first. Gladly documents no error; an unknown customer is an empty 404."""
    id_ = call.ids["customer"]
    if call.world.get("customers", id_) is None:
        return moved(call) or nothing()
    rows = call.world.where("conversations", customerId=id_)
    return records(sorted(rows, key=lambda row: str(row["createdAt"])), CONVERSATIONS_CAP)


def list_items(call: Call) -> Response:
    """At most 1000 items, oldest first; never paginated."""
    id_ = call.ids["conversation"]
    if call.world.get("conversations", id_) is None:
        return nothing()
    rows = call.world.where("items", conversationId=id_)
    return records(sorted(rows, key=lambda row: str(row["timestamp"])), ITEMS_CAP)


def get_transcript(call: Call) -> Response:
    """One object, not a list; 404 without a body for an item that is no call."""
    transcript = call.world.get("transcripts", call.ids["item"])
    if transcript is None:
        return nothing()
    return JSONResponse({key: value for key, value in transcript.items() if key != "id"})


def create_item(call: Call) -> Response:
    """Put a CUSTOMER_ACTIVITY on a timeline: 200 with the item, unlike every other create."""
    id_ = call.ids["customer"]
    if call.world.get("customers", id_) is None:
        return moved(call, has_location=True) or nothing()
    content = call.body.get("content")
    if not isinstance(content, dict) or content.get("type") != "CUSTOMER_ACTIVITY":
        return blank()
    item = {
        "id": str(call.body.get("id") or call.world.new_id()),
        "customerId": id_,
        "timestamp": call.timestamp,
        "initiator": {"id": "api", "type": "API"},
        "content": content | {"receivedAt": call.timestamp},
    }
    call.world.put("items", item)
    return JSONResponse(item)


def absent(call: Call) -> Response:
    """What reading a customer id that is not there gives: moved, or not found."""
    return moved(call) or _unknown(call.ids["customer"])


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
        return listed(301, "customerId", "moved", "customer id has changed", old=old, new=new)
    detail = f"the customer id has changed from [{old}] to [{new}]"
    response = listed(301, "customer id", "moved", detail, old=old, new=new)
    response.headers["Location"] = call.url.replace(old, new)
    return response


def _unknown(id_: str) -> Response:
    return single(404, "", "not_exist", f"customer profile [{id_}] does not exist")


def _has(customer: JsonObject, key: str, wanted: str) -> bool:
    if key == "externalCustomerId":
        ids = customer.get("externalCustomerIds") or {}
        return wanted == customer.get("externalCustomerId") or wanted in ids.values()
    contacts = customer.get("emails" if key == "email" else "phones") or []
    return any(wanted.lower() == contact["normalized"] for contact in contacts)


def _written(body: JsonObject) -> JsonObject:
    return {key: body[key] for key in FIELDS if key in body}


def _is_well_formed(changes: JsonObject) -> bool:
    contacts = [*(changes.get("emails") or []), *(changes.get("phones") or [])]
    return all(isinstance(c, dict) and isinstance(c.get("original"), str) for c in contacts)


def _normal(customer: JsonObject) -> JsonObject:
    """Fill in the `normalized` that Gladly derives: lower-case e-mail, digits-only number."""
    emails = [e | {"normalized": e["original"].lower()} for e in customer.get("emails") or []]
    phones = [p | {"normalized": _digits(p["original"])} for p in customer.get("phones") or []]
    return customer | {"emails": emails, "phones": phones}


def _digits(number: str) -> str:
    return "+" + "".join(c for c in number if c.isdecimal())


def _conflict(world: World, customer: JsonObject) -> Response | None:
    """409 `taken` when another profile has one of the e-mails or mobile phones."""
    mine = _unique(customer)
    for other in world.tables["customers"].values():
        if other["id"] != customer["id"] and mine & _unique(other):
            return listed(409, "id", "taken", "contact is in use", id=other["id"])
    return None


def _unique(customer: JsonObject) -> set[Any]:
    phones = [p for p in customer.get("phones") or [] if p.get("type") == "MOBILE"]
    return {contact["normalized"] for contact in [*(customer.get("emails") or []), *phones]}
