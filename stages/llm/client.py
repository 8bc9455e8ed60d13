"""One async client for any OpenAI-compatible server. Every answer is in the ledger before it is used."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import openai
from tqdm import tqdm

from stages.llm.ledger import Answer, Ledger
from stages.shared.errors import UserError
from stages.shared.settings import Llm


@dataclass(frozen=True, slots=True)
class Endpoint:
    base_url: str
    model: str
    api_key: str


@dataclass(frozen=True, slots=True)
class LlmRequest:
    prompt: str
    response_format: dict
    seed: int


def ask_all(requests: Sequence[LlmRequest], endpoint: Endpoint, llm: Llm, ledger: Ledger) -> list[Answer]:
    """The answers to `requests`, in their order; only what the ledger lacks is asked.

    At most `llm.concurrency` requests are under way. The client retries `llm.max_retries` times with growing pauses
    on a lost connection, 408, 409, 429 and 5xx. Raises UserError when the endpoint stays down or refuses.
    """
    bodies = [_body(request, endpoint.model, llm) for request in requests]
    answers = [ledger.get(body) for body in bodies]
    open_ = [index for index, answer in enumerate(answers) if answer is None]
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
    with tqdm(total=len(bodies), initial=paid, desc="LLM", unit="request", disable=None) as progress:
        async with openai.AsyncOpenAI(
            base_url=endpoint.base_url,
            api_key=endpoint.api_key,
            max_retries=llm.max_retries,
            timeout=llm.timeout_seconds,
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
            except* UserError as group:  # all workers meet the same trouble: tell it once
                raise group.exceptions[0] from None
            except* openai.APIError as group:
                raise _explain(group.exceptions[0], endpoint, llm) from None


async def _complete(client: openai.AsyncOpenAI, body: dict) -> Answer:
    completion = await client.chat.completions.create(**body)
    text = completion.choices[0].message.content if completion.choices else None
    usage = completion.usage
    return Answer(text or "", usage.prompt_tokens if usage else 0, usage.completion_tokens if usage else 0)


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
    status = getattr(error, "status_code", "no status")
    return UserError(f"{where} failed: {status}: {error.message} ({llm.max_retries + 1} tries)", next=kept)
