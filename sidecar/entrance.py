"""Settings to a verifier: endpoints by keyed hash, issuers with keys, and what was revoked."""

from __future__ import annotations

import secrets
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import orjson

from sidecar import identity, upstream
from sidecar.model import Reply
from sidecar.settings import Issuer, Kubernetes, Rotating, Settings, secret, token_in
from sidecar.settings.kinds import LOOPBACK, parsed

METADATA_PATH = "/.well-known/oauth-protected-resource"

_PUBLIC = (
    ("content-type", "application/json"),
    ("cache-control", "public, max-age=300"),
    # A client in a browser has to read it, too; there is nothing in it that is not public.
    ("access-control-allow-origin", "*"),
)


def directory(settings: Settings) -> identity.Directory:
    """The endpoints of the settings, each found by its token's keyed hash.

    Raises:
        ConfigError: the key or a token's file cannot be used.
    """
    file = settings.endpoint_key_file
    key = identity.endpoint_key(file) if file else secrets.token_urlsafe(32)
    made = identity.Directory(key)
    for endpoint in settings.endpoints:
        if endpoint.token_file is None:
            made.put(endpoint.to_endpoint())
        else:
            token = Rotating(identity.endpoint_token, endpoint.token_file)
            made.share(endpoint.to_endpoint(), token)
    return made


async def verifier(
    settings: Settings, endpoints: identity.Directory, stack: AsyncExitStack
) -> identity.Verifier:
    """Make what step 2 asks; the stack closes what it opened.

    Raises:
        ConfigError: a file of keys, a secret or the deny list cannot be used.
    """
    config = settings.bearer
    bearer = None
    if config is not None:
        bearer = identity.Bearer(
            audience=config.audience,
            issuers=tuple([await _issuer(one, stack) for one in config.issuers]),
            leeway=config.leeway,
            scopes=config.required_scopes,
        )
    url = settings.public_url if documents(settings) else None
    deny = settings.deny_file
    listed = Rotating(identity.read_deny_list, deny) if deny else None
    return identity.Verifier(
        endpoints,
        bearer,
        metadata_url=metadata_url(url) if url else "",
        denied=(lambda: listed.value) if listed else lambda: identity.NOTHING_DENIED,
    )


def documents(settings: Settings) -> dict[str, Reply]:
    """The metadata that tells clients whose tokens count here, by path (RFC 9728 sections 2, 3).

    Everything in it is a setting: nothing of a request, and no endpoint's token. There is none
    without a `public_url`, and none without an issuer from which a client could get a token.
    """
    servers = _authorization_servers(settings)
    if settings.public_url is None or settings.bearer is None or not servers:
        return {}
    document = {
        "resource": settings.public_url,
        "authorization_servers": servers,
        "scopes_supported": settings.bearer.required_scopes,
        "bearer_methods_supported": ["header"],
    }
    reply = Reply(200, _PUBLIC, orjson.dumps(document))
    return {METADATA_PATH: reply, METADATA_PATH + urlsplit(settings.public_url).path: reply}


def _authorization_servers(settings: Settings) -> list[str]:
    """The issuers that publish keys under a URL; a cluster's own gives tokens to pods alone."""
    issuers = settings.bearer.issuers if settings.bearer else ()
    return [
        one.issuer
        for one in issuers
        if one.issuer.startswith(("https://", "http://"))
        and one.hs256_secret_file is None
        and one.kubernetes is None
    ]


def metadata_url(public_url: str) -> str:
    """Where the metadata of `public_url` stands (RFC 9728 section 3.1)."""
    parts = urlsplit(public_url)
    return f"{parts.scheme}://{parts.netloc}{METADATA_PATH}{parts.path}"


async def _issuer(config: Issuer, stack: AsyncExitStack) -> identity.Issuer:
    return identity.Issuer(
        name=config.issuer,
        keys=await _keys(config, stack),
        algorithms=config.accepted(),
        roles_claim=config.roles_claim,
        purpose_claim=config.purpose_claim,
        on_behalf_of_claim=config.on_behalf_of_claim,
        workload=_workload(config.kubernetes) if config.kubernetes else None,
    )


async def _keys(config: Issuer, stack: AsyncExitStack) -> identity.Keys:
    if config.hs256_secret_file:
        return identity.SecretKey(config.hs256_secret_file)
    if config.keys_file:
        return identity.PublicKeys(config.keys_file, config.accepted())
    http = await stack.enter_async_context(client(config))
    return identity.KeySet(publisher(config, http), config.accepted())


def client(config: Issuer) -> httpx2.AsyncClient:
    """A client for an issuer's key set; not yet open."""
    authorities = str(config.jwks_ca_file) if config.jwks_ca_file else None
    return httpx2.AsyncClient(
        verify=upstream.tls(authorities, None, None),
        trust_env=False,
        # Connections are kept by address, and one that was opened under another name would count.
        limits=httpx2.Limits(max_keepalive_connections=0),
    )


def publisher(config: Issuer, http: httpx2.AsyncClient) -> identity.Publisher:
    """Where and how an issuer's key set is fetched."""
    url, token = str(config.jwks_url), config.jwks_token_file
    return identity.Publisher(
        url=url,
        http=http,
        is_in_cluster=parsed(url).host in {*LOOPBACK, *config.in_cluster_hosts},
        token=Rotating(token_in, token) if token else None,
    )


def _workload(config: Kubernetes) -> identity.Workload:
    uid: Path | None = config.pod_uid_file
    return identity.Workload(
        namespace=config.namespace,
        service_account=config.service_account or "",
        pod_uid=secret(uid) if uid else "",
    )
