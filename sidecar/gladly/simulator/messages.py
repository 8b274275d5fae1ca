"""What is added to a conversation or taken out of it: notes, replies, redaction."""

from __future__ import annotations

import re

from starlette.responses import JSONResponse, Response

from sidecar.gladly.simulator import checks
from sidecar.gladly.simulator.answers import blank, created, invalid, listed, nothing
from sidecar.gladly.simulator.call import Call
from sidecar.model import JsonObject

REPLY_LIMIT = 2048
"""Characters of a reply's body."""

_REPLIES = frozenset(
    {
        "CHAT_MESSAGE",
        "EMAIL",
        "FACEBOOK_MESSAGE",
        "INSTAGRAM_DIRECT",
        "SMS",
        "TWITTER",
        "WHATSAPP",
    }
)
_REDACTED = frozenset(
    {
        "CHAT_MESSAGE",
        "EMAIL",
        "PHONE_CALL",
        "SMS",
        "TWITTER",
        "VOICEMAIL",
        "WHATSAPP",
    }
)
_WRITTEN = ("content", "subject", "messageData", "attachments")
_OPTION = re.compile(r"[A-Za-z0-9_-]+")
_OPTIONS = 10
_LABEL_LIMIT = 50


def add_note(call: Call) -> Response:
    """201 with a Location. The text is `body`, or inside `content` as Gladly's example has it."""
    conversation = call.world.get("conversations", call.ids["conversation"])
    if conversation is None:
        return nothing()
    inner = call.body.get("content")
    body = inner.get("body") if isinstance(inner, dict) else inner or call.body.get("body")
    if not isinstance(body, str) or not body.strip():
        return blank()
    item = _added(call, conversation, {"type": "CONVERSATION_NOTE", "body": body})
    return created(f"/conversations/{conversation['id']}/notes/{item}")


def get_note(call: Call) -> Response:
    """The item of a note; 404 for an item that is no note, or another conversation's."""
    note = call.world.get("items", call.ids["note"])
    if note is None or note.get("conversationId") != call.ids["conversation"]:
        return nothing()
    return JSONResponse(note) if note["content"].get("type") == "CONVERSATION_NOTE" else nothing()


def reply(call: Call) -> Response:
    """201 with a Location; reaches the customer. Without an agent the API user is assigned.

    Gladly documents one limit for the body of every type, and no refusal of a type that is
    another than the item's.
    """
    item = call.world.get("items", call.ids["item"])
    if item is None:
        return nothing()
    if refusal := _reply_refusal(call.body.get("content")) or _state_refusal(call, item):
        return refusal
    content: JsonObject = call.body["content"]
    conversation = call.world.tables["conversations"][item["conversationId"]]
    sent = {"type": content["type"], "content": content["body"]}
    sent |= checks.picked(content, ("messageType", "messageData"))
    if not conversation.get("agentId"):
        call.world.put("conversations", conversation | {"agentId": call.author["id"]})
    return created(f"/conversation-items/{_added(call, conversation, sent)}")


def redact(call: Call) -> Response:
    """201 with a Location: what was said is removed, the item stays.

    Gladly lists the types that this works on and is silent on the others: 400 `invalid`.
    """
    item = call.world.get("items", call.ids["item"])
    if item is None:
        return nothing()
    content = item["content"]
    if content.get("type") not in _REDACTED:
        return invalid("content.type", f"type [{content.get('type')}] is not supported")
    kept = {key: value for key, value in content.items() if key not in (*_WRITTEN, "recordingUrl")}
    if "recordingStatus" in content:
        kept |= {"recordingStatus": "DELETED", "recordingSummary": {"status": "REDACTED"}}
    call.world.drop("transcripts", item["id"])
    call.world.put("items", item | {"content": kept})
    return created(f"/conversation-items/{item['id']}")


def _added(call: Call, conversation: JsonObject, content: JsonObject) -> str:
    id_ = call.world.new_id()
    item = {
        "id": id_,
        "customerId": conversation["customerId"],
        "conversationId": conversation["id"],
        "timestamp": call.timestamp,
        "initiator": call.author,
        "content": content,
    }
    call.world.put("items", item)
    return id_


def _reply_refusal(content: object) -> Response | None:
    if not isinstance(content, dict) or not content.get("type"):
        return listed(400, "content.type", "blank")
    kind, body = content["type"], content.get("body")
    if not isinstance(kind, str) or kind not in _REPLIES:
        return listed(400, "", "invalid", f"type [{kind}] is not supported")
    if not isinstance(body, str) or not body.strip():
        return blank("content.body")
    if len(body) > REPLY_LIMIT:
        detail = f"content.body cannot be larger than {REPLY_LIMIT} characters"
        return listed(400, "content.body", "too_long", detail)
    return _options_refusal(content) if content.get("messageType") else None


def _state_refusal(call: Call, item: JsonObject) -> Response | None:
    if item["initiator"]["type"] != "CUSTOMER":
        return listed(400, "", "invalid", "you can only reply to customer messages")
    if item["content"].get("type") not in _REPLIES:
        kind = item["content"].get("type")
        return listed(400, "", "invalid", f"type [{kind}] is not supported")
    conversation = call.world.get("conversations", item.get("conversationId"))
    if conversation is None or conversation["status"] == "CLOSED":
        return listed(400, "", "invalid", "you cannot reply to items in closed conversations")
    return None


def _options_refusal(content: JsonObject) -> Response | None:
    """A quick reply offers one to ten options, each with an id of its own and a short label."""
    if content["messageType"] == "TEXT":
        return None
    data = content.get("messageData")
    options = data.get("options") if isinstance(data, dict) else None
    ids = _option_ids(options) if content["messageType"] == "QUICK_REPLY_REQUEST" else []
    if ids and len(ids) <= _OPTIONS and len(set(ids)) == len(ids):
        return None
    detail = "options must be one to ten pairs of a unique id and a label of at most 50 characters"
    return invalid("content.messageData.options", detail)


def _option_ids(options: object) -> list[str]:
    """The ids of options that are all well formed; none otherwise."""
    rows = options if isinstance(options, list) else []
    return [row["id"] for row in rows] if all(map(_is_option, rows)) else []


def _is_option(option: object) -> bool:
    if not isinstance(option, dict):
        return False
    id_, label = option.get("id"), option.get("label")
    is_named = isinstance(id_, str) and bool(_OPTION.fullmatch(id_))
    return is_named and isinstance(label, str) and 0 < len(label) <= _LABEL_LIMIT
