"""The Batch API of the local endpoint, through OpenAI's own client."""

import time

import httpx2
import openai
import pytest

from stages.llm.local.batches import uploaded_file
from stages.llm.local.server import serve


@pytest.fixture
def client(corpus):
    with serve(corpus, 0.0) as endpoint:
        server = endpoint.servers[0].server
        with openai.OpenAI(
            base_url=server.base_url,
            api_key="any",
            max_retries=0,
            http_client=openai.DefaultHttpx2Client(trust_env=False),
        ) as client:
            yield client


def submit(client, content):
    file = client.files.create(file=("x.jsonl", content), purpose="batch")
    batch = client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"a": "b"}
    )
    assert batch.status == "validating"
    while batch.status in ("validating", "in_progress"):
        time.sleep(0.01)
        batch = client.batches.retrieve(batch.id)
    return batch


def test_lines_that_it_cannot_answer_stand_in_the_error_file(client):
    batch = submit(client, b'{"custom_id": "1", "body": {"model": "gpt"}}\n{"custom_id": "2", "body": []}\n')
    assert (batch.status, batch.output_file_id, batch.metadata) == ("completed", None, {"a": "b"})
    assert (batch.request_counts.total, batch.request_counts.completed, batch.request_counts.failed) == (2, 0, 2)
    text = client.files.content(batch.error_file_id).text
    assert [line.count('"status_code": 4') for line in text.splitlines()] == [1, 1]


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", b'{"custom_id": "1"}'])
def test_file_that_holds_no_requests_fails_the_batch(client, content):
    batch = submit(client, content)
    assert batch.status == "failed"
    assert "not a file of requests" in batch.errors.data[0].message


def test_batches_are_listed_newest_first(client):
    ids = [submit(client, b"").id for _ in range(3)]
    assert [batch.id for batch in client.batches.list()] == ids[::-1]


def test_unknown_files_and_batches_and_broken_calls_are_refused(client):
    for call in (
        lambda: client.files.content("file-7"),
        lambda: client.batches.retrieve("batch-7"),
        lambda: client.batches.create(input_file_id="x", endpoint="/v1/chat/completions", completion_window="24h"),
    ):
        with pytest.raises(openai.NotFoundError):
            call()
    for path in ("files", "batches"):
        reply = httpx2.post(f"{client.base_url}{path}", content=b"[", trust_env=False)
        assert reply.status_code == 400


@pytest.mark.parametrize("boundary", ["x", '"x"'])
def test_file_of_a_form_is_found_beside_other_fields_byte_for_byte(boundary):
    def part(name, content):
        return b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name, content)

    content = b"a\r\n\r\nb\n\xff--y"
    body = part(b"purpose", b"batch") + part(b"file", content) + b"--x--\r\n"
    assert uploaded_file(f"multipart/form-data; boundary={boundary}", body) == content
    assert uploaded_file("application/json", body) is None
    assert uploaded_file("multipart/form-data; boundary=x", part(b"purpose", b"batch") + b"--x--") is None
