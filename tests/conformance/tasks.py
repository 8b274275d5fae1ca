"""The Tasks extension (SEP-2663) for the reference server, which lacks it.

With it the suite's scenarios of tasks do something: without, they fail alike on every way and tell
nothing. A task has no work of its own: what became of it is said when somebody asks.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from mcp.server.context import CallNext, HandlerResult
from mcp.server.extension import Extension, MethodBinding, ToolBinding
from mcp.server.mcpserver import require_client_extension
from mcp.shared.exceptions import MCPError
from mcp.types import HEADER_MISMATCH, INVALID_PARAMS, CallToolRequestParams, RequestParams

IDENTIFIER: Final = "io.modelcontextprotocol/tasks"
MODERN: Final = frozenset({"2026-07-28"})

Object = dict[str, Any]


class Asked(RequestParams):
    """The parameters of every method of tasks."""

    task_id: str
    input_responses: Object | None = None


@dataclass(slots=True)
class Task:
    """One task: done `seconds` after its start if nothing is `pending`, with this `outcome`."""

    outcome: Object
    seconds: int = 0
    pending: Object = field(default_factory=dict)
    id: str = field(default_factory=secrets.token_urlsafe)
    is_cancelled: bool = False
    started: float = field(default_factory=time.monotonic)
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat())

    @property
    def is_over(self) -> bool:
        """Whether nothing changes any more."""
        return not self.pending and time.monotonic() >= self.started + self.seconds

    def state(self) -> Object:
        """What every result says of it."""
        return {
            "taskId": self.id,
            "status": self._status(),
            "createdAt": self.created,
            "lastUpdatedAt": self.created,
            "ttlMs": 60_000,
            "pollIntervalMs": 100,
        }

    def detailed(self) -> Object:
        """What `tasks/get` answers."""
        more: Object = {"inputRequests": self.pending} if self.pending else {}
        if self.is_cancelled:
            more = {}
        elif self.is_over:
            more = self.outcome
        return {"resultType": "complete", **self.state(), **more}

    def _status(self) -> str:
        if self.is_cancelled:
            return "cancelled"
        if self.pending:
            return "input_required"
        if not self.is_over:
            return "working"
        return "failed" if "error" in self.outcome else "completed"


class Tasks(Extension):
    """What the suite asks for: its seven tools, and the three methods."""

    identifier = IDENTIFIER

    def __init__(self) -> None:
        self._tasks: dict[str, Task] = {}

    def tools(self) -> Sequence[ToolBinding]:
        """One that never makes a task, one that may, and five that must."""
        tools = (greet, slow_compute, failing_job, protocol_error_job, confirm_delete, multi_input)
        return [ToolBinding(tool) for tool in (*tools, test_tool_with_task)]

    def methods(self) -> Sequence[MethodBinding]:
        """Those that tasks have since they became an extension."""
        handlers = {"get": self._get, "update": self._update, "cancel": self._cancel}
        return [
            MethodBinding(f"tasks/{name}", Asked, handler, MODERN)
            for name, handler in handlers.items()
        ]

    async def intercept_tool_call(
        self, params: CallToolRequestParams, ctx: Any, call_next: CallNext
    ) -> HandlerResult:
        """Make a task of the call, where the tool wants one."""
        task = _made(params.name, params.arguments or {})
        declared = ctx.session.client_capabilities
        has_declared = declared is not None and IDENTIFIER in (declared.extensions or {})
        if task is None or (params.name == "slow_compute" and not has_declared):
            return await call_next(ctx)
        require_client_extension(ctx, IDENTIFIER)
        if params.name == "test_tool_with_task":
            if not params.input_responses:
                return {"resultType": "input_required", "inputRequests": {"who": _question("name")}}
            task.outcome = _said(str(params.input_responses["who"]))
        self._tasks[task.id] = task
        return {"resultType": "task", **task.state()}

    async def _get(self, ctx: Any, params: Asked) -> HandlerResult:
        return self._found(ctx, params).detailed()

    async def _update(self, ctx: Any, params: Asked) -> HandlerResult:
        task = self._found(ctx, params)
        for key in params.input_responses or {}:
            task.pending.pop(key, None)
        return {"resultType": "complete"}

    async def _cancel(self, ctx: Any, params: Asked) -> HandlerResult:
        task = self._found(ctx, params)
        task.is_cancelled = task.is_cancelled or not task.is_over
        return {"resultType": "complete"}

    def _found(self, ctx: Any, params: Asked) -> Task:
        require_client_extension(ctx, IDENTIFIER)
        if ctx.request.headers.get("mcp-name") != params.task_id:
            raise MCPError(HEADER_MISMATCH, "Mcp-Name is missing or differs from params.taskId")
        if params.task_id not in self._tasks:
            raise MCPError(INVALID_PARAMS, "no such task")
        return self._tasks[params.task_id]


def _made(tool: str, arguments: Object) -> Task | None:
    if tool == "slow_compute":
        return Task(_said("computed"), seconds=arguments["seconds"])
    if tool == "failing_job":
        return Task(
            {"result": {"content": _said("it failed")["result"]["content"], "isError": True}}
        )
    if tool == "protocol_error_job":
        return Task({"error": {"code": -32603, "message": "the job broke down"}})
    if tool in {"confirm_delete", "test_tool_with_task"}:
        pending = {"confirm": _question("confirm")} if tool == "confirm_delete" else {}
        return Task(_said("done"), pending=pending)
    if tool == "multi_input":
        return Task(
            _said("done"), pending={"first": _question("name"), "second": _question("name")}
        )
    return None


def _said(text: str) -> Object:
    return {"result": {"content": [{"type": "text", "text": text}]}}


def _question(asked_for: str) -> Object:
    schema = {"type": "object", "properties": {asked_for: {"type": "string"}}}
    params = {"mode": "form", "message": "Please answer", "requestedSchema": schema}
    return {"method": "elicitation/create", "params": params}


def greet(name: str) -> str:
    """Greet somebody, at once."""
    return f"Hello, {name}!"


def slow_compute(seconds: int, label: str = "") -> str:
    """Take some seconds as a task; for a client without tasks answer at once."""
    return f"{label}: not done in {seconds} s, but at once"


def failing_job() -> None:
    """Fail as a tool does."""


def protocol_error_job() -> None:
    """Fail as a server does."""


def confirm_delete(filename: str) -> None:
    """Ask one question."""


def multi_input() -> None:
    """Ask two questions."""


def test_tool_with_task() -> None:
    """Ask a question before there is a task."""
