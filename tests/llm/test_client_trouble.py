"""What the client does when the server fails: retries, one clear message, and no answer or key lost."""

import asyncio
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import replace

import openai
import pytest
from starlette.responses import HTMLResponse, JSONResponse

from stages.llm import client
from stages.llm.client import ask_all
from stages.llm.ledger import Ledger
from stages.shared.errors import UserError
from tests.conftest import REPOSITORY
from tests.llm.conftest import API_KEY, completion, echo, failure


def message(requests, endpoint, llm, ledger):
    with pytest.raises(UserError) as caught:
        ask_all(requests, endpoint, llm, ledger)
    return str(caught.value)


def always(status):
    async def reply(*_):
        return failure(status, f"refused {API_KEY}" if status in (401, 403) else "no")

    return reply


@pytest.fixture
def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_endpoint_that_is_down_is_told_with_its_address_and_the_number_of_tries(start, closed_port, llm, ledger, ask):
    url = f"http://127.0.0.1:{closed_port}/v1"
    endpoint = replace(start().endpoint, base_url=url)
    text = message(ask(8), endpoint, llm.model_copy(update={"max_retries": 1}), ledger)
    assert f"cannot reach the endpoint {url} (model a-model)" in text
    assert "(2 tries)" in text
    assert "llm.endpoint.base_url" in text


def test_server_that_does_not_answer_in_time_is_told(start, llm, ledger, ask):
    done = threading.Event()

    async def silent(request, _):
        while not done.is_set() and not await request.is_disconnected():
            await asyncio.sleep(0.01)
        return completion("too late")

    server = start(silent)
    text = message(ask(1), server.endpoint, llm.model_copy(update={"timeout_seconds": 0.2}), ledger)
    done.set()
    assert "cannot reach" in text
    assert "timed out" in text


@pytest.mark.parametrize("status", [401, 403])
def test_refused_key_is_told_without_the_key(start, llm, ledger, ask, status):
    server = start(always(status))
    text = message(ask(3), server.endpoint, llm, ledger)
    assert f"refused the API key ({status})" in text
    assert set(server.keys) == {API_KEY}
    assert API_KEY not in text


def test_unknown_model_or_address_is_told_with_what_to_mend(start, llm, ledger, ask):
    server = start(always(404))
    text = message(ask(3), server.endpoint, llm, ledger)
    assert f"{server.endpoint.base_url} (model a-model) knows no such model or address (404)" in text
    assert "llm.endpoint" in text


@pytest.mark.parametrize("status", [429, 500, 503])
def test_passing_failure_is_retried(start, llm, ledger, ask, status):
    left = [status, status]

    async def recovering(request, body):
        return failure(left.pop()) if left else await echo(request, body)

    server = start(recovering)
    (answer,) = ask_all(ask(1), server.endpoint, llm.model_copy(update={"max_retries": 2}), ledger)
    assert answer.text == "answer to 0"
    assert len(server.bodies) == 3


@pytest.mark.parametrize(("status", "tries"), [(500, 3), (429, 3), (400, 1)])
def test_lasting_failure_is_told_with_its_status_and_the_true_number_of_tries(start, llm, ledger, ask, status, tries):
    server = start(always(status))
    text = message(ask(1), server.endpoint, llm.model_copy(update={"max_retries": 2}), ledger)
    assert f"{server.endpoint.base_url} (model a-model) failed: {status}: " in text
    assert f"({tries} tries)" in text
    assert len(server.bodies) == tries


@pytest.mark.parametrize(
    "response",
    [
        HTMLResponse("<html>a login page</html>"),
        JSONResponse({"error": {"message": "quota"}}),
        JSONResponse({"choices": []}),
        HTMLResponse('{"choices": [', media_type="application/json"),
    ],
)
def test_reply_that_is_no_completion_is_told_and_not_kept(start, llm, ledger, ask, response):
    async def reply(*_):
        return response

    server = start(reply)
    text = message(ask(2), server.endpoint, llm, ledger)
    assert "did not answer with a chat completion" in text
    assert server.endpoint.base_url in text
    assert len(ledger) == 0


def test_workers_that_fail_together_in_different_ways_give_one_message(start, llm, ledger, ask, monkeypatch):
    both = asyncio.Barrier(2)

    async def fail(_, body):
        await both.wait()
        if body["seed"]:
            raise UserError("no completion")
        raise openai.APIConnectionError(request=None)

    monkeypatch.setattr(client, "_complete", fail)
    requests = [replace(request, seed=seed) for seed, request in enumerate(ask(2))]
    assert isinstance(message(requests, start().endpoint, llm, ledger), str)


def test_answers_before_a_failure_are_kept(start, llm, ledger, ask):
    async def third_fails(request, body):
        return failure(400) if body["messages"][0]["content"] == "2" else await echo(request, body)

    server = start(third_fails)
    message(ask(5), server.endpoint, llm.model_copy(update={"concurrency": 1}), ledger)
    assert server.prompts == ["0", "1", "2"]
    assert len(ledger) == 2


def test_key_stands_in_no_file_and_no_representation(start, llm, ledger, ask):
    server = start()
    ask_all(ask(3), server.endpoint, llm, ledger)
    files = list(ledger.path.parent.glob("ledger.sqlite*"))
    assert any(b"answer to 0" in file.read_bytes() for file in files)
    assert not any(API_KEY.encode() in file.read_bytes() for file in files)
    assert set(server.keys) == {API_KEY}
    assert API_KEY not in repr(server.endpoint)


RUN = """
import sys
from pathlib import Path
from stages.llm.client import Endpoint, LlmRequest, ask_all
from stages.llm.ledger import Ledger
from stages.shared.settings import load_settings
llm = load_settings().profile.llm.model_copy(update={"concurrency": 1})
requests = [LlmRequest(str(index), {"type": "text"}, 0) for index in range(4)]
with Ledger(Path(sys.argv[2])) as ledger:
    ask_all(requests, Endpoint(sys.argv[1], "a-model", "key"), llm, ledger)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_run_stopped_midway_keeps_its_answers_and_asks_only_for_the_rest(start, llm, tmp_path, ask, number):
    reached = threading.Event()

    async def hang_at_the_third(request, body):
        if body["messages"][0]["content"] == "2" and not reached.is_set():
            reached.set()
            while not await request.is_disconnected():
                await asyncio.sleep(0.01)
        return await echo(request, body)

    server, path = start(hang_at_the_third), tmp_path / "ledger.sqlite"
    command = [sys.executable, "-c", RUN, server.endpoint.base_url, str(path)]
    process = subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.DEVNULL)
    assert reached.wait(timeout=60)
    process.send_signal(number)
    assert process.wait(timeout=60) != 0
    with Ledger(path) as ledger:
        assert len(ledger) == 2
        answers = ask_all(ask(4), server.endpoint, llm, ledger)
    assert [answer.text for answer in answers] == [f"answer to {index}" for index in range(4)]
    assert sorted(server.prompts) == ["0", "1", "2", "2", "3"]
