"""What a server's failure means: ask again, ask otherwise, take no answer as the answer, or stop with one message."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from urllib.parse import urlsplit

import openai

from stages.llm.requests import Answer
from stages.shared.errors import UserError

KINDS = ("rate_limited", "server_error", "timeout", "connection", "not_a_completion")
"""Failures that pass: the request is asked again."""

LONGEST_PAUSE = 600.0
KEPT = "answers already paid for are kept, and `dvc repro` goes on from there"

_CREDIT = re.compile(
    r"insufficient_quota|insufficient.{0,20}(credit|balance|funds)|billing|credits? (is |are )?(exhausted|used up)"
)
_CONTEXT = re.compile(
    r"context.{0,3}(length|size|window)|context_length_exceeded|too many tokens|prompt is too long", re.I
)
_FORM = re.compile(r"response_format|json.schema|json_object|grammar|guided|structured output", re.I)
_FILTER = re.compile(r"content_filter|content_policy|content management policy", re.I)


@dataclass
class Passing(Exception):
    """A failure that may pass. `after`: seconds that the server asks to wait, None where it does not say."""

    kind: str  # one of KINDS; in batch mode also what ended a batch
    detail: str
    after: float | None = None


class FormRefused(Exception):
    """The server does not understand the `response_format` that it was asked for."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where a model is served, and the key for it, which no message may show."""

    base_url: str
    model: str
    api_key: str | None
    forgets: bool = False  # it loses its batches when it ends, and nobody paid for them

    @property
    def is_here(self) -> bool:
        """Whether it runs on this machine, where no proxy leads to."""
        return urlsplit(self.base_url).hostname in ("127.0.0.1", "localhost", "::1")

    def __repr__(self) -> str:
        return f"the endpoint {self.base_url} (model {self.model})"

    def without_key(self, text: str) -> str:
        return text.replace(self.api_key, "<API key>") if self.api_key else text


def judge_status(server: Server, error: openai.APIStatusError) -> Answer:
    """`judge` of an HTTP reply."""
    return judge(server, error.status_code, error.response.text, error.response.headers)


def judge(server: Server, status: int, said: str, headers: Mapping[str, str] = MappingProxyType({})) -> Answer:
    """What an HTTP status from 400 on means; `said` is all that came with it.

    Returns the empty answer for a prompt that a content filter stopped: asking again would not help. Raises Passing,
    FormRefused, or UserError where the run must stop.
    """
    # Servers put the reason under error.message, message, detail, or send plain text: the whole reply has it for sure.
    said = server.without_key(" ".join(said.split()))[:400]
    if status in (401, 403):
        raise UserError(f"{server} refused the API key ({status})", next=f"set a valid key; {KEPT}")
    if status == 402 or _CREDIT.search(said):
        raise UserError(f"{server}: the credit is used up ({status}: {said})", next=f"add credit; {KEPT}")
    if status in (408, 409, 425, 429) or status >= 500:
        kind = "rate_limited" if status == 429 else "timeout" if status == 408 else "server_error"
        raise Passing(kind, f"{status}: {said}", retry_after(headers))
    if status == 404:
        raise UserError(
            f"{server} knows no such model or address (404: {said})", next="mend llm.endpoint in the profile"
        )
    if status == 413 or _CONTEXT.search(said):
        raise UserError(
            f"{server}: a prompt does not fit the model's context length ({status}: {said})",
            next="lower llm.max_tokens, prompts.long_words or corpus.max_body_characters, or serve the model with a "
            f"longer context; {KEPT}",
        )
    if status in (400, 422, 501) and _FORM.search(said):
        raise FormRefused(f"{server} failed: {status}: {said}")
    if status == 400 and _FILTER.search(said):
        return Answer("", "content_filter", 0, 0)
    raise UserError(f"{server} failed: {status}: {said}", next=f"mend the request's settings in llm; {KEPT}")


def judge_connection(error: openai.APIConnectionError) -> Passing:
    """A time-out, or a connection that was refused, reset or cut."""
    # The transport tells a refused or dropped connection as a time-out to connect; what it stands for lies below.
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    timed_out = isinstance(cause, TimeoutError)
    return Passing("timeout" if timed_out else "connection", str(cause) or type(cause).__name__)


def retry_after(headers) -> float | None:
    """Seconds to wait by a reply's headers: milliseconds, seconds, or a date."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name)
        if value is None:
            continue
        try:
            seconds = float(value) / unit
        except ValueError:
            try:
                seconds = parsedate_to_datetime(value).timestamp() - time.time()
            except (TypeError, ValueError):
                continue
        return min(max(seconds, 0.0), LONGEST_PAUSE) if seconds == seconds else None
    return None
