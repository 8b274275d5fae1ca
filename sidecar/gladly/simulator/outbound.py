"""Messages that Gladly sends to customers: SMS and e-mail. Here nothing leaves; an item is made."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from sidecar.gladly.simulator import checks, contacts
from sidecar.gladly.simulator.answers import blank, invalid
from sidecar.gladly.simulator.call import Call
from sidecar.model import JsonObject

SUBJECT_LIMIT = 999


def send_sms(call: Call) -> Response:
    """200 with the ids of customer and item. The customer's number is `mobileNumber` here.

    Gladly is silent on a number that no profile has; as with e-mail, a profile is made.
    """
    given = call.body.get("customer")
    mobile = given.get("mobileNumber") if isinstance(given, dict) else None
    if not mobile or not call.body.get("from"):
        return blank()
    if refusal := checks.text(call.body, "body", is_required=True):
        return refusal
    sender, number = contacts.number(call.body["from"]), contacts.number(mobile)
    if sender is None or number is None:
        return invalid("from" if sender is None else "customer.mobileNumber", "number is invalid")
    content = {"type": "SMS", "from": sender, "to": number, "content": call.body["body"]}
    return _sent(call, contacts.owner(call, number, mobile), content)


def send_email(call: Call) -> Response:
    """200 with the ids of customer and item. Exactly one recipient; a new one gets a profile.

    The body is `html`, `text` or both.
    """
    to, body = call.body.get("to"), call.body.get("body")
    if not isinstance(to, list) or len(to) != 1 or not isinstance(to[0], dict):
        return blank()
    texts = checks.picked(body, ("html", "text")) if isinstance(body, dict) else {}
    if not texts or not all(isinstance(text, str) for text in texts.values()):
        return blank("body")
    if refusal := checks.text(call.body, "subject", SUBJECT_LIMIT, is_required=True):
        return refusal
    sender, address = contacts.email(call.body.get("from")), contacts.email(to[0].get("email"))
    if sender is None or address is None:
        return invalid("from" if sender is None else "to.email", "email is invalid")
    content = {"type": "EMAIL", "from": sender, "to": [address], "cc": [], "bcc": []}
    content |= {"subject": call.body["subject"], "content": texts.get("html") or texts["text"]}
    return _sent(call, contacts.owner(call, address, to[0]["email"]), content)


def _sent(call: Call, customer: str, content: JsonObject) -> Response:
    item = {
        "id": call.world.new_id(),
        "customerId": customer,
        "conversationId": _conversation(call, customer),
        "timestamp": call.timestamp,
        "initiator": call.author,
        "responder": {"id": customer, "type": "CUSTOMER"},
        "content": content,
    }
    call.world.put("items", item)
    return JSONResponse({"customerId": customer, "conversationItemId": item["id"]})


def _conversation(call: Call, customer: str) -> str:
    """The customer's open conversation, or a new one in the first inbox."""
    if rows := call.world.where("conversations", customerId=customer, status="OPEN"):
        return str(rows[-1]["id"])
    made = {
        "id": call.world.new_id(),
        "customerId": customer,
        "inboxId": next(iter(call.world.tables["inboxes"])),
        "customAttributes": [],
        "topicIds": [],
        "createdAt": call.timestamp,
        "status": "OPEN",
    }
    call.world.put("conversations", made)
    return str(made["id"])
