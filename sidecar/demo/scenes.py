"""What happens in the demo, scene by scene; each says what it shows and checks that it does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from sidecar import audit
from sidecar.demo import injection, scopes, stage, workflows
from sidecar.demo.burst import BURST, burst
from sidecar.demo.cast import SECRETS, Cast

_NEXT: Final = """
Next, connect an AI client of your own: sidecar up --simulate (or --org NAME --email ADDRESS)
Then see README.md: how to run it beside an agent, change a rule, and read the evidence."""


async def play(cast: Cast) -> bool:
    """Play every scene in order; whether each showed what it promises."""
    print("gladly-mcp-sidecar: agent ⇄ sidecar ⇄ Gladly backend ⇄ simulated Gladly, on loopback.")
    shown = []
    for number, (title, text, scene) in enumerate(SCENES, start=1):
        stage.heading(number, title, text)
        shown.append(await scene(cast))
    print(f"\n{sum(shown)} of {len(shown)} scenes showed what they promise.")
    print(_NEXT)
    return all(shown)


async def _evidence(cast: Cast) -> bool:
    await cast.world.stop_sidecar()
    log = cast.world.audit_log
    report = audit.report(log).text()
    print(report)
    found = audit.verify(log)
    text = log.read_text()
    leaks = [s for s in SECRETS if s in text]
    leaks += [s for s in (cast.bearer, cast.world.backend_token) if s in text]
    return all(
        [
            stage.check("the chain holds from the first line to the last", holds=found.is_valid),
            stage.check("no personal value and no token stands in the log", holds=not leaks),
            stage.check("the report shows what was refused after a customer's orders",
                        holds=injection.RULE in report),
        ]
    )  # fmt: skip


Scene = Callable[[Cast], Awaitable[bool]]

SCENES: Final[tuple[tuple[str, str, Scene], ...]] = (
    (
        "Triage",
        (
            "A text message says that a delivery missed an item. The triage agent finds the "
            "customer by phone and reads the conversation. Its endpoint allows reading and "
            "creating, in four functional areas."
        ),
        workflows.triage,
    ),
    (
        "Escalation",
        (
            "The issue is recurring: the agent creates a task for the Escalations inbox. Its "
            "first text quotes a card number."
        ),
        workflows.escalation,
    ),
    (
        "A call audit",
        (
            "For quality assurance the agent reads the transcripts of a customer's calls: was the "
            "security PIN asked for before something was changed? Then it comments on the task."
        ),
        workflows.call_audit,
    ),
    (
        "A customer gives orders",
        (
            "An analyst's agent may export. Then it reads a message in which a customer tells it "
            "to export every profile and to send them away, and it obeys."
        ),
        injection.orders,
    ),
    (
        "A read-only endpoint",
        "The same agent at an endpoint with methods [read]. Writing is impossible, not refused.",
        scopes.read_only,
    ),
    (
        "A knowledge-base endpoint",
        "Scoped by tag to public answers: no tool that can reveal a customer.",
        scopes.knowledge,
    ),
    ("An expired endpoint", "A contractor's endpoint that ended an hour ago.", scopes.expired),
    (
        "A token for somebody else",
        "A valid token, but its audience is another service.",
        scopes.wrong_audience,
    ),
    (
        "A burst",
        f"{BURST} calls at once; Gladly allows ten a second. No retry and no throttle in between.",
        burst,
    ),
    ("The evidence", "The audit report of this run, and the verification of its log.", _evidence),
)  # fmt: skip
