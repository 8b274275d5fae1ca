"""One conversation with an item of each content type, and every class of personal data in each."""

from __future__ import annotations

from sidecar.gladly.simulator.ids import Ids, Table, by_id
from sidecar.gladly.simulator.seed import talk
from sidecar.gladly.simulator.seed.people import DELIVERY_PHONE
from sidecar.gladly.simulator.seed.planted import EMAIL, LINK, SHORT, everything
from sidecar.model import JsonObject

_DAY = "2026-10-05"
_SESSION = "session-2"


def conversations(id_of: Ids) -> Table:
    """The one conversation: open, of the delivery customer."""
    made = talk.conversation(id_of, "channels", "delivery", "OPEN", _DAY)
    values = [{"id": id_of("attribute/order"), "value": everything("Order 8812.")}]
    topics = [id_of("topic/delivery"), id_of("topic/returns")]
    return by_id([made | {"customAttributes": values, "topicIds": topics}])


def items(id_of: Ids) -> Table:
    """An item of each type, in the order of `_contents`.

    The last message is the agent's, so that nobody waits.
    """
    contents = _contents(id_of)
    rows = [
        _item(id_of, label, minute, content)
        for minute, (label, content) in enumerate(contents.items())
    ]
    return by_id(rows)


def transcripts(id_of: Ids) -> Table:
    """Of the call and the voicemail."""
    lines = ["Who is speaking, please?", everything("Hello.")]
    labels = ("channel/phone-call", "channel/voicemail")
    return by_id([talk.transcript(id_of, label, "delivery", lines) for label in labels])


def _contents(id_of: Ids) -> dict[str, JsonObject]:
    return {
        **_written(id_of),
        **_spoken(id_of),
        **_internal(id_of),
        "channel/quick-reply": _quick_reply(),
    }


def _written(id_of: Ids) -> dict[str, JsonObject]:
    return {
        "channel/chat-message": _chosen_reply(id_of),
        "channel/sms": talk.sms(everything("From my telephone.")) | _attached(id_of, "sms"),
        "channel/email": _email() | _attached(id_of),
        "channel/facebook-message": {
            "type": "FACEBOOK_MESSAGE",
            "pageId": "page-42",
            "userId": "fb-1000198",
            **_said(id_of, "facebook"),
        },
        "channel/whatsapp": {"type": "WHATSAPP", **_said(id_of, "whatsapp")},
        "channel/instagram-direct": {"type": "INSTAGRAM_DIRECT", **_said(id_of, "instagram")},
        "channel/twitter": {"type": "TWITTER", "content": everything("In 280 characters.")},
        "channel/custom": _custom() | {"content": {"text": everything("In the group.")}},
        "channel/custom-files": _custom() | {"type": "FILES", "content": _files()},
    }


def _spoken(id_of: Ids) -> dict[str, JsonObject]:
    summary = everything("The customer says:")
    called = talk.call(id_of, "channel/phone-call", summary) | {"from": DELIVERY_PHONE}
    return {
        "channel/phone-call": called,
        "channel/voicemail": {
            "type": "VOICEMAIL",
            "startedAt": f"{_DAY}T10:00:00.000Z",
            **talk.recording(id_of, "channel/voicemail", summary),
        },
        "channel/voice-ai-message": {
            "type": "VOICE_AI_MESSAGE",
            "customerNumber": DELIVERY_PHONE,
            "companyNumber": talk.COMPANY,
            "body": everything("Understood:"),
            "status": "PLAYED",
        },
    }


def _internal(id_of: Ids) -> dict[str, JsonObject]:
    note = {"type": "CONVERSATION_NOTE", "body": everything("Note to colleagues.")}
    return {
        "channel/conversation-note": note | _attached(id_of, "note"),
        "channel/customer-activity": {
            "type": "CUSTOMER_ACTIVITY",
            "activityType": "ISSUE",
            "title": f"Order 8812: {SHORT}",
            "body": everything("Left in the shop's form."),
            "sourceName": "Shop",
            "link": {"url": LINK, "text": "Order of Mara Lindqvist"},
            "expandByDefault": True,
            "occurredAt": f"{_DAY}T09:00:00.000Z",
            "receivedAt": f"{_DAY}T09:00:01.000Z",
        },
        "channel/topic-change": {
            "type": "TOPIC_CHANGE",
            "addedTopicIds": [id_of("topic/returns")],
            "removedTopicIds": [],
        },
        "channel/conversation-status-change": {
            "type": "CONVERSATION_STATUS_CHANGE",
            "status": "OPEN",
        },
    }


def _item(id_of: Ids, label: str, minute: int, content: JsonObject) -> JsonObject:
    customer = {"id": id_of("customer/delivery"), "type": "CUSTOMER"}
    agent = {"id": id_of("agent/front"), "type": "AGENT"}
    robot = {"id": "SIDEKICK_V2", "type": "SYSTEM"}
    is_ours = label.rpartition("/")[2] in {
        "conversation-note",
        "topic-change",
        "conversation-status-change",
        "quick-reply",
    }
    made = {
        "id": id_of(f"item/{label}"),
        "customerId": customer["id"],
        "conversationId": id_of("conversation/channels"),
        "timestamp": f"{_DAY}T10:{minute:02d}:00.000Z",
        "initiator": agent if is_ours else customer,
        "responder": customer if is_ours else agent,
        "content": content,
    }
    if content.get("type") == "VOICE_AI_MESSAGE":
        made |= {"initiator": robot, "responder": customer}
    return made | ({"sessionId": _SESSION} if content.get("type") == "CHAT_MESSAGE" else {})


def _said(id_of: Ids, label: str) -> JsonObject:
    return {"content": everything("Hi!"), **_attached(id_of, label)}


def _attached(id_of: Ids, label: str = "photo") -> JsonObject:
    file = {
        "id": id_of(f"attachment/{label}"),
        "contentType": "image/jpeg",
        "filename": f"passport-{EMAIL}.jpg",
        "fileSize": 48_213,
    }
    return {"attachments": [file]}


def _email() -> JsonObject:
    return {
        "type": "EMAIL",
        "from": EMAIL,
        "to": ["help@sample-store.example"],
        "cc": ["mara.lindqvist@work.example"],
        "bcc": ["tomas.okafor@example.com"],
        "subject": everything("Order 8812."),
        "content": f"<p>{everything('Dear shop,')}</p>",
    }


def _chosen_reply(id_of: Ids) -> JsonObject:
    chosen = {
        "selectedOptionId": "call",
        "requestMessageId": id_of("item/channel/quick-reply"),
        "options": [{"id": "call", "label": "Call me on +1 415-555-0198"}],
    }
    return {
        "type": "CHAT_MESSAGE",
        "sessionId": _SESSION,
        "messageType": "QUICK_REPLY_RESPONSE",
        "content": everything("In the chat."),
        "messageData": chosen,
        **_attached(id_of, "chat"),
    }


def _quick_reply() -> JsonObject:
    options = [
        {"id": "call", "label": "Call me on +1 415-555-0198"},
        {"id": "mail", "label": f"Write to {EMAIL}"},
    ]
    return {
        "type": "CHAT_MESSAGE",
        "sessionId": _SESSION,
        "messageType": "QUICK_REPLY_REQUEST",
        "content": "How may we reach you?",
        "messageData": {"options": options},
    }


def _custom() -> JsonObject:
    """A custom channel's message: only Gladly's 2025 description has it, and no type is its own."""
    return {
        "type": "TEXT",
        "customChannelId": "channel-7",
        "companyAddress": "sample-store",
        "customerAddress": "@mara.lindqvist",
        "groupId": "group-1",
        "groupName": "Neighbours of Mara Lindqvist",
        "sessionId": "session-3",
        "status": {"value": "READ"},
    }


def _files() -> JsonObject:
    file = {"url": LINK, "name": f"passport-{EMAIL}.jpg", "mimeType": "image/jpeg"}
    return {"caption": everything("My papers."), "files": [file]}
