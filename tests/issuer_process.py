"""An OpenID Connect issuer as a process of its own: `python -m issuer_process PORT`.

It publishes its keys, signs a token for whoever asks, and begins to sign with a new key when told
to, at once and without a warning, as an issuer whose key was stolen must. Old keys stay published
until they are told to go.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

AUDIENCE = "gladly-mcp-sidecar"


class Issuer:
    """The keys of one issuer, and how often they were asked for."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.keys: list[tuple[str, ec.EllipticCurvePrivateKey]] = []
        self.asked = self.made = 0
        self.add()

    def add(self) -> None:
        """From now on sign with a new key."""
        self.made += 1
        self.keys.append((f"key-{self.made}", ec.generate_private_key(ec.SECP256R1())))

    def published(self) -> dict[str, Any]:
        """The JWK set."""
        self.asked += 1
        algorithm = jwt.get_algorithm_by_name("ES256")
        made = [(kid, json.loads(algorithm.to_jwk(key.public_key()))) for kid, key in self.keys]
        return {"keys": [jwk | {"kid": kid, "use": "sig", "alg": "ES256"} for kid, jwk in made]}

    def token(self, subject: str, seconds: int) -> str:
        """A token by the newest key."""
        kid, key = self.keys[-1]
        now = int(time.time())
        claims = {"iss": self.name, "aud": AUDIENCE, "sub": subject, "iat": now}
        claims |= {"exp": now + seconds, "jti": f"{kid}-{time.monotonic_ns()}"}
        return jwt.encode(claims, key, "ES256", {"kid": kid})


def application(issuer: Issuer) -> Starlette:
    """The issuer's endpoints."""

    async def configuration(_: Request) -> JSONResponse:
        return JSONResponse({"issuer": issuer.name, "jwks_uri": f"{issuer.name}/keys"})

    async def keys(_: Request) -> JSONResponse:
        return JSONResponse(issuer.published())

    async def token(request: Request) -> PlainTextResponse:
        subject = request.query_params.get("sub", "agent-1")
        seconds = int(request.query_params.get("seconds", "300"))
        return PlainTextResponse(issuer.token(subject, seconds))

    async def rotate(_: Request) -> PlainTextResponse:
        issuer.add()
        return PlainTextResponse(issuer.keys[-1][0])

    async def retire(_: Request) -> PlainTextResponse:
        issuer.keys = issuer.keys[-1:]
        return PlainTextResponse("ok")

    async def asked(_: Request) -> PlainTextResponse:
        return PlainTextResponse(str(issuer.asked))

    return Starlette(
        routes=[
            Route("/.well-known/openid-configuration", configuration),
            Route("/keys", keys),
            Route("/token", token),
            Route("/rotate", rotate, methods=["POST"]),
            Route("/retire", retire, methods=["POST"]),
            Route("/asked", asked),
        ]
    )


if __name__ == "__main__":
    port = int(sys.argv[1])
    made = application(Issuer(f"http://127.0.0.1:{port}"))
    uvicorn.run(made, host="127.0.0.1", port=port, log_level="warning")
