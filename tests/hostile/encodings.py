"""What a body's bytes can be wrapped in: charsets, compressions, chunks."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

Encode = Callable[[bytes], bytes]


def to(charset: str) -> Encode:
    """Write the text in another charset."""
    return lambda body: body.decode().encode(charset)


def around(prefix: bytes, suffix: bytes = b"") -> Encode:
    """Put bytes before and after the text."""
    return lambda body: prefix + body + suffix


def swapped(old: bytes, new: bytes) -> Encode:
    """Replace some of the bytes, which then need not be text any more."""
    return lambda body: body.replace(old, new)


def raw_deflate(body: bytes) -> bytes:
    """RFC 1951 without the zlib wrapper, which some clients call deflate as well."""
    return zlib.compress(body, wbits=-15)


def brotli(body: bytes) -> bytes:
    """RFC 7932, one uncompressed meta-block: small window, 16 bits of length, then the end."""
    head = (len(body) - 1) << 4 | 1 << 20
    return head.to_bytes(3, "little") + body + b"\x03"


def zstd(body: bytes) -> bytes:
    """RFC 8878, one raw block in a single segment; two bytes of length, 256 below the real one."""
    length = (max(len(body), 256) - 256).to_bytes(2, "little")
    padded = body.ljust(256)
    return (
        b"\x28\xb5\x2f\xfd\x60" + length + ((len(padded) << 3) | 1).to_bytes(3, "little") + padded
    )


def members(body: bytes) -> bytes:
    """Two gzip members, RFC 1952 section 2.2: the text is what both hold together."""
    return gzip.compress(body[:40]) + gzip.compress(body[40:])


def chunked(*, size: int = 16, end: bytes = b"0\r\n\r\n", line: bytes = b"%x\r\n") -> Encode:
    """RFC 9112 section 7.1; `line` writes a chunk's size, `end` is the last chunk with trailers."""

    def encode(body: bytes) -> bytes:
        parts = [body[at : at + size] for at in range(0, len(body), size)]
        return b"".join((line % len(part)) + part + b"\r\n" for part in parts) + end

    return encode
