"""An OpenAI-compatible server whose replies a test writes, on 127.0.0.1 and any free port."""

import socket
import threading

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from stages.llm.account import Account
from stages.llm.endpoint import Endpoint
from stages.llm.ledger import Ledger
from stages.llm.model import LanguageModel
from stages.llm.requests import LlmRequest

API_KEY = "sk-a-secret-that-must-not-leak"


def completion(text: str) -> JSONResponse:
    message = {"role": "assistant", "content": text}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    choice = {"message": message, "finish_reason": "stop"}
    return JSONResponse({"id": "x", "object": "chat.completion", "choices": [choice], "usage": usage})


def failure(status: int, message: str = "no") -> JSONResponse:
    """An error that the client retries at once, where it retries at all."""
    return JSONResponse({"error": {"message": message}}, status, headers={"retry-after-ms": "1"})


async def echo(_: Request, body: dict) -> Response:
    return completion(f"answer to {body['messages'][0]['content']}")


class Server:
    """Keeps every request's body and key; `reply(request, body)` answers."""

    def __init__(self, reply):
        self.bodies: list[dict] = []
        self.keys: list[str] = []

        async def complete(request: Request) -> Response:
            body = await request.json()
            self.bodies.append(body)
            self.keys.append(request.headers["authorization"].removeprefix("Bearer "))
            return await reply(request, body)

        app = Starlette(routes=[Route("/v1/chat/completions", complete, methods=["POST"])])
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
        # The socket listens from here on, so a client may connect before the thread below has started.
        listener = socket.create_server(("127.0.0.1", 0))
        self.base_url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        self.endpoint = Endpoint.single(self.base_url, "a-model", API_KEY)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listener]})
        self._thread.start()

    @property
    def prompts(self) -> list[str]:
        return [body["messages"][0]["content"] for body in self.bodies]

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()


@pytest.fixture
def start():
    """Start a server: `start(reply)`; all are stopped after the test."""
    servers = []

    def run(reply=echo):
        servers.append(Server(reply))
        return servers[-1]

    yield run
    for server in servers:
        server.stop()


@pytest.fixture
def llm(settings):
    """Settings of the client without retries."""
    return settings.profile.llm.model_copy(update={"concurrency": 4, "max_retries": 0, "timeout_seconds": 20.0})


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        yield ledger


@pytest.fixture
def ask():
    """Plain requests with the prompts 0 to count - 1."""

    def make(count: int) -> list[LlmRequest]:
        return [LlmRequest(str(index), {"type": "text"}, 0) for index in range(count)]

    return make


@pytest.fixture
def ask_all(llm, ledger):
    """Answers to plain requests in their order: `ask_all(requests, endpoint)`; settings of the client as keywords."""

    def run(requests, endpoint, mode="online", account=None, **changes):
        model = LanguageModel(endpoint, llm.model_copy(update=changes), ledger, mode, account or Account(None))
        return model.ask_all(requests, "short_long")

    return run
