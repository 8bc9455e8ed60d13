"""The bench's server, a process of its own: `python -m stages.synthesis_bench.server OPTIONS`, a JSON object.

It answers chat completions after a set time, fails at random in a set share of the calls, and tells at GET /counts
what it did. It has no other API. It prints its port when it listens, and ends with its standard input.
"""

import asyncio
import hashlib
import json
import os
import random
import socket
import struct
import sys
import zlib
from collections import Counter
from dataclasses import dataclass

import uvloop

from stages.synthesis_bench.faults import ANSWERED, FAULTS, faulty_bytes, unanswerable
from stages.synthesis_bench.replies import completion, header, next_request, response
from stages.synthesis_bench.workload import answers

BACKLOG = 4096
RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, for 0 s: closing then sends RST


@dataclass(frozen=True)
class Options:
    latency: float = 0.0  # seconds to an answer; a fault comes at once
    fault_share: float = 0.0  # of the calls
    faults: tuple[str, ...] = tuple(FAULTS)  # equally often
    unanswerable_share: float = 0.0  # of the prompts, see `faults.unanswerable`
    quotes_key: bool = False  # error messages repeat the Authorization header, as some servers do
    log: str | None = None  # a line for each request and for each reply, see `server_log`
    seed: int = 0


class Server:
    """What all connections share."""

    def __init__(self, options: Options):
        self.options, self.counts = options, Counter()
        self._generator = random.Random(options.seed)
        self._replies = [response(200, completion(text)) for text in answers()]
        self._log = os.open(options.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND) if options.log else None

    def note(self, what: str, body: bytes) -> None:
        """Count, and write a line that no buffer holds back; the hash of a body is its key in the ledger."""
        self.counts[what] += 1
        if self._log is not None:
            os.write(self._log, f"{what} {hashlib.sha256(body).hexdigest()}\n".encode())

    def fault(self, body: bytes) -> str | None:
        options = self.options
        if options.fault_share and self._generator.random() < options.fault_share:
            return self._generator.choice(options.faults)
        if options.unanswerable_share:
            prompt = json.loads(body)["messages"][0]["content"]
            if unanswerable(prompt, options.unanswerable_share):
                return "wrong_schema"
        return None

    def reply(self, fault: str | None, head: bytes, body: bytes) -> bytes:
        # The same request always gets the same answer, so that runs can be compared.
        number = zlib.crc32(body) % len(self._replies)
        if fault is None:
            return self._replies[number]
        quoted = header(head, b"authorization").decode() if self.options.quotes_key else ""
        return faulty_bytes(fault, answers()[number], quoted)


class Connection(asyncio.Protocol):
    def __init__(self, server: Server):
        self._server, self._received = server, bytearray()

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (found := next_request(self._received)) is not None:
            head, body = found
            if head.startswith(b"GET /counts "):
                self._transport.write(response(200, json.dumps(self._server.counts).encode()))
            else:
                self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        server = self._server
        server.note("asked", body)
        fault = server.fault(body) if head.startswith(b"POST /v1/chat/completions ") else "404"
        reply, latency = server.reply(fault, head, body), server.options.latency
        if latency and (fault is None or fault in ANSWERED):
            asyncio.get_running_loop().call_later(latency, self._send, fault, reply, body)
        else:
            self._send(fault, reply, body)

    def _send(self, fault: str | None, reply: bytes, body: bytes) -> None:
        transport = self._transport
        if transport.is_closing():
            self._server.note("gone", body)  # the client has died, or waits no longer
            return
        if fault == "reset":
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            transport.abort()
        elif reply:
            transport.write(reply)
            if fault == "truncated":
                transport.close()
        self._server.note(fault or "answered", body)


async def _serve(options: Options) -> None:
    server, loop = Server(options), asyncio.get_running_loop()
    listening = await loop.create_server(lambda: Connection(server), "127.0.0.1", 0, backlog=BACKLOG)
    print(listening.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)  # readable at its end
    await ended.wait()
    os._exit(0)  # answers that are still due would hold it up


if __name__ == "__main__":
    uvloop.run(_serve(Options(**json.loads(sys.argv[1]))))
