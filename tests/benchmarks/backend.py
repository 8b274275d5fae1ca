"""A backend that costs next to nothing: httptools, fixed answers, no framework. Takes a port."""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import httptools
import uvloop

from benchmarks.payload import ANSWERS, LIST, answer_to

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
_WHOLE = {answer: _HEAD % len(answer) + answer for answer in (*ANSWERS.values(), LIST, b"{}")}


class Connection(asyncio.Protocol):
    """One connection; a whole answer for each whole request."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to parse."""
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpRequestParser(self)
        self._body = b""

    def data_received(self, data: bytes) -> None:
        """Feed the parser, which calls the two methods below."""
        self._parser.feed_data(data)

    def on_body(self, data: bytes) -> None:
        """Keep the body: it says which answer is meant."""
        self._body += data

    def on_message_complete(self) -> None:
        """Answer."""
        self._transport.write(_WHOLE[answer_to(self._body)])
        self._body = b""


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
