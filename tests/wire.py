"""A scripted HTTP/1.1 server on a real socket: it keeps every byte it gets and answers as told."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sidecar.upstream import Backend, Target, tls


@dataclass(frozen=True)
class Request:
    """One request as it came; header names are lower case, and values are in order."""

    line: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    reader: asyncio.StreamReader = field(repr=False)

    async def left(self) -> None:
        """Wait until the other side closes the connection."""
        await self.reader.read()

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]


Script = Callable[[Request, asyncio.StreamWriter], Awaitable[bool]]
"""Answers a request; says whether the connection stays open for the next."""


@dataclass
class Wire:
    """The server's side: what came, over how many connections, and where it listens."""

    url: str
    seen: list[Request] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    closed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def none_open(self) -> None:
        """Wait until every connection is closed."""
        async with self.closed:
            await self.closed.wait_for(lambda: self.open == 0)


def answer(body: bytes = b"{}", status: str = "200 OK", **headers: str) -> bytes:
    """A whole answer. Underscores of header names stand for dashes."""
    named = {"content-type": "application/json", "content-length": str(len(body))} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body


def fixed(raw: bytes, *, stays: bool = True) -> Script:
    """Answer every request with the same bytes."""

    async def script(_: Request, writer: asyncio.StreamWriter) -> bool:
        writer.write(raw)
        await writer.drain()
        return stays

    return script


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body (RFC 9112 section 7.1)."""
    return b"%x\r\n%s\r\n" % (len(data), data)


SSE = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


async def _request(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *rest = head.removesuffix("\r\n\r\n").split("\r\n")
    headers = tuple((k.lower(), v.strip()) for k, _, v in (item.partition(":") for item in rest))
    length = int(dict(headers).get("content-length", "0"))
    return Request(line, headers, await reader.readexactly(length), reader)


@asynccontextmanager
async def served(script: Script, context: ssl.SSLContext | None = None) -> AsyncIterator[Wire]:
    """Serve a script until the block ends."""
    wire = Wire("")
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire.connections += 1
        wire.open += 1
        stays = True
        try:
            while stays:
                request = await _request(reader)
                wire.seen.append(request)
                stays = await script(request, writer)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()
            wire.open -= 1
            async with wire.closed:
                wire.closed.notify_all()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.ensure_future(serve(reader, writer)))

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    wire.url = f"{'https' if context else 'http'}://127.0.0.1:{port}/path-with-a-t0ken"
    try:
        yield wire
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def silent(request: Request, _: asyncio.StreamWriter) -> bool:
    """Never answer."""
    await request.left()
    return False


def steps(*given: bytes | asyncio.Event | None) -> Script:
    """Stream what is given; an event is waited for, and None waits until the caller leaves."""

    async def script(request: Request, writer: asyncio.StreamWriter) -> bool:
        writer.write(SSE)
        for step in given:
            if step is None:
                await request.left()
            elif isinstance(step, asyncio.Event):
                await step.wait()
            else:
                writer.write(step)
                await writer.drain()
        return False

    return script


@asynccontextmanager
async def reached(
    script: Script,
    papers: Papers | None = None,
    *,
    shows: tuple[str | None, ...] | None = None,
    **named: Any,
) -> AsyncIterator[tuple[Wire, Backend]]:
    """A scripted server and our client towards it; `shows` are the client's files for TLS."""
    theirs = papers.server(wants_client=True) if papers else None
    ours = tls(*(papers.file(n) if n else None for n in shows)) if papers and shows else None
    async with served(script, theirs) as wire, Backend(Target(wire.url, **named), ours) as backend:
        yield wire, backend


_AUTHORITY = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA")])


@dataclass(frozen=True)
class Papers:
    """A certificate authority and what it signed, as PEM files."""

    folder: Path

    def make(self) -> Papers:
        """Make an authority `ca`, a server `server` for 127.0.0.1, a client `client`."""
        key = ec.generate_private_key(ec.SECP256R1())
        self._write("ca", self._signed(_AUTHORITY, key, key, is_ca=True), key)
        for role in ("server", "client"):
            self.renew(role)
        return self

    def renew(self, role: str, days: int = 1) -> int:
        """Put a new key and certificate, good until `days` from now, in place; gives its serial."""
        own = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, role)])
        signer = self._key("ca")
        self._write(role, self._signed(subject, own, signer, is_ca=False, days=days), own)
        return self.serial(role)

    def serial(self, role: str) -> int:
        """The serial number of a certificate."""
        pem = (self.folder / f"{role}.pem").read_bytes()
        return x509.load_pem_x509_certificate(pem).serial_number

    def locked(self, role: str) -> str:
        """A role's key in a file that wants a passphrase."""
        self._write_key(
            f"{role}-locked", self._key(role), serialization.BestAvailableEncryption(b"x")
        )
        return self.file(f"{role}-locked.key")

    def file(self, name: str) -> str:
        return str(self.folder / name)

    def server(self, *, wants_client: bool = False) -> ssl.SSLContext:
        """The server's side of TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file("server.pem"), self.file("server.key"))
        if wants_client:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.file("ca.pem"))
        return context

    def _signed(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        signer: ec.EllipticCurvePrivateKey,
        *,
        is_ca: bool,
        days: int = 1,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(_AUTHORITY)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=9))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        )
        return builder.sign(signer, hashes.SHA256())

    def _write(
        self, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
    ) -> None:
        pem = serialization.Encoding.PEM
        (self.folder / f"{name}.pem").write_bytes(certificate.public_bytes(pem))
        self._write_key(name, key, serialization.NoEncryption())

    def _write_key(
        self,
        name: str,
        key: ec.EllipticCurvePrivateKey,
        lock: serialization.KeySerializationEncryption,
    ) -> None:
        kind = serialization.PrivateFormat.PKCS8
        secret = key.private_bytes(serialization.Encoding.PEM, kind, lock)
        (self.folder / f"{name}.key").write_bytes(secret)

    def _key(self, name: str) -> ec.EllipticCurvePrivateKey:
        pem = (self.folder / f"{name}.key").read_bytes()
        key = serialization.load_pem_private_key(pem, None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key
