"""Batch mode brings what online mode brings, however little each batch does."""

import json
from dataclasses import replace

import pytest

from stages.llm import batch_files
from stages.llm.account import Account
from stages.llm.answers import MGH, MghSample, response_format
from stages.llm.batch import fill
from stages.llm.client import fill as fill_online
from stages.llm.ledger import Ledger
from stages.llm.local.server import serve
from stages.llm.requests import NO_ANSWER, Job, LlmRequest, chat_body
from stages.shared.errors import UserError
from stages.shared.records import KINDS
from stages.shared.text import seed_text
from tests.llm.batch.conftest import echo, echoed, jobs, once, texts


def line_of(custom_id, response=None, error=None):
    return json.dumps({"id": "x", "custom_id": custom_id, "response": response, "error": error}).encode()


def is_sample(answer, _):
    try:
        MghSample.model_validate_json(answer.text)
    except ValueError:
        return False
    return True


def test_rows_are_those_of_online_mode_but_for_the_price(corpus, documents, llm, tmp_path):
    def job(kind, document):
        prompt, form = f"<<<\n{seed_text(document)}\n>>>", response_format(MghSample, MGH, kind)
        return Job(kind, lambda attempt: LlmRequest(prompt, form, attempt), is_sample, 3)

    wanted = [job(kind, document) for kind in KINDS for document in documents[:8]]
    rows = []
    for mode, run in (("online", fill_online), ("batch", fill)):
        with serve(corpus, 0.4) as endpoint, Ledger(tmp_path / f"{mode}.sqlite") as ledger:
            run(wanted, endpoint, llm, ledger, Account(None))
            rows.append(sorted((row.key, row.request, replace(row.answer, batch=False)) for row in ledger.rows()))
            assert {row.answer.batch for row in ledger.rows()} == {mode == "batch"}
            assert all(row.damage() is None for row in ledger.rows())
    assert rows[0] == rows[1]
    assert len(rows[0]) > len(wanted)  # some were asked again


def test_line_of_a_file_holds_the_body_that_is_sent_online_and_no_line_break(llm):
    body = chat_body(LlmRequest("Zeile\n\x85\u2028 ü\ud7ff", {"type": "text"}, 3), "m", llm, "json_schema")
    line = batch_files.request_line(body)
    given = json.loads(line)
    assert line.splitlines() == [line[:-1]]
    assert given["body"] == json.loads(body.json)
    assert (given["custom_id"], given["method"], given["url"]) == (body.key, "POST", "/v1/chat/completions")


def test_request_file_is_read_back_without_its_damaged_lines(llm, tmp_path):
    bodies = [chat_body(LlmRequest(f"\u2028 {index}", {}, 0), "m", llm, "text") for index in range(3)]
    (file,) = batch_files.write_files(bodies, lambda: tmp_path / "x")
    assert list(batch_files.read_bodies(file.path)) == bodies
    lines = file.path.read_text(encoding="utf-8").split("\n")
    file.path.write_text("\n".join([lines[0], lines[1].replace(" 1", " 7"), lines[2][:-5]]), encoding="utf-8")
    assert list(batch_files.read_bodies(file.path)) == bodies[:1]


def test_full_ledger_needs_no_server(start, batch, ledger):
    server = start()
    assert batch(server, jobs(range(3))).paid == 3
    calls = len(server.calls)
    account = batch(server, jobs(range(3)))
    assert (account.known, account.paid, account.tokens) == (3, 0, 15)
    assert len(server.calls) == calls
    assert texts(ledger) == echoed(3)


def test_only_rejected_answers_are_asked_again_and_no_more_often_than_allowed(start, batch):
    server = start()
    account = batch(server, jobs(range(3), tries=3, accepts=lambda answer, _: "1" not in answer.text))
    assert server.asked == [["0", "1", "2"], ["1"], ["1"]]
    assert (account.known, account.paid) == (0, 5)


# --- limits of a file ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("limit", "value"), [("MOST_REQUESTS", 2), ("MOST_BYTES", 700)])
def test_requests_over_the_limits_of_a_file_go_into_another(start, batch, ledger, monkeypatch, limit, value):
    monkeypatch.setattr(batch_files, limit, value)
    server = start()
    batch(server, jobs(range(5)))
    assert server.asked == [["0", "1"], ["2", "3"], ["4"]]
    assert all(len(file) <= 700 for file in server.batches._files.values() if b'"method"' in file)
    assert texts(ledger) == echoed(5)


def test_equal_requests_stand_in_a_file_once(start, batch):
    server = start()
    batch(server, jobs([0, 1, 0]))
    assert server.asked == [["0", "1"]]


# --- batches that bring less than was asked --------------------------------------------------------------------------


def ended(status):
    def change(batch, outputs, _):
        batch["status"] = status
        del outputs[1:]

    return change


def expired_with_error_lines(batch, outputs, errors):
    batch["status"] = "expired"
    error = {"code": "batch_expired", "message": "This request could not be executed in time."}
    errors += [line_of(json.loads(line)["custom_id"], error=error) for line in outputs[1:]]
    del outputs[1:]


def lines_with_status(status):
    def change(_, outputs, errors):
        reply = {"status_code": status, "request_id": "x", "body": {"error": {"message": "busy", "code": "busy"}}}
        errors += [line_of(json.loads(line)["custom_id"], reply) for line in outputs[1:]]
        del outputs[1:]

    return change


def no_completions(_, outputs, errors):
    reply = {"status_code": 200, "request_id": "x", "body": {"choices": []}}
    errors += [line_of(json.loads(line)["custom_id"], reply) for line in outputs[1:]]
    del outputs[1:]


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (ended("completed"), "missing"),
        (ended("expired"), "expired"),
        (ended("cancelled"), "cancelled"),
        (expired_with_error_lines, "expired"),
        (lines_with_status(429), "rate_limited"),
        (lines_with_status(500), "server_error"),
        (no_completions, "not_a_completion"),
    ],
)
def test_what_a_batch_did_not_bring_is_asked_again_and_nothing_else(start, batch, ledger, change, kind):
    server = start(end=once(change))
    account = batch(server, jobs(range(3)))
    assert server.asked == [["0", "1", "2"], ["1", "2"]]
    assert (account.paid, account.failures) == (3, {kind: 2})
    assert texts(ledger) == echoed(3)


def test_batch_that_brings_nothing_is_asked_max_retries_times_again_then_told_with_counts(start, batch, ledger):
    server = start(answer=lambda _: (500, {"error": {"message": "out of order"}}))
    with pytest.raises(
        UserError, match=r"2 of 2 requests stayed without an answer in 3 batches \(server_error 2\)"
    ) as caught:
        batch(server, jobs(range(2)), max_retries=2)
    assert "out of order" in str(caught.value)
    assert len(server.asked) == 3
    assert len(ledger) == 0


def test_few_requests_that_a_server_cannot_answer_are_left_out_and_their_next_try_is_asked(start, batch, ledger, capfd):
    def answer(body):
        return (500, {}) if (body["messages"][0]["content"], body["seed"]) == ("7", 0) else echo(body)

    server = start(answer=answer)
    batch(server, jobs(range(100), tries=2, accepts=lambda answer, _: answer.finish_reason != NO_ANSWER))
    assert server.asked[1:] == [["7"], ["7"]]
    assert [row.answer.finish_reason for row in ledger.rows()].count(NO_ANSWER) == 1
    assert "1 of 100 requests stayed without an answer" in capfd.readouterr().err


def test_full_queue_is_waited_for(start, batch, ledger):
    def full(batch, outputs, _):
        outputs.clear()
        error = {"code": "token_limit_exceeded", "message": "Enqueued token limit reached"}
        batch.update(status="failed", errors={"object": "list", "data": [error]})

    server = start(end=once(full))
    account = batch(server, jobs(range(2)), max_retries=1)
    assert account.failures == {"rate_limited": 2}
    assert texts(ledger) == echoed(2)


def test_lines_that_answer_nothing_are_passed_over_and_counted(start, batch, ledger, capfd):
    def change(_, outputs, __):
        reply = {"status_code": 200, "request_id": "x", "body": echo({"model": "m", "messages": [{"content": "?"}]})[1]}
        outputs[:0] = [b"{", b"[]", b"", line_of("f" * 64, reply)]

    batch(start(end=once(change)), jobs(range(2)))
    assert texts(ledger) == echoed(2)
    assert "3 lines of its output answer no request" in capfd.readouterr().err
