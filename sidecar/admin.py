"""The admin listener: `/livez`, `/readyz`, `/metrics`, and nothing that an agent could use.

An agent in the pod can read all of it, so that it counts tools and never names one.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from sidecar.audit import Writer
from sidecar.catalog import Drift, Reviewed
from sidecar.metrics import CONTENT_TYPE, Metrics
from sidecar.pipeline import Surveys
from sidecar.redaction import Redactor

_CANARY_SECONDS = 10.0
"""How long what the canaries told is told again: whoever asks without end makes no work."""
_ENDED = "nobody looks at the backend's tools any more; the log says why; restart the sidecar\n"
_STALE = (
    "ok, but the backend's list of tools could not be read for long, and calls are refused until "
    "it can; the log says why\n"
)


def application(
    writer: Writer,
    reviewed: Reviewed,
    surveys: Surveys,
    metrics: Metrics,
    redactor: Redactor,
    *,
    waiting: Callable[[], str] = str,
    newer: Callable[[], str] = str,
) -> Starlette:
    """Make the admin application.

    Liveness is this process answering. Readiness is a loaded policy, without which nothing is
    served at all, an audit log that can be written, redaction that masks made-up data, and somebody
    who looks at the backend's tools;
    a backend that is down makes none of them fail, since restarting the agent's pod would not help.
    That its list could not be read for long, how many tools differ from what was reviewed, which
    sinks audit lines are `waiting` for, and why a `newer` policy does not decide, stands in the
    text.
    """

    async def livez(_: Request) -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> PlainTextResponse:
        if not await writer.revive():
            return PlainTextResponse("the audit log cannot be written\n", status_code=503)
        if leaks := redactor.leaks(older_than=_CANARY_SECONDS):
            what = f"redaction let made-up data through: {', '.join(leaks)}\n"
            return PlainTextResponse(what, status_code=503)
        if surveys.has_ended:
            return PlainTextResponse(_ENDED, status_code=503)
        text = _STALE if surveys.is_stale else _told(reviewed.drift)
        return PlainTextResponse(text + "".join(f"{one}\n" for one in (waiting(), newer()) if one))

    async def numbers(_: Request) -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    return Starlette(
        routes=[Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", numbers)]
    )


def _told(drift: Drift) -> str:
    counts = {"added": drift.added, "changed": drift.changed, "removed": drift.removed}
    parts = [f"{len(names)} {how}" for how, names in counts.items() if names]
    if not parts:
        return "ok\n"
    return (
        f"ok, but tools differ from what was reviewed and are refused: {', '.join(parts)}; "
        "the log names them, `sidecar catalog pin` accepts them\n"
    )
