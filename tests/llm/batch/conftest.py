"""A server with a Batch API whose answers, batches and failures a test writes, on 127.0.0.1 and any free port."""

import json
import os
import re
import signal
import socket
import threading

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse

from stages.llm.account import Account
from stages.llm.batch import fill
from stages.llm.endpoint import Endpoint
from stages.llm.local.batches import Batches
from stages.llm.requests import Job, LlmRequest

API_KEY = "sk-a-secret-that-must-not-leak"


def echo(body: dict) -> tuple[int, dict]:
    message = {"role": "assistant", "content": f"answer to {body['messages'][0]['content']}"}
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    return 200, {"model": body["model"], "choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}


class _Ending(Batches):
    """Calls `end(batch, outputs, errors)` when a batch is over; what it leaves there is what the client sees."""

    def __init__(self, answer, end):
        super().__init__(answer)
        self._end = end

    async def _work(self, batch):
        await super()._work(batch)
        lines = {}
        for name in ("output_file_id", "error_file_id"):
            lines[name] = self._files.get(batch.pop(name, None), b"").splitlines()
        self._end(batch, *lines.values())
        for name, left in lines.items():
            if left:
                batch[name] = self._keep(b"".join(line + b"\n" for line in left))


class BatchApi:
    """Keeps every call, with `*` for ids, and every key.

    `answer(body)` gives a status and a reply, `end` see above, `meddle(call)` a status that replaces the reply, before
    or, with "after" beside it, after the call has done its work. `victim` is killed at `moment`, (call, before or
    after), as seen from here.
    """

    def __init__(self, answer=echo, end=lambda *_: None, meddle=lambda _: None):
        self.calls, self.keys = [], set()
        self.meddle, self.victim, self.moment = meddle, None, None
        self.batches = _Ending(answer, end)
        self._app = Starlette(routes=self.batches.routes())
        config = uvicorn.Config(self._serve, interface="asgi3", log_level="critical", lifespan="off")
        self._server = uvicorn.Server(config)
        listener = socket.create_server(("127.0.0.1", 0))
        self.base_url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        self.endpoint = Endpoint.single(self.base_url, "a-model", API_KEY)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listener]})
        self._thread.start()

    @property
    def asked(self) -> list[list[str]]:
        """The prompts of each batch."""
        files = [self.batches._files[batch["input_file_id"]] for batch in self.batches._batches.values()]
        return [[json.loads(line)["body"]["messages"][0]["content"] for line in file.splitlines()] for file in files]

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()

    async def _serve(self, scope, receive, send):
        call = f"{scope['method']} {re.sub('(file|batch)-[0-9]+', '*', scope['path'])}"
        self.calls.append(call)
        self.keys.add(dict(scope["headers"])[b"authorization"].decode().removeprefix("Bearer "))
        if self._kills(call, "before"):
            return
        status, when = self.meddle(call) or (None, None)
        if when == "before":
            await JSONResponse({"error": {"message": "no"}}, status)(scope, receive, send)
        elif when == "after" or self.moment == (call, "after"):

            async def drop(_):
                pass

            await self._app(scope, receive, drop)
            if not self._kills(call, "after"):
                await JSONResponse({"error": {"message": "no"}}, status)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _kills(self, call, when) -> bool:
        if self.moment != (call, when):
            return False
        self.moment = None
        os.kill(self.victim.pid, signal.SIGKILL)
        return True


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    for module in ("batch", "batch_server"):
        monkeypatch.setattr(f"stages.llm.{module}.FIRST_PAUSE", 0.01)
        monkeypatch.setattr(f"stages.llm.{module}.LONGEST_PAUSE", 0.02)


@pytest.fixture
def start():
    servers = []

    def run(**given):
        servers.append(BatchApi(**given))
        return servers[-1]

    yield run
    for server in servers:
        server.stop()


@pytest.fixture
def batch(llm, ledger):
    """Fill the ledger in batch mode: `batch(server, jobs)` gives the account; settings as keywords."""

    def run(server, jobs, account=None, **changes):
        account = account or Account(None)
        fill(jobs, server.endpoint, llm.model_copy(update=changes), ledger, account)
        return account

    return run


def jobs(prompts, tries=1, accepts=lambda *_: True):
    def job(prompt):
        return Job("short_long", lambda attempt: LlmRequest(prompt, {"type": "json_schema"}, attempt), accepts, tries)

    return [job(str(prompt)) for prompt in prompts]


def texts(ledger):
    return sorted(row.answer.text for row in ledger.rows())


def echoed(count):
    return sorted(f"answer to {index}" for index in range(count))


def once(change):
    """An `end` that is applied to the first batch alone."""
    batches = []

    def end(batch, outputs, errors):
        batches.append(batch)
        if len(batches) == 1:
            change(batch, outputs, errors)

    return end
