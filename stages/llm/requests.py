"""What is asked of the model: a request, the body that is sent for it, and the key under which its answer is kept."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from stages.shared.settings import Llm

FORMS = ("json_schema", "json_object", "text")
"""Ways to ask for JSON, the strictest first. Where a server refuses one, the next is tried; the prompt asks too."""


@dataclass(frozen=True, slots=True)
class LlmRequest:
    prompt: str
    response_format: dict
    seed: int


NO_ANSWER = "no_answer"
"""Ends the answer to a request at which the server failed as often as it was asked."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model wrote, word for word, why it ended there, and what it cost."""

    text: str
    finish_reason: str  # stop | length | content_filter | refusal | no_answer | "" where the server says nothing
    prompt_tokens: int
    completion_tokens: int
    batch: bool = False  # paid at the price of batch mode


@dataclass(frozen=True, slots=True)
class Job:
    """One thing wanted of the model: its requests are asked in turn, `tries` at most, until an answer is accepted."""

    kind: str  # task kind, for the account of tokens
    request: Callable[[int], LlmRequest]  # of attempt 0, 1, ...
    accepts: Callable[[Answer, int], bool]  # the answer to that attempt
    tries: int = 1


class Jobs(Protocol):
    """Jobs that can be gone through more than once without all being in memory."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Job]: ...


@dataclass(frozen=True, slots=True)
class ChatBody:
    """The body of a chat completion request, as sent; `key` is its SHA-256 and names the answer in the ledger."""

    json: str
    key: str
    model: str


def chat_body(request: LlmRequest, model: str, llm: Llm, form: str) -> ChatBody:
    """Everything that shapes the answer: model, messages, sampling settings, schema, seed; no address, no API key."""
    body = {
        "model": model,
        "messages": [{"role": "user", "content": request.prompt}],
        "temperature": llm.temperature,
        "max_tokens": llm.max_tokens,
        "seed": request.seed,
    }
    if form != "text":
        body["response_format"] = request.response_format if form == "json_schema" else {"type": form}
    text = canonical(body)
    return ChatBody(text, request_key(text), model)


def chat_bodies(request: LlmRequest, model: str, llm: Llm) -> Iterator[ChatBody]:
    """`request` in each form that may have been asked, the profile's first."""
    for form in FORMS[FORMS.index(llm.response_format) :]:
        yield chat_body(request, model, llm, form)


def canonical(body: dict) -> str:
    """The one JSON text of `body` whatever the order of its keys."""
    return json.dumps(body, sort_keys=True, ensure_ascii=False)


def request_key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
