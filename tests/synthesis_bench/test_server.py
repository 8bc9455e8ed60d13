"""The bench's server does what its faults are called, and logs what it did; nothing here is timed."""

import asyncio
import hashlib
import json
from types import SimpleNamespace

import pytest

from stages.llm.completion import read_completion
from stages.shared.records import Sample
from stages.synthesis.checks import check
from stages.synthesis_bench import server_log, workload
from stages.synthesis_bench.faults import ANSWERED, FAULTS, REFUSALS, unanswerable
from stages.synthesis_bench.server import Connection, Options, Server

KEY = "sk-a-secret-that-must-not-leak"
REQUEST = next(workload.requests(1))
BODY = json.dumps({"messages": [{"role": "user", "content": REQUEST.prompt}]}).encode()
PATIENCE = 0.2  # seconds after which no answer is called a hang


def ask(options: Options, body: bytes = BODY, path: str = "/v1/chat/completions", leave: bool = False):
    """What one request gets: bytes (None: nothing in time), how the connection ended, and the server's counts."""
    return asyncio.run(_ask(Server(options), body, path, leave))


async def _ask(server: Server, body: bytes, path: str, leave: bool):
    listening = await asyncio.get_running_loop().create_server(lambda: Connection(server), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
    head = f"POST {path} HTTP/1.1\r\nauthorization: Bearer {KEY}\r\ncontent-length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    reply, end = None, "open"
    try:
        if leave:
            writer.close()
            await asyncio.sleep(2 * server.options.latency)
        else:
            reply = await asyncio.wait_for(_one_reply(reader), PATIENCE)
            end = "closed" if reader.at_eof() else "open"
    except ConnectionResetError:
        end = "reset"
    except TimeoutError:
        pass
    writer.close()
    listening.close()
    return SimpleNamespace(reply=reply, end=end, counts=dict(server.counts))


async def _one_reply(reader: asyncio.StreamReader) -> SimpleNamespace:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
    announced = int(headers["content-length"])
    try:
        body = await reader.readexactly(announced)
    except asyncio.IncompleteReadError as error:
        body = error.partial
    return SimpleNamespace(status=int(head.split()[1]), headers=headers, announced=announced, body=body)


def failing(fault: str, **options) -> Options:
    return Options(fault_share=1.0, faults=(fault,), **options)


def test_prompt_and_answers_have_the_size_of_real_ones_and_pass_the_checks():
    assert 1_700 < len(REQUEST.prompt) < 2_300
    assert 350 < len(workload.answers()[0].split()) < 450
    for number, request in enumerate(workload.requests(20)):
        text = workload.answers()[number]
        assert isinstance(check(request, read_completion(_completion(text)), 0, 2.0), Sample)


def _completion(text: str) -> dict:
    return {"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}


def test_requests_are_all_different_and_more_of_them_change_none():
    ten = list(workload.requests(10))
    assert list(workload.requests(4)) == ten[:4]
    assert len({request.id for request in ten}) == len({request.prompt for request in ten}) == 10


def test_same_request_gets_the_same_good_answer():
    first, second = ask(Options()), ask(Options())
    assert first.reply.body == second.reply.body
    assert first.counts == {"asked": 1, "answered": 1}
    answer = read_completion(json.loads(first.reply.body))
    assert isinstance(check(REQUEST, answer, 0, 2.0), Sample)


@pytest.mark.parametrize("status", ["429", "500", *REFUSALS])
def test_failing_statuses_are_sent_as_such(status):
    seen = ask(failing(status))
    assert (seen.reply.status, seen.end, seen.counts) == (int(status), "open", {"asked": 1, status: 1})
    assert json.loads(seen.reply.body)["error"]["message"]
    assert ("retry-after-ms" in seen.reply.headers) == (status == "429")


def test_hang_sends_nothing_and_keeps_the_connection():
    seen = ask(failing("hang"))
    assert (seen.reply, seen.end) == (None, "open")


def test_reset_ends_the_connection_without_a_byte():
    seen = ask(failing("reset"))
    assert (seen.reply, seen.end) == (None, "reset")


def test_truncated_announces_more_than_it_sends_and_closes():
    seen = ask(failing("truncated"))
    assert (seen.reply.status, seen.end) == (200, "closed")
    assert 0 < len(seen.reply.body) < seen.reply.announced


@pytest.mark.parametrize("fault", ["invalid_body", "empty_body"])
def test_body_that_is_no_json_comes_whole_and_with_status_200(fault):
    seen = ask(failing(fault))
    assert (seen.reply.status, seen.end, len(seen.reply.body)) == (200, "open", seen.reply.announced)
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        json.loads(seen.reply.body)


@pytest.mark.parametrize("fault", ANSWERED)
def test_answered_fault_is_refused_by_the_checks_for_the_reason_it_stands_for(fault):
    answer = read_completion(json.loads(ask(failing(fault)).reply.body))
    assert check(REQUEST, answer, 0, 2.0).reason == FAULTS[fault]


def test_unanswerable_prompts_get_the_wrong_schema_whatever_the_seed():
    prompts = [request.prompt for request in workload.requests(1000)]
    share = 0.1
    chosen = [prompt for prompt in prompts if unanswerable(prompt, share)]
    assert 60 < len(chosen) < 140
    for seed in range(3):
        body = json.dumps({"messages": [{"role": "user", "content": chosen[0]}], "seed": seed}).encode()
        assert ask(Options(unanswerable_share=share), body).counts == {"asked": 1, "wrong_schema": 1}


def test_about_the_set_share_of_the_calls_fails_in_all_ways():
    server = Server(Options(fault_share=0.3))
    drawn = [server.fault(BODY) for _ in range(4000)]
    assert 0.27 < 1 - drawn.count(None) / len(drawn) < 0.33
    assert set(drawn) == {None, *FAULTS}


def test_key_is_quoted_where_it_should_be_so_that_a_leak_would_show():
    assert KEY not in ask(failing("500")).reply.body.decode()
    for fault in ("429", "500", "invalid_body", *REFUSALS):
        assert KEY in ask(failing(fault, quotes_key=True)).reply.body.decode()


def test_other_addresses_are_not_found():
    assert ask(Options(), path="/v1/files").reply.status == 404


def test_log_has_a_line_for_each_request_and_reply_and_nothing_of_the_key(tmp_path):
    log = tmp_path / "log"
    ask(Options(log=str(log)))
    ask(failing("500", log=str(log), quotes_key=True))
    key = hashlib.sha256(BODY).hexdigest()
    assert list(server_log.read_log(log)) == [("asked", key), ("answered", key), ("asked", key), ("500", key)]
    assert server_log.asked(log) == {key: 2}
    assert server_log.sent(log) == {key}
    assert KEY not in log.read_text()


def test_answer_to_a_client_that_left_is_not_called_sent(tmp_path):
    log = tmp_path / "log"
    seen = ask(Options(latency=0.1, log=str(log)), leave=True)
    assert seen.counts == {"asked": 1, "gone": 1}
    assert server_log.sent(log) == set()
