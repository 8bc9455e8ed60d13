"""The client over real HTTP: what it asks, what it keeps, and how it tells of trouble."""

import asyncio

import pytest
from starlette.responses import Response

from stages.llm.endpoint import Endpoint
from stages.llm.requests import Answer, LlmRequest
from tests.llm.conftest import echo


def test_answers_come_in_the_order_of_the_requests_though_the_server_replies_backwards(start, ask_all, ask):
    later = [asyncio.Event() for _ in range(5)]  # each reply waits for the next request's reply
    later[4].set()

    async def backwards(request, body):
        number = int(body["messages"][0]["content"])
        await later[number].wait()
        if number:
            later[number - 1].set()
        return await echo(request, body)

    server = start(backwards)
    answers = ask_all(ask(5), server.endpoint, concurrency=5)
    assert answers == [Answer(f"answer to {number}", "stop", 3, 2) for number in range(5)]


def test_only_what_the_ledger_lacks_is_asked(start, ask_all, ask):
    server = start()
    first = ask_all(ask(3), server.endpoint)
    assert sorted(server.prompts) == ["0", "1", "2"]
    again = ask_all(ask(5), server.endpoint)
    assert sorted(server.prompts) == ["0", "1", "2", "3", "4"]
    assert again[:3] == first


def test_full_ledger_needs_no_server_and_no_key(start, ask_all, ask):
    server = start()
    first = ask_all(ask(3), server.endpoint)
    server.stop()
    gone = Endpoint.single("http://127.0.0.1:1/v1", server.endpoint.model, None)
    assert ask_all(ask(3), gone) == first
    assert ask_all(ask(3), gone, "replay") == first


def test_no_requests_give_no_answers(start, ask_all):
    server = start()
    assert ask_all([], server.endpoint) == []
    assert server.bodies == []


def test_body_carries_model_prompt_schema_sampling_settings_and_seed(start, ask_all, llm):
    server = start()
    ask_all([LlmRequest("Why?", {"type": "json_object"}, 7)], server.endpoint)
    assert server.bodies == [
        {
            "model": "a-model",
            "messages": [{"role": "user", "content": "Why?"}],
            "response_format": {"type": "json_object"},
            "temperature": llm.temperature,
            "max_tokens": llm.max_tokens,
            "seed": 7,
        }
    ]


def test_as_many_requests_as_the_profile_allows_are_under_way_and_no_more(start, ask_all, ask):
    under_way, most = 0, 0
    three = asyncio.Barrier(3)  # breaks the test unless three requests are under way together

    async def together(request, body):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await three.wait()
        under_way -= 1
        return await echo(request, body)

    server = start(together)
    answers = ask_all(ask(9), server.endpoint, concurrency=3)
    assert len(answers) == 9
    assert most == 3


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "ALL_PROXY"])
def test_server_on_this_machine_is_reached_past_a_proxy(start, ask_all, ask, monkeypatch, variable):
    monkeypatch.setenv(variable, "http://127.0.0.1:1")
    assert ask_all(ask(1), start().endpoint)[0].text == "answer to 0"


def test_half_of_a_surrogate_pair_in_an_answer_does_not_stop_the_run(start, ask_all, ask, ledger):
    async def half(*_):
        content = '{"choices": [{"message": {"role": "assistant", "content": "cut \\ud83d"}}]}'
        return Response(content, media_type="application/json")

    (answer,) = ask_all(ask(1), start(half).endpoint)
    assert answer == Answer("cut ?", "", 0, 0)
    assert len(ledger) == 1
