"""What stops a run in batch mode, and how the next one goes on: no batch is submitted twice, no answer paid twice."""

import subprocess
import sys
from dataclasses import replace

import pytest

from stages.llm import batch_folder
from stages.llm.account import Account
from stages.llm.batch_folder import BatchFolder
from stages.llm.batch_server import BatchServer
from stages.llm.endpoint import Endpoint
from stages.llm.requests import Answer
from stages.shared.errors import UserError
from tests.conftest import REPOSITORY
from tests.llm.batch.conftest import API_KEY, echo, echoed, jobs, once, texts


def test_failed_batch_is_told_with_the_reasons_of_the_server_and_submitted_anew_by_the_next_run(start, batch, ledger):
    def fail(batch, outputs, _):
        outputs.clear()
        error = {"code": "invalid_value", "message": f"no such temperature {API_KEY}", "line": 1}
        batch.update(status="failed", errors={"object": "list", "data": [error, error]})

    server = start(end=once(fail))
    with pytest.raises(UserError, match=r"failed batch batch-2: invalid_value no such temperature <API key>\n"):
        batch(server, jobs(range(2)))
    batch(server, jobs(range(2)))
    assert texts(ledger) == echoed(2)


@pytest.mark.parametrize(
    ("status", "error", "message"),
    [
        (401, {"message": f"bad key {API_KEY}"}, "refused the API key"),
        (429, {"code": "insufficient_quota", "message": "You exceeded your quota"}, "the credit is used up"),
        (400, {"code": "context_length_exceeded", "message": "too long"}, "context length"),
        (400, {"message": "response_format is not supported"}, "set llm.response_format in the profile to a simpler"),
        (400, {"message": f"odd {API_KEY}"}, "failed: 400"),
    ],
)
def test_line_that_asking_again_would_not_mend_stops_the_run_after_the_others_are_kept(
    start, batch, ledger, status, error, message
):
    def answer(body):
        return (status, {"error": error}) if body["messages"][0]["content"] == "1" else echo(body)

    with pytest.raises(UserError) as caught:
        batch(start(answer=answer), jobs(range(3)))
    assert message in str(caught.value)
    assert API_KEY not in str(caught.value)
    assert texts(ledger) == ["answer to 0", "answer to 2"]


def test_prompt_that_a_content_filter_stopped_has_an_empty_answer(start, batch, ledger):
    server = start(answer=lambda _: (400, {"error": {"code": "content_filter", "message": "filtered"}}))
    batch(server, jobs([0]))
    assert [row.answer for row in ledger.rows()] == [Answer("", "content_filter", 0, 0, True)]


@pytest.mark.parametrize("call", ["POST /v1/files", "POST /v1/batches"])
def test_server_without_a_batch_api_is_told_with_both_ways_out(start, batch, ledger, call):
    server = start(meddle=lambda made: (404, "before") if made == call else None)
    for _ in range(2):
        with pytest.raises(UserError, match="has no Batch API") as caught:
            batch(server, jobs([0]))
    assert "synthesis.mode to online" in str(caught.value)
    assert "vllm run-batch -i FILE -o OUT --model a-model" in str(caught.value)
    assert list(BatchFolder(ledger.path)) == []


def test_budget_is_never_passed_and_what_fits_into_it_is_asked(start, batch, ledger):
    account = Account(None, max_tokens=24, first=Answer("", "", 5, 5))  # an answer costs 5
    with pytest.raises(UserError, match=r"the budget is used up: 20 tokens, .* 4 of 9 requests are done"):
        batch(start(), jobs(range(9)), account)
    assert len(ledger) == 4


# --- failures on the way, and resuming -------------------------------------------------------------------------------

CALLS = ("POST /v1/files", "POST /v1/batches", "GET /v1/batches/*", "GET /v1/files/*/content")


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", CALLS)
def test_call_that_fails_in_passing_is_repeated_but_no_batch_is_submitted_twice(start, batch, ledger, call, when):
    failures = [503]
    server = start(meddle=lambda made: (failures.pop(), when) if made == call and failures else None)
    account = batch(server, jobs(range(2)), max_retries=1)
    assert (account.failures, account.paid) == ({"server_error": 1}, 2)
    assert server.asked == [["0", "1"]]
    assert texts(ledger) == echoed(2)


def test_server_that_cannot_be_reached_is_told(start, batch):
    server = start()
    server.stop()
    with pytest.raises(UserError, match=r"cannot reach the endpoint http://127\.0\.0\.1.*refused"):
        batch(server, jobs([0]), max_retries=1)


RUN = """
import os, sys
from pathlib import Path
from stages.llm.account import Account
from stages.llm.batch import fill
from stages.llm.endpoint import Endpoint
from stages.llm.ledger import Ledger
from stages.llm.requests import Job, LlmRequest
from stages.shared.settings import load_settings
job = lambda prompt: Job("", lambda attempt: LlmRequest(prompt, {"type": "json_schema"}, attempt), lambda *_: True)
endpoint = Endpoint.single(sys.argv[1], "a-model", os.environ["KEY"])
with Ledger(Path(sys.argv[2])) as ledger:
    fill([job("0"), job("1")], endpoint, load_settings().profile.llm, ledger, Account(None))
"""


@pytest.mark.parametrize(
    "moment", [(CALLS[0], "after"), (CALLS[1], "before"), (CALLS[1], "after"), (CALLS[2], "after"), (CALLS[3], "after")]
)
def test_run_that_is_killed_goes_on_without_a_second_submission(start, batch, ledger, monkeypatch, moment):
    server = start()
    monkeypatch.setenv("KEY", API_KEY)
    server.moment = moment
    server.victim = subprocess.Popen([sys.executable, "-c", RUN, server.base_url, str(ledger.path)], cwd=REPOSITORY)
    assert server.victim.wait(timeout=60) == -9
    assert len(ledger) == 0
    account = batch(server, jobs(range(2)))
    assert server.asked == [["0", "1"]]
    assert account.paid == 2
    assert texts(ledger) == echoed(2)


def run_until(owner, method, run):
    """Let `run` come to a method and end there."""

    def stop(*_):
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, method, stop)
        with pytest.raises(KeyboardInterrupt):
            run()


def test_answers_that_were_taken_before_their_batch_was_recorded_as_over_count_once(start, batch, ledger):
    server = start()
    run_until(BatchFolder, "finished", lambda: batch(server, jobs(range(2))))
    assert len(ledger) == 2
    account = batch(server, jobs(range(3)))
    assert (account.known, account.paid, account.tokens) == (2, 1, 15)
    assert server.asked == [["0", "1"], ["2"]]


@pytest.fixture
def interrupted(start, batch):
    """A server whose only batch is submitted, by a run that ended then."""
    server = start()
    run_until(BatchServer, "poll", lambda: batch(server, jobs(range(2))))
    return server


def test_batch_that_the_local_endpoint_has_forgotten_is_submitted_again(interrupted, start, batch, ledger):
    interrupted.stop()
    another = start()
    another.endpoint = Endpoint.single(another.base_url, another.endpoint.model, API_KEY, forgets=True)
    batch(another, jobs(range(2)))
    assert texts(ledger) == echoed(2)


def test_batch_that_another_server_does_not_know_stops_the_run(interrupted, start, batch):
    another = start()
    with pytest.raises(UserError, match=f"does not know batch batch-2, which was submitted to {interrupted.base_url}"):
        batch(another, jobs(range(2)))
    assert another.asked == []


def test_batches_of_another_model_are_left_alone(interrupted, batch, ledger):
    server = interrupted
    server.endpoint = replace(server.endpoint, model="another")
    batch(server, jobs(range(2)))
    assert [(found.model, found.state) for found in BatchFolder(ledger.path)].count(("a-model", "submitted")) == 1
    assert len(ledger) == 2


def test_requests_of_a_batch_under_way_that_are_gone_are_named(interrupted, batch, ledger):
    (path,) = BatchFolder(ledger.path).path.glob("*.jsonl")
    path.unlink()
    with pytest.raises(UserError, match=f"{path.name}, which tells what batch batch-2 was asked, is gone"):
        batch(interrupted, jobs(range(2)))


def test_record_that_is_none_is_named(interrupted, batch, ledger):
    (path,) = BatchFolder(ledger.path).path.glob("*.json")
    path.write_text("{}")
    with pytest.raises(UserError, match=f"{path.name} does not describe a batch"):
        batch(interrupted, jobs(range(2)))


def test_record_and_requests_lie_beside_the_ledger_and_only_the_record_stays(interrupted, batch, ledger):
    folder = BatchFolder(ledger.path)
    (found,) = folder
    assert (found.id, found.requests, found.state) == ("batch-2", 2, batch_folder.SUBMITTED)
    assert found.base_url == interrupted.base_url
    assert folder.requests(found).exists()
    batch(interrupted, jobs(range(2)))
    assert [path.name for path in folder.path.iterdir()] == [f"{found.name}.json"]
    assert next(iter(folder)).state == "completed"


def test_key_stands_in_no_file_and_no_message(interrupted, batch, ledger, capfd, caplog):
    def files():
        return [path.read_bytes() for path in ledger.path.parent.rglob("*") if path.is_file()]

    before = files()
    batch(interrupted, jobs(range(3)))
    assert any(b"answer to 2" in content for content in files())
    assert not any(API_KEY.encode() in content for content in before + files())
    assert API_KEY not in "".join(capfd.readouterr()) + caplog.text
    assert interrupted.keys == {API_KEY}
