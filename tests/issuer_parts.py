"""An issuer that publishes keys: a real ASGI application, reached without a socket."""

import asyncio
import json
from dataclasses import dataclass, field

import httpx2
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sidecar import identity
from sidecar.model import Endpoint

URL = "https://issuer.example/keys"
RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
ALGORITHMS = ("RS256", "ES256", "EdDSA")


def jwk(key, algorithm, **more):
    return json.loads(jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key())) | more


RSA_JWK = jwk(RSA, "RS256", kid="rsa")
EC_JWK = jwk(EC, "ES256", kid="ec")
ED_JWK = jwk(ED, "EdDSA", kid="ed")


async def public(host: str, port: int) -> tuple[str, ...]:
    """Every name has this public address."""
    return ("93.184.215.14",)


@dataclass
class Issuer:
    """A real ASGI application that publishes keys, and counts who asks."""

    keys: list[object] = field(default_factory=lambda: [RSA_JWK, EC_JWK, ED_JWK])
    answer: Response | None = None
    asked: int = 0
    now: float = 1000.0
    gate: asyncio.Event | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, request: Request) -> Response:
        self.asked += 1
        self.reached.set()
        if self.gate:
            await self.gate.wait()
        return self.answer or Response(json.dumps({"keys": self.keys}))

    async def elsewhere(self, request: Request) -> Response:
        return Response(json.dumps({"keys": self.keys}))

    def client(self) -> httpx2.AsyncClient:
        routes = [Route("/keys", self.serve), Route("/elsewhere", self.elsewhere)]
        return httpx2.AsyncClient(
            transport=httpx2.ASGITransport(Starlette(routes=routes)), follow_redirects=True
        )

    def key_set(self, algorithms=ALGORITHMS, url=URL) -> identity.KeySet:
        publisher = identity.Publisher(url, self.client(), resolve=public)
        return identity.KeySet(publisher, algorithms, clock=lambda: self.now)

    def verifier(self) -> identity.Verifier:
        """For tokens of issuer `i`, audience `a`, at `/mcp`; it is always second 0."""
        issuer = identity.Issuer("i", self.key_set(), ALGORITHMS)
        directory = identity.Directory("k" * 32, [Endpoint("main", None)])
        return identity.Verifier(directory, identity.Bearer("a", (issuer,)), clock=lambda: 0.0)


def found(issuer: Issuer, *wanted: tuple[str | None, str], algorithms=ALGORITHMS) -> list[bool]:
    """Which of the keys there are."""

    async def main() -> list[bool]:
        keys = issuer.key_set(algorithms)
        return [await keys.find(*each) is not None for each in wanted]

    return asyncio.run(main())
