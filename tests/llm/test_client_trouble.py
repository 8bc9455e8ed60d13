"""What the client does when the server fails: retries, one clear message, and no answer or key lost."""

import asyncio
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter

import pytest
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from stages.llm import client
from stages.llm.account import Account
from stages.llm.endpoint import Endpoint
from stages.llm.ledger import Ledger
from stages.shared.errors import UserError
from stages.shared.settings import Price
from tests.conftest import REPOSITORY
from tests.llm.conftest import API_KEY, completion, echo, failure


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    monkeypatch.setattr(client, "FIRST_PAUSE", 0.001)


@pytest.fixture
def message(ask_all):
    """The message with which asking ends."""

    def run(*arguments, **changes):
        with pytest.raises(UserError) as caught:
            ask_all(*arguments, **changes)
        return str(caught.value)

    return run


def always(status, text="no"):
    async def reply(*_):
        return failure(status, text)

    return reply


def after(*statuses):
    """Fails with each of `statuses`, then answers."""
    left = list(statuses)

    async def reply(request, body):
        return failure(left.pop(0)) if left else await echo(request, body)

    return reply


@pytest.fixture
def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_endpoint_that_is_down_is_told_with_its_address(closed_port, message, ask):
    url = f"http://127.0.0.1:{closed_port}/v1"
    text = message(ask(8), Endpoint.single(url, "a-model", API_KEY), max_retries=1)
    assert f"cannot reach the endpoint {url} (model a-model)" in text
    assert "connection" in text
    assert "base_url in llm.endpoint" in text


def test_server_that_does_not_answer_in_time_is_told(start, message, ask):
    done = threading.Event()

    async def silent(request, _):
        while not done.is_set() and not await request.is_disconnected():
            await asyncio.sleep(0.01)
        return completion("too late")

    text = message(ask(8), start(silent).endpoint, timeout_seconds=0.2)
    done.set()
    assert "cannot reach" in text
    assert "timeout" in text


def test_reply_that_drips_is_cut_at_the_time_limit(start, message, ask):
    async def drip(*_):
        from starlette.responses import StreamingResponse

        async def bytes_by_and_by():
            for _ in range(100):
                yield b" "
                await asyncio.sleep(0.05)

        return StreamingResponse(bytes_by_and_by(), media_type="application/json")

    started = time.monotonic()
    assert "timeout" in message(ask(3), start(drip).endpoint, timeout_seconds=0.3)
    assert time.monotonic() - started < 4


@pytest.mark.parametrize("status", [401, 403])
def test_refused_key_stops_at_once_and_is_told_without_the_key(start, message, ask, status):
    server = start(always(status, f"refused {API_KEY}"))
    text = message(ask(30), server.endpoint, max_retries=5)
    assert f"refused the API key ({status})" in text
    assert set(server.keys) == {API_KEY}
    assert API_KEY not in text
    assert len(server.bodies) <= 4  # one of each worker


def test_unknown_model_or_address_is_told_with_what_to_mend(start, message, ask):
    server = start(always(404))
    text = message(ask(3), server.endpoint, max_retries=5)
    assert f"{server.base_url} (model a-model) knows no such model or address (404" in text
    assert "llm.endpoint" in text


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}),
        (402, {"error": {"message": "Insufficient Balance"}}),
    ],
)
def test_used_up_credit_stops_at_once_with_how_to_go_on(start, message, ask, status, body):
    async def broke(*_):
        return JSONResponse(body, status)

    server = start(broke)
    text = message(ask(30), server.endpoint, max_retries=5)
    assert "the credit is used up" in text
    assert "`dvc repro` goes on from there" in text
    assert len(server.bodies) <= 4


@pytest.mark.parametrize(
    "body",
    [
        {
            "error": {
                "message": "This model's maximum context length is 8192 tokens.",
                "code": "context_length_exceeded",
            }
        },
        {"error": {"message": "request (36013 tokens) exceeds the available context size (2048 tokens)", "code": 400}},
        {"detail": "prompt is too long"},
    ],
)
def test_prompt_longer_than_the_context_is_told_with_what_to_lower(start, message, ask, body):
    async def refuse(*_):
        return JSONResponse(body, 400)

    text = message(ask(3), start(refuse).endpoint, max_retries=5)
    assert "does not fit the model's context length" in text
    assert "llm.max_tokens" in text


@pytest.mark.parametrize(
    "reply", [JSONResponse({"detail": "pinned to another model"}, 400), PlainTextResponse("why", 418)]
)
def test_other_refusal_is_told_in_the_servers_words(start, message, ask, reply):
    async def refuse(*_):
        return reply

    text = message(ask(1), start(refuse).endpoint)
    assert str(reply.status_code) in text
    assert "pinned to another model" in text or "why" in text


def test_prompt_that_a_content_filter_stops_gets_an_empty_answer_and_is_not_asked_again(start, ask_all, ask):
    server = start(always(400, "The response was filtered: content_filter"))
    for _ in range(2):
        (answer,) = ask_all(ask(1), server.endpoint)
        assert (answer.text, answer.finish_reason) == ("", "content_filter")
    assert len(server.bodies) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_passing_failure_is_retried_and_counted(start, ask_all, ask, status):
    server, account = start(after(status, status)), Account(None)
    (answer,) = ask_all(ask(1), server.endpoint, account=account, max_retries=2)
    assert answer.text == "answer to 0"
    assert len(server.bodies) == 3
    kind = {408: "timeout", 429: "rate_limited"}.get(status, "server_error")
    assert account.failures == {kind: 2}


def test_server_is_left_alone_for_as_long_as_it_asks(start, ask_all, ask):
    asked = []

    async def reply(request, body):
        asked.append(time.monotonic())
        if len(asked) == 1:
            return JSONResponse({"error": {"message": "slow down"}}, 429, headers={"retry-after": "1"})
        return await echo(request, body)

    ask_all(ask(3), start(reply).endpoint, max_retries=1, concurrency=1)
    assert asked[1] - asked[0] >= 0.95


@pytest.mark.parametrize(("status", "tries"), [(500, 3), (429, 3), (400, 1)])
def test_lasting_failure_is_told_with_its_status(start, message, ask, status, tries):
    server = start(always(status))
    text = message(ask(1), server.endpoint, max_retries=2)
    assert str(status) in text
    assert len(server.bodies) == tries


@pytest.mark.parametrize(
    "response",
    [
        HTMLResponse("<html>a login page</html>"),
        JSONResponse({"error": {"message": "quota"}}),
        JSONResponse({"choices": []}),
        JSONResponse({"choices": ["text"]}),
        JSONResponse(["choices"]),
        HTMLResponse('{"choices": [', media_type="application/json"),
        Response(b"", media_type="application/json"),
        Response(b"\xff\xfe", media_type="application/json"),
        HTMLResponse("x" * 190 + API_KEY),
    ],
)
def test_reply_that_is_no_completion_is_told_and_not_kept(start, message, ask, ledger, response):
    async def reply(*_):
        return response

    server = start(reply)
    text = message(ask(8), server.endpoint, max_retries=1)
    assert "did not answer with a chat completion" in text
    assert API_KEY[:8] not in text
    assert server.base_url in text
    assert len(ledger) == 0


def test_one_request_that_always_fails_does_not_stop_the_others_and_is_told_at_the_end(start, message, ask, ledger):
    async def third_fails(request, body):
        return failure(500) if body["messages"][0]["content"] == "2" else await echo(request, body)

    text = message(ask(9), start(third_fails).endpoint, max_retries=1)
    assert "1 of 9 requests stayed without an answer after 2 tries" in text
    assert len(ledger) == 8


def test_one_request_in_a_hundred_that_always_fails_is_left_out_and_stays_so(start, ask_all, ask, capsys):
    async def third_fails(request, body):
        return failure(500) if body["messages"][0]["content"] == "2" else await echo(request, body)

    server = start(third_fails)
    answers = ask_all(ask(100), server.endpoint, max_retries=1)
    assert [index for index, answer in enumerate(answers) if answer.finish_reason == "no_answer"] == [2]
    assert "1 of 100 requests stayed without an answer" in capsys.readouterr().err
    asked = len(server.bodies)
    assert ask_all(ask(100), server.endpoint, "replay") == answers
    assert ask_all(ask(100), server.endpoint) == answers
    assert len(server.bodies) == asked


def test_response_format_that_a_server_refuses_is_replaced_by_a_simpler_one_also_in_a_replay(start, ask_all, ask):
    async def plain_only(request, body):
        if "response_format" in body:
            return JSONResponse({"error": {"message": "response_format is not supported"}}, 400)
        return await echo(request, body)

    server = start(plain_only)
    answers = ask_all(ask(20), server.endpoint)
    assert [answer.text for answer in answers] == [f"answer to {index}" for index in range(20)]
    formats = Counter(str(body.get("response_format")) for body in server.bodies)
    assert formats["None"] == 20
    assert formats["{'type': 'json_object'}"] <= 5  # one of each worker: four, and a spare one
    assert ask_all(ask(20), server.endpoint, "replay") == answers


def test_refusal_of_a_form_that_was_not_asked_for_is_told(start, message, ask):
    server = start(always(400, "the grammar of your request is bad"))
    text = message(ask(3), server.endpoint, max_retries=5)
    assert "the grammar of your request is bad" in text
    assert "asked for no form" in text


def test_answers_before_a_failure_are_kept(start, message, ask, ledger):
    async def third_fails(request, body):
        return failure(404) if body["messages"][0]["content"] == "2" else await echo(request, body)

    server = start(third_fails)
    message(ask(5), server.endpoint, concurrency=1)
    assert server.prompts == ["0", "1", "2"]
    assert len(ledger) == 2


def test_budget_stops_before_it_is_passed_and_a_higher_one_goes_on(start, message, ask_all, ask, ledger):
    price = Price(prompt=1e6, completion=1e6, batch=0.5)  # five dollars an answer: 3 + 2 tokens
    server = start()
    text = message(ask(10), server.endpoint, account=Account(price, max_cost=22.0), concurrency=1)
    assert "the budget is used up: 20 tokens, $20.00; 4 of 10 requests are done" in text
    assert "raise synthesis.max_cost" in text
    message(ask(10), server.endpoint, account=Account(price, max_tokens=22), concurrency=1)
    assert len(server.bodies) == len(ledger) == 4  # what the ledger has counts
    assert len(ask_all(ask(10), server.endpoint, account=Account(price, max_cost=50.0))) == 10
    assert len(server.bodies) == 10


def test_servers_share_the_work_and_a_dead_one_costs_nothing_but_time(start, ask_all, ask, closed_port):
    first, second = start(), start()
    three = Endpoint(
        "a-model",
        (*first.endpoint.servers, *second.endpoint.servers,
         *Endpoint.single(f"http://127.0.0.1:{closed_port}/v1", "a-model", "k").servers),
    )  # fmt: skip
    answers = ask_all(ask(60), three, max_retries=8)
    assert [answer.text for answer in answers] == [f"answer to {index}" for index in range(60)]
    assert len(first.bodies) + len(second.bodies) == 60
    assert min(len(first.bodies), len(second.bodies)) > 5


def test_key_stands_in_no_file_and_no_representation(start, ask_all, ask, ledger):
    server = start()
    ask_all(ask(3), server.endpoint)
    files = list(ledger.path.parent.glob("ledger.sqlite*"))
    assert any(b"answer to 0" in file.read_bytes() for file in files)
    assert not any(API_KEY.encode() in file.read_bytes() for file in files)
    assert set(server.keys) == {API_KEY}
    assert API_KEY not in repr(server.endpoint)


RUN = """
import sys
from pathlib import Path
from stages.llm.account import Account
from stages.llm.endpoint import Endpoint
from stages.llm.ledger import Ledger
from stages.llm.model import LanguageModel
from stages.llm.requests import LlmRequest
from stages.shared.settings import load_settings
llm = load_settings().profile.llm.model_copy(update={"concurrency": 1})
requests = [LlmRequest(str(index), {"type": "text"}, 0) for index in range(4)]
with Ledger(Path(sys.argv[2])) as ledger:
    endpoint = Endpoint.single(sys.argv[1], "a-model", "key")
    LanguageModel(endpoint, llm, ledger, "online", Account(None)).ask_all(requests, "short_long")
"""


@pytest.fixture
def running(start, tmp_path):
    """A run in a process of its own that waits for the answer to its third request, and an event that gives it."""
    reached, release = threading.Event(), threading.Event()

    async def hang_at_the_third(request, body):
        if body["messages"][0]["content"] == "2" and not reached.is_set():
            reached.set()
            while not release.is_set() and not await request.is_disconnected():
                await asyncio.sleep(0.01)
        return await echo(request, body)

    server, path = start(hang_at_the_third), tmp_path / "ledger.sqlite"
    command = [sys.executable, "-c", RUN, server.base_url, str(path)]
    process = subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True)
    assert reached.wait(timeout=60)
    yield process, server, path, release
    process.kill()


def test_run_killed_midway_keeps_its_answers_and_asks_only_for_the_rest(running, ask, ask_all):
    process, server, path, _ = running
    process.kill()
    process.wait(timeout=60)
    with Ledger(path) as ledger:
        assert len(ledger) == 2
    answers = ask_all(ask(4), server.endpoint)
    assert [answer.text for answer in answers] == [f"answer to {index}" for index in range(4)]
    assert sorted(server.prompts) == ["0", "1", "2", "2", "3"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_that_is_interrupted_takes_the_answers_under_way_before_it_stops(running, number, ask, ask_all):
    process, server, path, release = running
    process.send_signal(number)
    while "stopping when 1 answers under way are here" not in process.stderr.readline():
        assert process.poll() is None
    release.set()
    assert process.wait(timeout=60) != 0
    with Ledger(path) as ledger:
        assert len(ledger) == 3
    ask_all(ask(4), server.endpoint)
    assert sorted(server.prompts) == ["0", "1", "2", "3"]


def test_second_interrupt_stops_at_once(running):
    process, _, path, _ = running
    process.send_signal(signal.SIGINT)
    while "stopping" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) != 0
    with Ledger(path) as ledger:
        assert len(ledger) == 2
