"""What was said in the simulated organisation: conversations, items and transcripts."""

from __future__ import annotations

from sidecar.gladly.simulator_ids import Ids, Table, by_id
from sidecar.model import JsonObject

_COMPANY = "+14155550100"
DELIVERY_PHONE = "+14155550198"
CALLER_PHONE = "+14155550132"
_SECRET = "tk_" + "9fQ2mZx7Lr0bVw4Ke8Ns1Yd5Ht3Gc6Ua"


def conversations(id_of: Ids) -> Table:
    """One open and one closed with the delivery customer, two finished calls, one waiting."""
    return by_id(
        [
            _conversation(id_of, "chat", "delivery", "CLOSED", "2026-09-14"),
            _conversation(id_of, "sms", "delivery", "OPEN", "2026-11-02"),
            _conversation(id_of, "verified-call", "caller", "CLOSED", "2026-10-20"),
            _conversation(id_of, "unverified-call", "caller", "CLOSED", "2026-11-01"),
            _conversation(id_of, "waiting", "waiting", "WAITING", "2026-11-03"),
        ]
    )


def _conversation(id_of: Ids, label: str, customer: str, status: str, day: str) -> JsonObject:
    conversation = {
        "id": id_of(f"conversation/{label}"),
        "customerId": id_of(f"customer/{customer}"),
        "agentId": id_of("agent/front"),
        "inboxId": id_of("inbox/support"),
        "customAttributes": [{"id": id_of("attribute/order"), "value": "8812"}],
        "topicIds": [],
        "createdAt": f"{day}T10:00:00.000Z",
        "status": status,
    }
    return conversation | ({"closedAt": f"{day}T12:00:00.000Z"} if status == "CLOSED" else {})


def items(id_of: Ids) -> Table:
    """What was said, with personal data where people write it, and one unknown content type."""
    return by_id(
        [
            _item(
                id_of,
                "first-complaint",
                "chat",
                _chat("Item X-200 was missing from order 8641 too."),
            ),
            _item(
                id_of,
                "sms",
                "sms",
                _sms("My delivery missed item X-200 again, order 8812. Please send it."),
            ),
            _item(
                id_of,
                "card",
                "sms",
                _chat("Refund to card 4111 1111 1111 1111 or write to mara.lindqvist@example.com"),
            ),
            _item(
                id_of,
                "note",
                "sms",
                {
                    "type": "CONVERSATION_NOTE",
                    "body": f"Call back on (415) 555-0177. Courier portal: api_token={_SECRET}",
                },
            ),
            _item(id_of, "email", "sms", _email()),
            # Gladly calls new content types a compatible change: readers must bear one.
            _item(
                id_of,
                "unknown",
                "sms",
                {"type": "KIOSK_MESSAGE", "text": "Reach me at +1 415-555-0198"},
            ),
            _item(id_of, "verified-call", "verified-call", _call(id_of, "verified-call")),
            _item(id_of, "unverified-call", "unverified-call", _call(id_of, "unverified-call")),
            _item(id_of, "waiting", "waiting", _sms("Hello? Is anybody there?")),
        ]
    )


_CUSTOMER_OF = {
    "chat": "delivery",
    "sms": "delivery",
    "verified-call": "caller",
    "unverified-call": "caller",
    "waiting": "waiting",
}
_ORDER = ("first-complaint", "sms", "card", "note", "email", "unknown")


def _item(id_of: Ids, label: str, conversation: str, content: JsonObject) -> JsonObject:
    minute = _ORDER.index(label) if label in _ORDER else 0
    customer = id_of(f"customer/{_CUSTOMER_OF[conversation]}")
    return {
        "id": id_of(f"item/{label}"),
        "customerId": customer,
        "conversationId": id_of(f"conversation/{conversation}"),
        "timestamp": f"2026-11-02T10:{minute:02d}:00.000Z",
        "initiator": {"id": customer, "type": "CUSTOMER"},
        "responder": {"id": id_of("agent/front"), "type": "AGENT"},
        "content": content,
    }


def _sms(text: str) -> JsonObject:
    return {"type": "SMS", "from": DELIVERY_PHONE, "to": _COMPANY, "content": text}


def _chat(text: str) -> JsonObject:
    return {
        "type": "CHAT_MESSAGE",
        "messageType": "TEXT",
        "sessionId": "session-1",
        "content": text,
    }


def _email() -> JsonObject:
    return {
        "type": "EMAIL",
        "from": "mara.lindqvist@example.com",
        "to": ["help@sample-store.example"],
        "cc": ["mara.lindqvist@work.example"],
        "bcc": [],
        "subject": "Order 8812 from mara.lindqvist@example.com",
        "content": "<p>My number is +1 415 555 0198.</p>",
    }


def _call(id_of: Ids, label: str) -> JsonObject:
    return {
        "type": "PHONE_CALL",
        "from": CALLER_PHONE,
        "to": _COMPANY,
        "startedAt": "2026-11-01T10:00:00.000Z",
        "answeredAt": "2026-11-01T10:00:09.000Z",
        "completedAt": "2026-11-01T10:04:00.000Z",
        "recordingStatus": "AVAILABLE",
        "recordingUrl": f"/api/v1/conversation-items/{id_of(f'item/{label}')}/media/recording",
        "recordingDuration": 231,
        "recordingSummary": {
            "status": "READY",
            "summary": "Address change for Tomas Okafor.",
            "language": "en-us",
        },
    }


def transcripts(id_of: Ids) -> Table:
    """Of the two calls, under the id of the item: with the PIN asked for, and without."""
    verified = [
        "Before I change the address, what is your security PIN?",
        "My PIN is 4827, and my e-mail is tomas.okafor@example.com.",
        "Thank you, that matches. The address is changed.",
    ]
    unverified = [
        "Hello, how can I help?",
        "Please send my order to a new address.",
        "Done. Anything else?",
    ]
    return by_id(
        [
            _transcript(id_of, "verified-call", verified),
            _transcript(id_of, "unverified-call", unverified),
        ]
    )


def _transcript(id_of: Ids, item: str, lines: list[str]) -> JsonObject:
    paragraphs = [
        {"transcript": line, "speaker": n % 2, "startTime": n * 6.0, "endTime": n * 6.0 + 5.5}
        for n, line in enumerate(lines)
    ]
    return {
        "id": id_of(f"item/{item}"),
        "paragraphs": paragraphs,
        "customerId": id_of("customer/caller"),
        "numberOfSpeakers": 2,
        "language": "en-us",
        "createdAt": "2026-11-01T10:05:00.000Z",
        "updatedAt": "2026-11-01T10:05:00.000Z",
    }
