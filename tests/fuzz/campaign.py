"""Fuzz one reader led by coverage: `python -m fuzz.campaign TARGET SECONDS FOLDER`.

Needs `atheris` (libFuzzer for Python), which `python tests/tools.py atheris` finds or installs, on
the path. FOLDER keeps what was found to be worth trying, and the input that broke a promise, from
one campaign to the next.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

SEEDS: Final[dict[str, tuple[bytes, ...]]] = {
    "parse": (
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"x":[1.5]}}}',
        b'{"jsonrpc":"2.0","id":"a","error":{"code":-1,"message":"\\u00e9"}}',
    ),
    "stream": (b"\0\xef\xbb\xbfevent: message\r\nid: 7\r\nretry: 1\r\ndata: {}\r\n\r\n: c\n\n",),
    "admit": (b"POST\n/mcp/abc\nhost: sidecar:8080\ncontent-type: application/json",),
    "confirm": (
        b"\n".join(
            (
                b"POST\n/mcp\nmcp-method: tools/call\nmcp-name: =?base64?YQ==?=",
                b"mcp-protocol-version: 2026-07-28\n",
                b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a",',
                b'"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}',
            )
        ),
    ),
    "mask": (
        b'{"name":"Jane Roe","mail":["jane.roe@example.com"],"text":"call +1 415 555 2671"}',
        b'"{\\"phone\\":4155552671}"',
    ),
}


def main(target: str, seconds: str, folder: str) -> None:
    """Run a campaign; ends the process, with a code other than 0 if a promise was broken."""
    import atheris  # type: ignore[import-untyped,import-not-found,unused-ignore]

    corpus = Path(folder) / target
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[target]):
        (corpus / f"seed-{number}").write_bytes(seed)
    with atheris.instrument_imports(include=["sidecar"]):
        from fuzz import harness
    bounds = [f"-max_total_time={seconds}", "-timeout=10", "-max_len=2048", "-print_final_stats=1"]
    atheris.Setup(
        ["fuzz", *bounds, f"-artifact_prefix={folder}/broken-{target}-", str(corpus)],
        harness.TARGETS[target],
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
