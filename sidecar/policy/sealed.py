"""The layer that no Rego can widen: methods, tags and expiry of the endpoint itself.

The same limits are Rego input as well, but what stands here is intersected in Python, before the
engine is asked and whatever it answers.
"""

from __future__ import annotations

from datetime import datetime

from sidecar.model import Denial, Endpoint, Tool


def denials(tool: Tool, endpoint: Endpoint, now: datetime) -> tuple[Denial, ...]:
    """Say why a tool lies outside an endpoint; empty when it lies inside."""
    found = []
    if endpoint.methods and tool.method not in endpoint.allowed_methods():
        found.append(_denial(tool, "methods", f"The endpoint does not allow {tool.method} tools."))
    if endpoint.tags and not set(endpoint.tags) & set(tool.tags):
        found.append(_denial(tool, "tags", "None of the tool's tags belongs to the endpoint."))
    if endpoint.expires_at is not None and now >= endpoint.expires_at:
        found.append(_denial(tool, "expiry", "The endpoint has expired."))
    return tuple(found)


def _denial(tool: Tool, rule: str, message: str) -> Denial:
    return Denial(
        tool=tool.name,
        code=f"sealed.{rule}",
        message=message,
        remedy="Use an endpoint whose scope includes this tool.",
        group="sealed",
    )
