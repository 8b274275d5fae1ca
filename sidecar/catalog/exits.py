"""What is no tool but leads to the backend or to the agent all the same, as the policy sees it.

Each stands in a decision as a tool of its method's name with the tag `exit`; the rule
`access.exits` refuses those that the operator has not named. Anything that is neither a tool, nor
one of these, nor part of the protocol's own bookkeeping is an unknown method.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from sidecar.model import Effect, Method, Tool

TO_BACKEND: Final[Mapping[str, tuple[Method, Effect]]] = MappingProxyType(
    {
        "prompts/list": ("list", "read"),
        "prompts/get": ("get", "read"),
        "resources/list": ("list", "read"),
        "resources/templates/list": ("list", "read"),
        "resources/read": ("get", "read"),
        "resources/subscribe": ("custom", "read"),
        "resources/unsubscribe": ("custom", "read"),
        "completion/complete": ("get", "read"),
        "tasks/list": ("list", "read"),
        "tasks/get": ("get", "read"),
        "tasks/result": ("get", "read"),
        "tasks/update": ("update", "write"),
        "tasks/cancel": ("update", "write"),
    }
)
"""Requests of an agent that are no tool calls: method of the protocol -> what it amounts to."""

TO_AGENT: Final[Mapping[str, tuple[Method, Effect]]] = MappingProxyType(
    {
        "sampling/createMessage": ("custom", "write"),
        "elicitation/create": ("custom", "write"),
        "roots/list": ("custom", "read"),
    }
)
"""Requests that a backend may make of an agent, on a stream or inside a result."""

EXITS: Final[Mapping[str, Tool]] = MappingProxyType(
    {
        name: Tool(name, is_known=True, method=method, effect=effect, tags=("exit",))
        for name, (method, effect) in {**TO_BACKEND, **TO_AGENT}.items()
    }
)
"""Both, as the tools that a decision is asked about."""
