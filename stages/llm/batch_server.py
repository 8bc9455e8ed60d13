"""A server's Batch API: upload, submit, poll, download, with every failure judged."""

import sys
import time
from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import TypeVar

import httpx2
import openai
import openai.types
from tqdm import tqdm

from stages.llm.batch_files import URL, form_refused
from stages.llm.batch_folder import Batch
from stages.llm.failures import KEPT, FormRefused, Passing, Server, judge_connection, judge_status
from stages.shared.errors import UserError
from stages.shared.settings import Llm

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
PATIENCE = 30
"""How often a call is repeated once the server has worked: about half an hour of a batch that may take a day."""

REMEMBERED = 1000
"""How far back a submission is looked for among the server's batches, newest first."""

NONE = (404, 405, 501)
"""How servers say that they have no such API."""

Result = TypeVar("Result")


class Unknown(Exception):
    """The server knows no such address, batch or file."""


class BatchServer:
    def __init__(self, server: Server, llm: Llm, failures: Counter):
        """`failures` counts those that pass, by kind."""
        self.server, self._failures = server, failures
        self._most = llm.max_retries
        self._client = openai.OpenAI(
            base_url=server.base_url,
            api_key=server.api_key,
            max_retries=0,  # repeated here: a batch that is submitted twice is paid twice
            timeout=llm.timeout_seconds,
            # A proxy that the environment names cannot reach a server on this machine.
            http_client=openai.DefaultHttpx2Client(trust_env=not server.is_here),
        )

    def __enter__(self) -> "BatchServer":
        return self

    def __exit__(self, *_) -> None:
        self._client.close()

    def submit(self, batch: Batch, requests: Path) -> str:
        """The id of the new batch. Raises Unknown when the server has no Batch API."""
        sent = False

        def upload() -> str:
            with requests.open("rb") as file:
                return _checked(self._client.files.create(file=file, purpose="batch")).id

        def create() -> str:
            nonlocal sent
            if sent and (found := self._find(batch)):  # a call that failed here may have succeeded there
                return found
            sent = True
            created = self._client.batches.create(
                input_file_id=file_id,
                endpoint=URL,
                completion_window="24h",
                metadata={"content": batch.name, "submission": batch.submission},
            )
            return _checked(created).id

        file_id = self._call(upload)
        return self._call(create)

    def find(self, batch: Batch) -> str | None:
        """The id of a batch that was perhaps submitted before, None if it never arrived."""
        return self._call(lambda: self._find(batch))

    def _find(self, batch: Batch) -> str | None:
        try:
            for found in islice(self._client.batches.list(limit=100), REMEMBERED):
                if (found.metadata or {}).get("submission") == batch.submission:
                    return found.id
        except openai.APIStatusError as error:
            if error.status_code not in NONE:
                raise
            raise UserError(
                f"{self.server} does not list its batches, so it is not known whether it has batch {batch.name}",
                next=f"look in the provider's console for a batch with the metadata submission={batch.submission}; "
                f"without one delete {batch.name}.json beside the ledger and run `dvc repro` again",
            ) from None
        return None

    def poll(self, id: str) -> openai.types.Batch:
        """Raises Unknown."""
        return self._call(lambda: _checked(self._client.batches.retrieve(id)))

    def download(self, file_id: str, path: Path) -> None:
        """Raises Unknown."""

        def stream() -> None:
            with self._client.files.with_streaming_response.content(file_id) as response:
                response.stream_to_file(path)

        self._call(stream)

    def _call(self, action: Callable[[], Result]) -> Result:
        """The result of `action`, repeated while it fails in passing. Raises Unknown, and UserError for the rest."""
        pause = FIRST_PAUSE
        for left in range(self._most, -1, -1):
            try:
                result = action()
                self._most = max(self._most, PATIENCE)
                return result
            except openai.APIStatusError as error:
                failure = self._judge(error)
            except openai.APIConnectionError as error:
                failure = judge_connection(error)
            except Passing as error:
                failure = error
            except httpx2.TransportError as error:  # in the middle of a download
                failure = Passing("connection", str(error) or type(error).__name__)
            self._failures[failure.kind] += 1
            if left:
                tqdm.write(f"batch: {failure.kind}, {failure.detail}; trying again", sys.stderr)
                time.sleep(max(pause, failure.after or 0.0))
                pause = min(2 * pause, LONGEST_PAUSE)
        what = f"{self.server} failed"
        if failure.kind in ("timeout", "connection"):
            what = f"cannot reach {self.server}"
        raise UserError(
            f"{what}: {failure.detail}",
            next=f"start the server, or mend its base_url in llm.endpoint; {KEPT}, with the batches that are under way",
        )

    def _judge(self, error: openai.APIStatusError) -> Passing:
        if error.status_code in NONE:
            raise Unknown from None
        try:
            judge_status(self.server, error)
        except Passing as failure:
            return failure
        except FormRefused:
            raise form_refused(self.server) from None
        return Passing("server_error", f"a content filter stopped a call of the Batch API ({error.status_code})")


def _checked(reply: Result) -> Result:
    if not getattr(reply, "id", None):  # a page of HTML is a string
        raise Passing("server_error", f"the reply is none of the Batch API but {str(reply)[:200]!r}")
    return reply
