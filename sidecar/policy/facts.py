"""The input document of `policies/input.schema.json`, version 1, written from our nouns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from sidecar.model import Caller, Finding, JsonObject, Tool

VERSION = 1
"""Version of the input document; Rego sees it as `input.version`."""


@dataclass(frozen=True)  # without slots, which leave a cached property no place
class Facts:
    """All that one decision may know: who, what, when. One tool for a call, all for a list."""

    tools: Sequence[Tool]
    caller: Caller
    method: str
    protocol: str
    now: datetime
    arguments: JsonObject | None = None
    findings: Sequence[Finding] = ()
    recent: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> JsonObject:
        """The input document, made once. Lists carry neither arguments nor findings.

        It is what was decided on and what is recorded, so nobody changes it.
        """
        return self._document

    @cached_property
    def _document(self) -> JsonObject:
        body: JsonObject = {
            "version": VERSION,
            "tools": [_tool(tool) for tool in self.tools],
            "mcp": {"method": self.method, "protocol": self.protocol},
            "caller": _caller(self.caller),
            "endpoint": _endpoint(self.caller),
            "recent": dict(self.recent),
            "time": self.now.isoformat(),
        }
        if self.arguments is not None:
            body["arguments"] = self.arguments
            body["findings"] = [
                {"entity": f.entity, "pointer": f.pointer, "length": f.length}
                for f in self.findings
            ]
        return body


def _tool(tool: Tool) -> JsonObject:
    return {
        "name": tool.name,
        "known": tool.is_known,
        "method": tool.method,
        "effect": tool.effect,
        "tags": tool.tags,
        "pii": tool.entities,
        "customer_text": tool.customer_text,
        "pinned": tool.is_pinned,
        "arguments": {
            name: {
                "overwrites": marks.overwrites,
                "outbound": marks.outbound,
                "expected": marks.expected,
            }
            for name, marks in tool.arguments.items()
        },
    }


def _caller(caller: Caller) -> JsonObject:
    return {
        "issuer": caller.issuer,
        "subject": caller.subject,
        "client": caller.client,
        "scopes": caller.scopes,
        "roles": caller.roles,
        "claims": dict(caller.claims),
        "authenticated": caller.is_authenticated,
        "on_behalf_of": caller.on_behalf_of,
        "purpose": caller.purpose,
    }


def _endpoint(caller: Caller) -> JsonObject:
    endpoint = caller.endpoint
    return {
        "name": endpoint.name,
        "methods": endpoint.methods,
        "tags": endpoint.tags,
        "require_api_token_auth": endpoint.require_api_token_auth,
        "expires_at": endpoint.expires_at.isoformat() if endpoint.expires_at else None,
        "account": endpoint.account,
    }
