"""`sidecar audit reconcile`: the audit log against the backend's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from sidecar.cli.audit_review import Log, recorded
from sidecar.cli.progress import Progress

if TYPE_CHECKING:
    from sidecar.audit import Reconciliation

_FEW: Final = 5
"""How many requests without an id are named."""


def reconcile(
    log: Log,
    backend_log: Annotated[
        Path, typer.Option(help="The backend's log: a line of JSON or text for each request.")
    ],
    request: Annotated[
        str, typer.Option(help="Only lines that hold this text are requests, as 'POST /mcp'.")
    ] = "",
) -> None:
    """Name the backend's requests that have no intent, and intents that it never saw.

    They are matched by the x-request-id that the sidecar sends. Exit 1 if the logs differ.
    """
    from sidecar import audit

    recorded(log, "reconcile")
    progress = Progress("reading")
    found = audit.reconcile(log, backend_log, request, progress)
    progress.end()
    _tell(found)
    raise typer.Exit(0 if found.is_clean else 1)


def _tell(found: Reconciliation) -> None:
    from sidecar.audit import words
    from sidecar.shown import shown

    print(f"{found.requests} requests with an id, {found.matched} of them in the audit log.")
    for number, event in found.unknown:
        print(f"line {number}: {event} has no event: it did not come through this sidecar's log")
    for event, times in found.repeated:
        print(f"{event} reached the backend {times} times")
    for number in found.unnamed[:_FEW]:
        print(f"line {number}: a request without an event's id")
    if len(found.unnamed) > _FEW:
        print(f"and {len(found.unnamed) - _FEW} more requests without an event's id")
    if found.looks:
        print(f"{found.looks} looks at the list of tools, as the sidecar's own, bear no id.")
    for call in found.unseen:
        said = shown(f"{call.ts[:19]}Z  {words.call(call)}", 600)
        print(f"the backend never saw {shown(call.id)}: {said}")
    if found.unnamed:
        print("The sidecar's own looks at the list of tools bear no id; --request leaves them out.")
    if found.is_clean:
        print("Both logs tell the same.")
