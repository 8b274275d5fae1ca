"""The admin listener: `/livez` and `/readyz`, and nothing that an agent in the pod could use."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from sidecar.audit import Writer
from sidecar.catalog import Drift, Reviewed


def application(writer: Writer, reviewed: Reviewed) -> Starlette:
    """Make the admin application.

    Liveness is this process answering. Readiness is a loaded policy, without which nothing is
    served at all, and an audit log that can be written; a backend that is down makes neither
    fail, since restarting the agent's pod would not help. Tools that differ from what was reviewed
    are named in its text.
    """

    async def livez(_: Request) -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> PlainTextResponse:
        if not writer.revive():
            return PlainTextResponse("the audit log cannot be written\n", status_code=503)
        return PlainTextResponse(_told(reviewed.drift))

    return Starlette(routes=[Route("/livez", livez), Route("/readyz", readyz)])


def _told(drift: Drift) -> str:
    changed = {"added": drift.added, "changed": drift.changed, "removed": drift.removed}
    lines = [
        f"{what} since the review: {', '.join(names)}" for what, names in changed.items() if names
    ]
    return "\n".join(["ok", *lines, ""])
