"""Everything that can be refused, as one small tree.

    SidecarError
    ├── ConfigError             settings, policies or catalog are unusable: exit 2
    └── Refusal                 one message is refused; the caller gets an answer
        ├── Denied              policy said no                                      200, in band
        ├── Malformed           the message is not what it must be                  400
        ├── Unauthenticated     no bearer token, or a bad one                       401
        ├── ScopeMissing        a good token without a scope that would help            403
        ├── NotFound            no such endpoint or session, told to nobody why     404
        ├── Inadmissible        edge: host, origin, verb, size, type           403 405 413 415
        ├── BackendFailed       the backend refused, broke off or made no sense     502
        ├── BackendTimedOut     the backend took too long                           504
        └── OrganDown           engine, audit, redaction: ours, and never open      503

A refusal's `str()` is for the audit log and for operators; `public` is what the caller may read.
Neither ever holds a credential or a personal value (invariant 4).
"""

from __future__ import annotations

from dataclasses import dataclass


class SidecarError(Exception):
    """The root: an error that this program raises on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a configuration: where it stands, what it is, what to do."""

    where: str
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" + (f" ({self.remedy})" if self.remedy else "")


class ConfigError(SidecarError):
    """Settings, policies or catalog cannot be used. Carries every problem, not the first."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in problems))


class Refusal(SidecarError):
    """One message is refused.

    Class attributes are the defaults of the kind. `status` is HTTP's, `code` JSON-RPC's,
    `reason` the stable slug in events, logs and the README's table. `caller` is a `model.Caller` as
    far as one was known when somebody was refused before the road knew who it was; for the log.
    """

    status: int = 500
    code: int = -32603
    reason: str = "internal"
    public: str = "The request could not be handled."

    def __init__(
        self,
        detail: str = "",
        *,
        reason: str | None = None,
        public: str | None = None,
        status: int | None = None,
        code: int | None = None,
        headers: tuple[tuple[str, str], ...] = (),
        data: dict[str, object] | None = None,
    ) -> None:
        self.reason = reason or type(self).reason
        self.public = public or type(self).public
        self.status = status or type(self).status
        self.code = code or type(self).code
        self.headers = headers
        self.data = data
        self.caller: object = None
        super().__init__(detail or self.public)


class Denied(Refusal):
    """Policy said no. How it is told depends on whether the caller may know of the tool."""

    status, code, reason = 200, -32602, "denied"
    public = "The request was refused."


class Malformed(Refusal):
    """The message cannot be read in exactly one way (RFC 8259, JSON-RPC 2.0, MCP)."""

    status, code, reason = 400, -32600, "malformed"
    public = "The message is not a single valid JSON-RPC request."


class Unauthenticated(Refusal):
    """The endpoint wants a bearer token that verifies (RFC 6750)."""

    status, code, reason = 401, -32600, "unauthenticated"
    public = "A valid bearer token is required."


class ScopeMissing(Refusal):
    """The bearer token verifies and lacks a scope that this sidecar wants of each (RFC 6750)."""

    status, code, reason = 403, -32600, "insufficient_scope"
    public = "The bearer token lacks a scope. The WWW-Authenticate header names what is needed."


class NotFound(Refusal):
    """Unknown, expired and revoked look the same from outside."""

    status, code, reason = 404, -32600, "not_found"
    public = "Not found."


class Inadmissible(Refusal):
    """Refused at the edge, before anybody is asked who they are."""

    status, code, reason = 403, -32600, "inadmissible"
    public = "The request was refused."


class BackendFailed(Refusal):
    """The backend could not be reached, broke off, or sent what cannot be understood."""

    status, code, reason = 502, -32603, "backend_failed"
    public = "The backend could not answer. Try again later."


class BackendTimedOut(Refusal):
    """The backend did not answer in time."""

    status, code, reason = 504, -32603, "backend_timed_out"
    public = "The backend did not answer in time. Try again later."


class OrganDown(Refusal):
    """One of our own organs cannot do its work: refused, never waved through (invariant 7)."""

    status, code, reason = 503, -32603, "organ_down"
    public = "The sidecar cannot decide or record at the moment. Try again later."
