"""What a backend asks of an agent (sampling, elicitation, roots), decided as everything else is.

In the handshake era a question comes as a request on a stream: a refused one is answered by the
sidecar itself with an error, so that the backend need not wait, and the agent never sees it. In the
stateless era questions come inside a result: a result with a refused one is refused whole.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog

from sidecar import edge, jsonrpc, redaction, upstream
from sidecar.catalog import EXITS, TO_AGENT
from sidecar.errors import BackendFailed, Refusal
from sidecar.exchange import Exchange
from sidecar.model import JsonObject, Message, Verdict
from sidecar.pipeline.backend import Backends
from sidecar.pipeline.results import Results
from sidecar.pipeline.survey import Surveys
from sidecar.pipeline.waiting import Asked
from sidecar.policy import Facts, Policy

_log = structlog.get_logger("sidecar.questions")


class Questions:
    """Decides the backend's questions, and remembers those that an agent may answer."""

    def __init__(
        self,
        backends: Backends,
        policy: Policy,
        asked: Asked,
        surveys: Surveys | None,
        clock: Callable[[], datetime],
        results: Results,
    ) -> None:
        self._backends = backends
        self._policy = policy
        self._asked = asked
        self._surveys = surveys
        self._clock = clock
        self._results = results

    def notice(self, exchange: Exchange, notification: Message) -> None:
        """Take note that the list of tools has changed for the account of this exchange."""
        is_change = notification.method == "notifications/tools/list_changed"
        if self._surveys is not None and is_change:
            self._surveys.of(exchange.account).wake()

    async def put(self, exchange: Exchange, question: Message) -> Message | None:
        """Pass a question on, masked; or answer it with an error, and give None.

        Raises:
            BackendFailed: a question on a stream of the stateless era, which knows none.
        """
        if question.method == "ping":
            await self._answer(exchange, jsonrpc.result(question.id or 0, {}))
            return None
        if exchange.message is not None and edge.is_modern(exchange.message):
            raise _refused("a request on a stream of the stateless era")
        verdict = await self._verdict(exchange, question.method, question.params)
        if not verdict.is_allowed:
            exchange.tally.hidden.append(question.method)
            no = jsonrpc.error(question.id, jsonrpc.METHOD_NOT_FOUND, "Method not found")
            await self._answer(exchange, no)
            return None
        self._asked.add(exchange, question)
        return await self._results.redacted(
            exchange, question, "params", question.params, verdict.masks
        )

    async def check(self, exchange: Exchange, result: JsonObject) -> None:
        """Refuse a result that asks for what may not be asked (input_required).

        Raises:
            BackendFailed: one of its questions is refused or not understood.
        """
        asked: Any = result.get("inputRequests")
        if asked is None:
            return
        if not isinstance(asked, dict):
            raise _refused("questions in no known form")
        for question in asked.values():
            method = question.get("method") if isinstance(question, dict) else None
            params = question.get("params", {}) if isinstance(question, dict) else None
            if not isinstance(method, str) or not isinstance(params, dict):
                raise _refused("a question in no known form")
            if not (await self._verdict(exchange, method, params)).is_allowed:
                raise _refused(f"a question that policy refuses: {method[:64]}")

    async def _verdict(self, exchange: Exchange, method: str, params: JsonObject) -> Verdict:
        if method not in TO_AGENT or exchange.caller is None:
            return Verdict(method)
        facts = Facts(
            tools=(EXITS[method],),
            caller=exchange.caller,
            method=method,
            protocol=exchange.protocol,
            now=self._clock(),
            arguments=params,
            findings=redaction.scan(params),
        )
        return (await self._policy.decide(facts)).of(method)

    async def _answer(self, exchange: Exchange, body: bytes) -> None:
        """Answer the backend in the agent's place."""
        mirrored = [("content-type", "application/json")]
        headers = upstream.outgoing(exchange.head, mirrored, exchange.id)
        try:
            backend = self._backends.of(exchange.account)
            reply = await backend.forward("POST", headers, body)
        except Refusal as refusal:
            _log.warning("an answer could not be given to the backend", reason=refusal.reason)
            return
        if reply.stream is not None:
            await reply.stream.aclose()


def _refused(detail: str) -> BackendFailed:
    return BackendFailed(
        detail,
        reason="server_request",
        public="The backend asked the agent for something the sidecar does not pass on.",
    )
