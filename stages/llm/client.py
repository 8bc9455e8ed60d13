"""One async client for any OpenAI-compatible server. Every answer is in the ledger before it is used."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import openai
from tqdm import tqdm

from stages.llm.ledger import Answer, Ledger
from stages.shared.errors import UserError
from stages.shared.settings import Llm


@dataclass(frozen=True, slots=True)
class Endpoint:
    base_url: str
    model: str
    api_key: str | None = field(repr=False)  # None: only what the ledger holds can be had


@dataclass(frozen=True, slots=True)
class LlmRequest:
    prompt: str
    response_format: dict
    seed: int


def ask_all(requests: Sequence[LlmRequest], endpoint: Endpoint, llm: Llm, ledger: Ledger) -> list[Answer]:
    """The answers to `requests`, in their order; only what the ledger lacks is asked.

    At most `llm.concurrency` requests are under way. The client retries `llm.max_retries` times with growing pauses
    on a lost connection, 408, 409, 429 and 5xx. Raises UserError when the endpoint stays down or refuses,
    or when something must be asked and there is no key.
    """
    bodies = [_body(request, endpoint.model, llm) for request in requests]
    answers = [ledger.get(body) for body in bodies]
    open_ = [index for index, answer in enumerate(answers) if answer is None]
    if open_ and endpoint.api_key is None:
        name = llm.endpoint.api_key_env
        raise UserError(
            f"{len(open_)} of {len(bodies)} answers are not in the ledger, and the environment variable {name}, which "
            "holds the API key, is not set",
            next=f"export {name}=... (any text for a server without keys); profile tiny needs none",
        )
    if open_:
        asyncio.run(_ask(open_, bodies, answers, endpoint, llm, ledger))
    return answers


def _body(request: LlmRequest, model: str, llm: Llm) -> dict:
    return {
        "model": model,
        "messages": [{"role": "user", "content": request.prompt}],
        "response_format": request.response_format,
        "temperature": llm.temperature,
        "max_tokens": llm.max_tokens,
        "seed": request.seed,
    }


async def _ask(open_: list[int], bodies: list[dict], answers: list, endpoint: Endpoint, llm: Llm, ledger: Ledger):
    paid = len(bodies) - len(open_)
    # A proxy that the environment names cannot reach a server on this machine.
    proxies = urlsplit(endpoint.base_url).hostname not in ("127.0.0.1", "localhost", "::1")
    with tqdm(total=len(bodies), initial=paid, desc="LLM", unit="request", disable=None) as progress:
        async with openai.AsyncOpenAI(
            base_url=endpoint.base_url,
            api_key=endpoint.api_key,
            max_retries=llm.max_retries,
            timeout=llm.timeout_seconds,
            http_client=openai.DefaultAsyncHttpxClient(trust_env=proxies),
        ) as client:

            async def work(indices: Iterator[int]) -> None:
                for index in indices:  # shared by all workers: each takes the next one that is open
                    answer = await _complete(client, bodies[index])
                    ledger.put(bodies[index], answer)
                    answers[index] = answer
                    progress.update()

            queue = iter(open_)
            try:
                async with asyncio.TaskGroup() as workers:
                    for _ in range(min(llm.concurrency, len(open_))):
                        workers.create_task(work(queue))
            except* (UserError, openai.APIError) as group:  # workers that fail together: tell the first trouble only
                error = group.exceptions[0]
                raise (error if isinstance(error, UserError) else _explain(error, endpoint, llm)) from None


async def _complete(client: openai.AsyncOpenAI, body: dict) -> Answer:
    try:
        completion = await client.chat.completions.create(**body)
    except json.JSONDecodeError as error:
        raise _not_a_completion(client, error) from error
    if not getattr(completion, "choices", None):  # a web page, or an error object behind a status of 200
        raise _not_a_completion(client, completion)
    # SQLite and Parquet refuse half of a surrogate pair, which a server writes when it cuts an emoji.
    text = (completion.choices[0].message.content or "").encode(errors="replace").decode()
    usage = completion.usage
    return Answer(text, usage.prompt_tokens if usage else 0, usage.completion_tokens if usage else 0)


def _not_a_completion(client: openai.AsyncOpenAI, given: object) -> UserError:
    return UserError(
        f"the endpoint {client.base_url} did not answer with a chat completion but with {str(given)[:200]!r}",
        next="see whether llm.endpoint.base_url ends where the server's OpenAI-compatible API begins, often in /v1",
    )


def _explain(error: openai.APIError, endpoint: Endpoint, llm: Llm) -> UserError:
    where = f"the endpoint {endpoint.base_url} (model {endpoint.model})"
    kept = "answers already paid for are kept, and `dvc repro` goes on from there"
    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        return UserError(f"{where} refused the API key ({error.status_code})", next=f"set a valid key; {kept}")
    if isinstance(error, openai.NotFoundError):
        return UserError(f"{where} knows no such model or address (404)", next="mend llm.endpoint in the profile")
    if isinstance(error, openai.APIConnectionError):
        return UserError(
            f"cannot reach {where}: {error} ({llm.max_retries + 1} tries)",
            next=f"start the server or mend llm.endpoint.base_url; profile tiny needs none; {kept}",
        )
    status = getattr(error, "status_code", 0)
    tries = llm.max_retries + 1 if status in (408, 409, 429) or status >= 500 else 1
    return UserError(f"{where} failed: {status or 'no status'}: {error.message} ({tries} tries)", next=kept)
