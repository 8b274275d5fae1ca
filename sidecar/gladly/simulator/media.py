"""What belongs to an item without being in it: the transcript, the recording, attached files."""

from __future__ import annotations

import hashlib

from starlette.responses import JSONResponse, Response

from sidecar.gladly.simulator.answers import listed, nothing
from sidecar.gladly.simulator.call import Call

SILENCE = (b"\xff\xfb\x90\xc4" + bytes(413)) * 4
"""A recording: four frames of MPEG-1 layer III at 128 kbit/s and 44.1 kHz, a tenth of a second."""

_FILES = "https://files.sample-store.example"
_ATTACHABLE = frozenset(
    {
        "CHAT_MESSAGE",
        "CONVERSATION_NOTE",
        "EMAIL",
        "FACEBOOK_MESSAGE",
        "INSTAGRAM_DIRECT",
        "SMS",
        "WHATSAPP",
    }
)


def get_transcript(call: Call) -> Response:
    """One object, not a list; 404 without a body for an item that is no call."""
    transcript = call.world.get("transcripts", call.ids["item"])
    if transcript is None:
        return nothing()
    return JSONResponse({key: value for key, value in transcript.items() if key != "id"})


def get_recording(call: Call) -> Response:
    """The recording of a call or voicemail as audio/mpeg, while there is one."""
    item = call.world.get("items", call.ids["item"])
    if item is None or item["content"].get("recordingStatus") != "AVAILABLE":
        return nothing()
    return Response(SILENCE, media_type="audio/mpeg")


def get_attachment(call: Call) -> Response:
    """303 to a signed URL, without a body. Nothing answers there, and nothing is ever fetched."""
    item = call.world.get("items", call.ids["item"])
    if item is None:
        return nothing()
    if item["content"].get("type") not in _ATTACHABLE:
        detail = "conversation item content does not contain attachments"
        return listed(400, "", "invalid", detail)
    name = call.ids["attachment"]
    if name not in [file["id"] for file in item["content"].get("attachments") or []]:
        return nothing()
    signed = hashlib.sha256(f"{call.world.seed}/signed/{item['id']}/{name}".encode()).hexdigest()
    url = f"{_FILES}/{item['id']}/{name}?X-Expires=300&X-Signature={signed}"
    return Response(status_code=303, headers={"Location": url})
