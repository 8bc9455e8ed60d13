"""The HTTP side of the local endpoint: a small ASGI app on uvicorn, on 127.0.0.1 and any free port."""

import hashlib
import json
import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from stages.llm.answers import BRAINSTORM, JUDGE, MGH
from stages.llm.endpoint import Endpoint
from stages.llm.local.batches import Batches
from stages.llm.local.faults import spoil
from stages.llm.local.grader import grade
from stages.llm.local.writer import VERSION, CorpusWriter
from stages.shared.errors import UserError
from stages.shared.records import Document, read_records

STARTUP_SECONDS = 30


@contextmanager
def serve(corpus: str | Path, fault_share: float) -> Iterator[Endpoint]:
    """Serve until the block ends. Raises UserError when the corpus is missing or the server does not start."""
    documents, model = read_records(corpus, Document), model_name(corpus, fault_share)
    app = build_app(CorpusWriter(documents), model, fault_share)
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
    # Where the protocol is named, asyncio turns off Nagle's algorithm, which would hold each answer back for 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + STARTUP_SECONDS
    while not server.started:
        if time.monotonic() > deadline or not thread.is_alive():
            raise UserError("the local endpoint did not start", next="see whether 127.0.0.1 may be listened on here")
        time.sleep(0.01)
    try:
        yield Endpoint.single(f"http://127.0.0.1:{listener.getsockname()[1]}/v1", model, "local", forgets=True)
    finally:
        server.should_exit = True
        thread.join()


def model_name(corpus: str | Path, fault_share: float) -> str:
    """What an answer depends on is in the model's name, and so in every ledger key."""
    if not Path(corpus).exists():
        raise UserError(f"{corpus} does not exist", next="run `dvc repro corpus`")
    fingerprint = hashlib.sha256(f"{VERSION} {fault_share}".encode() + Path(corpus).read_bytes()).hexdigest()
    return f"corpus-{fingerprint[:12]}"


def build_app(writer: CorpusWriter, model: str, fault_share: float) -> Starlette:
    """POST /v1/chat/completions, GET /v1/models and the Batch API over `writer`."""

    async def models(_: Request) -> JSONResponse:
        return JSONResponse({"object": "list", "data": [{"id": model, "object": "model", "owned_by": "local"}]})

    def answer(body: object) -> tuple[int, dict]:
        try:
            if body["model"] != model:
                return 404, _error(f"no model {body['model']!r}; this endpoint serves {model!r}")
            purpose, _, kind = body["response_format"]["json_schema"]["name"].partition("_")
            prompt = body["messages"][-1]["content"]
            text = _write(writer, purpose, kind, prompt, _generator(body), fault_share)
        except (LookupError, TypeError, AttributeError, ValueError) as error:
            return 400, _error(f"not a request that this endpoint can answer: {error}")
        usage = {"prompt_tokens": len(prompt.split()), "completion_tokens": len(text.split())}
        message = {"role": "assistant", "content": text}
        return 200, {
            "id": "local",
            "object": "chat.completion",
            "created": 0,
            "model": model,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {**usage, "total_tokens": sum(usage.values())},
        }

    async def complete(request: Request) -> JSONResponse:
        try:
            status, reply = answer(await request.json())
        except ValueError as error:
            status, reply = 400, _error(f"not a request that this endpoint can answer: {error}")
        return JSONResponse(reply, status)

    return Starlette(
        routes=[
            Route("/v1/models", models),
            Route("/v1/chat/completions", complete, methods=["POST"]),
            *Batches(answer).routes(),
        ]
    )


def _write(writer, purpose: str, kind: str, prompt: str, generator: random.Random, fault_share: float) -> str:
    if purpose == BRAINSTORM:
        return writer.brainstorm(kind, generator)
    if purpose == JUDGE:
        return grade(prompt)
    if purpose != MGH:
        raise LookupError(f"no purpose {purpose!r}")
    answer = writer.sample(kind, prompt, generator)
    return spoil(answer, generator) if generator.random() < fault_share else json.dumps(answer)


def _generator(body: dict) -> random.Random:
    """Seeded by the request alone, so that neither order nor repetition changes an answer."""
    return random.Random(hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest())


def _error(message: str) -> dict:
    return {"error": {"message": message, "type": "invalid_request_error"}}
