"""The frozen nouns that travel the road. Each organ's one verb makes one of them from others."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

JsonObject = dict[str, Any]
"""A parsed JSON object. Whoever holds one after `decide` must not change it (invariant 5)."""

Method = Literal["list", "get", "create", "update", "delete", "custom"]
"""What a tool does to its resource; the words of the API that the catalog mirrors."""

Effect = Literal["read", "write", "destructive"]
"""How much a call can change. Unknown tools count as destructive."""

Action = Literal["keep", "last4", "pseudonym", "mask", "drop"]
"""What a mask does to a value, from mild to strict: leave it, keep its last four digits, put in
its place a token that is the same for the same value, replace it by `[ENTITY]`, or leave an empty
text. Members and their types stay, so that an output schema still holds."""

METHOD_GROUPS: Mapping[str, frozenset[str]] = MappingProxyType(
    {"read": frozenset({"list", "get"}), "write": frozenset({"create", "update", "delete"})}
)
"""Names that stand for several methods in `Endpoint.methods`."""

ENTITIES = frozenset(
    [
        "NAME",
        "ADDRESS",
        "EMAIL",
        "PHONE",
        "CARD",
        "SSN",
        "IBAN",
        "IP",
        "TOKEN",
        "PIN",
        "IMAGE",
        "MEDIA",
        "CUSTOM",
        "EXTERNAL_ID",
    ]
)
"""Kinds of personal or secret data. TOKEN is any credential, PIN any short secret spoken or
written, CUSTOM a field whose meaning the organisation defined itself."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One URL of ours and the scope that is sealed into it; no Rego edit widens it.

    `token_hash` is the keyed hash (HMAC-SHA-256, hex) of the 256-bit token in `/mcp/<token>`; None
    is the one endpoint at `/mcp`, which always requires a bearer token. `id` is a provisioned
    endpoint's; a declared one is known by its name, which is nobody else's. `account` names the
    backend account whose credential its calls use; empty: the one of `backend`.
    """

    name: str
    token_hash: str | None
    methods: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    require_api_token_auth: bool = True
    expires_at: datetime | None = None
    id: str = ""
    account: str = ""

    @property
    def reference(self) -> str:
        """What tells this endpoint from every other."""
        return self.id or self.name

    def allowed_methods(self) -> frozenset[str]:
        """Expand groups: `("read", "create")` is list, get and create. Empty: no limit."""
        return frozenset().union(*(METHOD_GROUPS.get(m, frozenset({m})) for m in self.methods))


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as verified by `identity`. Claims are the token's own, credentials left out.

    `is_authenticated` is False when only the endpoint's URL token vouched for the caller.
    `token_id` is the bearer token's `jti`, by which it can be revoked.
    `expires_at` is when the verification ends (UTC seconds), if it does.
    """

    endpoint: Endpoint
    is_authenticated: bool
    issuer: str = ""
    subject: str = ""
    client: str = ""
    scopes: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    claims: Mapping[str, Any] = field(default_factory=dict)
    token_id: str = ""
    on_behalf_of: str = ""
    purpose: str = ""
    expires_at: float | None = None

    @property
    def principal(self) -> tuple[str, ...]:
        """What a session is bound to: survives a token's renewal, differs between callers."""
        at = self.endpoint
        return (at.reference, at.account, self.issuer, self.subject, self.client)


@dataclass(frozen=True, slots=True)
class Message:
    """One strictly parsed JSON-RPC message; `canonical` is our own serialisation of `body`."""

    kind: Literal["request", "notification", "response"]
    body: JsonObject
    canonical: bytes
    method: str = ""
    id: str | int | None = None

    @property
    def params(self) -> JsonObject:
        """The parameters, empty when absent. `jsonrpc.parse` refused anything but an object."""
        params = self.body.get("params")
        return params if isinstance(params, dict) else {}


@dataclass(frozen=True, slots=True)
class ArgumentMarks:
    """What the catalog says of one argument of a tool.

    `overwrites`: the value replaces what Gladly holds, so a mask must never be written there.
    `outbound`: the value reaches a customer. `expected`: entities that belong in it.
    """

    overwrites: bool = False
    outbound: bool = False
    expected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PersonalData:
    """Where a record of a tool's result holds personal data: `/emails/*/original`, EMAIL."""

    pattern: str
    entity: str


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose data a call is about: a pointer into the arguments or into each result record.

    `kind` says what the pointer yields: the customer's id itself, or the id of a
    conversation, item or task through which the customer is found.
    """

    kind: Literal["customer", "conversation", "item", "task"]
    source: Literal["argument", "result"]
    pointer: str


@dataclass(frozen=True, slots=True)
class Tool:
    """What the catalog knows of one tool; the unsafe value everywhere when it knows nothing.

    `customer_text` are patterns of the leaves of a result record that customers write; of what
    nobody reviewed, customers may have written anything.
    `mirrors` is the backend's word: which argument, by its path, each `Mcp-Param-*` header repeats.
    """

    name: str
    is_known: bool = False
    method: Method = "custom"
    effect: Effect = "destructive"
    tags: tuple[str, ...] = ()
    pii: tuple[PersonalData, ...] = ()
    safe: tuple[str, ...] = ()
    subjects: tuple[Subject, ...] = ()
    arguments: Mapping[str, ArgumentMarks] = field(default_factory=dict)
    customer_text: tuple[str, ...] = ("/**",)
    is_pinned: bool = True
    mirrors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def entities(self) -> tuple[str, ...]:
        """The kinds of personal data that a result can hold by path, sorted, without repeats."""
        return tuple(sorted({p.entity for p in self.pii}))


@dataclass(frozen=True, slots=True)
class Finding:
    """Personal data seen at a JSON pointer. Never the value, only its length in characters.

    `entity` is one of ENTITIES, or MASK for one of our own masks coming back.
    """

    entity: str
    pointer: str
    length: int


@dataclass(frozen=True, slots=True)
class Denial:
    """One reason why not. `code` is `group.rule`; the remedy says what to do instead."""

    tool: str
    code: str
    message: str
    remedy: str
    group: Literal["sealed", "access", "arguments", "engine"]


@dataclass(frozen=True, slots=True)
class Mask:
    """An obligation on what comes back: by entity, or by pointer pattern, never both."""

    tool: str
    action: Action
    code: str
    entity: str | None = None
    pointer: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What policy says of one tool. Allowed means: a grant, and not one denial."""

    tool: str
    grants: tuple[str, ...] = ()
    denials: tuple[Denial, ...] = ()
    masks: tuple[Mask, ...] = ()

    @property
    def is_allowed(self) -> bool:
        """Invariant 2: without a grant there is no call."""
        return bool(self.grants) and not self.denials

    @property
    def is_hidden(self) -> bool:
        """Whether the caller may not even know of the tool: anything but an arguments denial."""
        return not self.grants or any(d.group != "arguments" for d in self.denials)


@dataclass(frozen=True, slots=True)
class Shadow:
    """What a policy in shadow would have changed, had it decided. It has no effect.

    `result` is `same`, `deny` (allowed, and it would refuse; a list that would hide a tool),
    `allow` (refused, and it would allow; a list that would only show more), `mask` (allowed by
    both, and masked otherwise), or `failed` for a `reason`: it gave no verdict.
    Of a call: codes of `denials` that it alone has and of those that it would have `lifted`, of
    `grants` that it alone has and of those `withdrawn`, and `masks`, such as `EMAIL drop`.
    Of a list: names of tools that would be `hidden` or `shown`. All are sorted and cut to a few.
    """

    policy_sha256: str
    result: Literal["same", "deny", "allow", "mask", "failed"]
    reason: str = ""
    denials: tuple[str, ...] = ()
    lifted: tuple[str, ...] = ()
    grants: tuple[str, ...] = ()
    withdrawn: tuple[str, ...] = ()
    masks: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    hidden_total: int = 0
    shown_total: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdicts on every tool of one query, with the digest of the policy that gave them.

    `shadow` says what a policy in shadow would have changed, where there is one.
    """

    verdicts: Mapping[str, Verdict]
    policy_sha256: str
    shadow: Shadow | None = None

    def of(self, name: str) -> Verdict:
        """The verdict on a tool; a tool that the engine did not mention has no grant."""
        return self.verdicts.get(name) or Verdict(tool=name)


@dataclass(frozen=True, slots=True)
class Head:
    """A request without its body. Header names are lower case; repeated ones stay repeated."""

    verb: str
    path: str
    headers: tuple[tuple[str, str], ...]
    client_ip: str = ""

    def values(self, name: str) -> tuple[str, ...]:
        """Every value of a header, in order."""
        return tuple(value for key, value in self.headers if key == name)

    def get(self, name: str, default: str = "") -> str:
        """The first value of a header."""
        return next((value for key, value in self.headers if key == name), default)


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes to a caller or came from the backend: a whole body, or a stream of chunks.

    A stream is cut at `ends_at` (UTC seconds), within seconds of its caller being no longer
    `is_welcome`, and at shutdown if it is a listener, whose end nobody waits for.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    stream: AsyncGenerator[bytes, None] | None = None
    ends_at: float | None = None
    is_welcome: Callable[[], bool] | None = None
    is_listener: bool = False

    def get(self, name: str, default: str = "") -> str:
        """The first value of a header, by lower-case name."""
        return next((value for key, value in self.headers if key.lower() == name), default)


class Event(NamedTuple):
    """One record of the audit trail, before it has a place in the chain.

    Sections are flat JSON objects as `audit/event.schema.json` publishes them. They hold no
    personal value and no credential: whoever makes an event has replaced them already. A named
    tuple, since it is made twice a call and costs a fifth of a dataclass' making.
    """

    id: str
    stage: Literal["intent", "outcome", "lifecycle", "admin"]
    ref: str = ""
    actor: JsonObject = {}  # noqa: RUF012 - nobody changes a section; whoever has one brings it
    src: JsonObject = {}  # noqa: RUF012 - as above
    trace: JsonObject = {}  # noqa: RUF012 - as above
    mcp: JsonObject = {}  # noqa: RUF012 - as above
    decision: JsonObject = {}  # noqa: RUF012 - as above
    data: JsonObject = {}  # noqa: RUF012 - as above
    outcome: JsonObject = {}  # noqa: RUF012 - as above
