"""Who asked, as it is written down: worked out once for each verified caller, not for each call."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, TypeVar

from sidecar.exchange.names import shown_text
from sidecar.model import Caller, JsonObject

T = TypeVar("T")

_REMEMBERED: Final = 256
"""Callers that are kept: the same few come again and again."""

_MOST: Final = 500
"""Roles that one event holds."""


class ByCaller(Generic[T]):
    """What was made of the callers of late.

    A caller is known by which object it is: that of a verified token is kept, too.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[int, tuple[Caller, T]] = OrderedDict()

    def of(self, caller: Caller, make: Callable[[], T]) -> T:
        """What was made of a caller, made now if it is not known."""
        known = self._known.get(id(caller))
        if known is not None and known[0] is caller:
            return known[1]
        made = make()
        self._known[id(caller)] = (caller, made)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return made


def actor(caller: Caller) -> JsonObject:
    """An event's `actor`."""
    texts: JsonObject = {
        "endpoint": shown_text(caller.endpoint.name),
        "endpoint_id": caller.endpoint.id,
        "account": caller.endpoint.account,
        "issuer": caller.issuer,
        "subject": shown_text(caller.subject),
        "client": shown_text(caller.client),
        "roles": [shown_text(role) for role in caller.roles[:_MOST]],
        "on_behalf_of": shown_text(caller.on_behalf_of),
        "purpose": shown_text(caller.purpose),
        "token_id": shown_text(caller.token_id),
        "workload": _workload(caller.claims),
    }
    said = {name: value for name, value in texts.items() if value}
    return said | {"is_authenticated": caller.is_authenticated}


def _workload(claims: Mapping[str, Any]) -> JsonObject:
    """What a token that Kubernetes projects is bound to ("Bound service account tokens")."""
    bound = claims.get("kubernetes.io")
    if not isinstance(bound, Mapping):
        return {}
    account, pod = bound.get("serviceaccount"), bound.get("pod")
    named = {
        "namespace": bound.get("namespace"),
        "service_account": account.get("name") if isinstance(account, Mapping) else None,
        "pod": pod.get("name") if isinstance(pod, Mapping) else None,
        "pod_uid": pod.get("uid") if isinstance(pod, Mapping) else None,
    }
    return {name: shown_text(text) for name, text in named.items() if isinstance(text, str)}
