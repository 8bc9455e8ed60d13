"""Asks an OpenAI-compatible server for what the ledger lacks. Each answer is on disk before it counts.

Work streams: as many jobs as may be under way are in memory, however many there are.
"""

import asyncio
import json
import random
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack

import httpx2
import openai
import uvloop
from tqdm import tqdm

from stages.llm.account import Account
from stages.llm.completion import read_completion
from stages.llm.endpoint import Endpoint
from stages.llm.failures import KEPT, KINDS, FormRefused, Passing, Server, judge_connection, judge_status
from stages.llm.group_commit import GroupCommit
from stages.llm.ledger import Ledger, Row
from stages.llm.limits import Limits, Queue
from stages.llm.progress import Progress
from stages.llm.requests import FORMS, NO_ANSWER, Answer, ChatBody, Job, Jobs, LlmRequest, chat_bodies, chat_body
from stages.shared.errors import UserError
from stages.shared.settings import Llm

CHARACTERS_PER_TOKEN = 4
"""Of English prose, roughly; a guess for the pace of tokens, corrected by what a server counts."""

BEARABLE = 0.01
"""Share of the requests that may stay without an answer; one that a server cannot answer must not stop the rest."""

LOOK_AGAIN = 0.05
"""Seconds after which a worker that the budget holds back looks whether there is room now."""

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0
SPARE = 4
"""One worker more for as many."""

APART = 0.004
"""Seconds between the starts of two workers: those that start together would come back together, again and again."""

FRUITLESS = 3
"""A run without any answer stops when the workers have failed so often, on average."""


def fill(jobs: Jobs, endpoint: Endpoint, llm: Llm, ledger: Ledger, account: Account) -> None:
    """Ask until the ledger holds, for each job, an accepted answer or all the tries it has.

    A request that fails in passing is asked `llm.max_retries` times more; if it stays without an answer the others go
    on. Raises UserError at the end if any did, and at once if the budget is used up or the servers refuse to work.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_Run(jobs, endpoint, llm, ledger, account).run())


class _Run:
    def __init__(self, jobs: Jobs, endpoint: Endpoint, llm: Llm, ledger: Ledger, account: Account):
        self._jobs, self._endpoint, self._llm, self._ledger, self._account = jobs, endpoint, llm, ledger, account
        # Some wait for the disk, or between two tries: others take their places, which the queue gives out.
        self._workers = min(llm.concurrency + llm.concurrency // SPARE, len(jobs))
        self._form = llm.response_format
        self._unanswered, self._given_up_in_a_row = 0, 0
        self._lost: list[Row] = []
        self._out_of_budget = self._stopping = False

    async def run(self) -> None:
        servers, weights = self._endpoint.servers, [server.weight for server in self._endpoint.servers]
        limits = [
            Limits(self._llm.concurrency, server.requests_per_minute, server.tokens_per_minute) for server in servers
        ]
        self._queue = Queue(limits, weights, self._llm.concurrency)
        jobs = iter(self._jobs)
        async with AsyncExitStack() as stack:
            self._clients = [await stack.enter_async_context(self._client(server.server)) for server in servers]
            self._commit = GroupCommit(self._ledger)
            stack.push_async_callback(self._commit.close)
            self._progress = stack.enter_context(Progress(len(self._jobs), self._account))
            stack.callback(self._catch_interrupt())
            try:
                async with asyncio.TaskGroup() as workers:
                    for number in range(self._workers):
                        workers.create_task(self._work(jobs, number * APART))
            except BaseExceptionGroup as group:
                troubles, others = group.split(UserError)
                if others is not None:
                    raise
                raise troubles.exceptions[0] from None  # of workers that fail together the first trouble is told
        self._tell()

    def _client(self, server: Server) -> openai.AsyncOpenAI:
        most = self._llm.concurrency
        connections = httpx2.Limits(max_connections=most, max_keepalive_connections=most, keepalive_expiry=60.0)
        return openai.AsyncOpenAI(
            base_url=server.base_url,
            api_key=server.api_key,
            max_retries=0,  # retried here, where every failure is counted and slows the others down
            timeout=self._llm.timeout_seconds,
            http_client=openai.DefaultAioHttpClient(limits=connections, trust_env=not server.is_here),
        )

    async def _work(self, jobs: Iterator[Job], delay: float) -> None:
        await asyncio.sleep(delay)
        for job in jobs:  # shared by all workers: each takes the next one
            if await self._pursue(job):
                self._progress.done()
            elif self._stopping or self._out_of_budget:
                return

    async def _pursue(self, job: Job) -> bool:
        """Ask for `job` until an answer is accepted or all its tries are answered; False where that was not reached.

        A try without an answer is passed over: with some servers a request fails as often as it is asked, but not one
        with another seed.
        """
        lost: list[Row] = []
        for attempt in range(job.tries):
            request = job.request(attempt)
            if (answer := self._known(request)) is not None:
                await asyncio.sleep(0)  # a full ledger must not keep the others from their answers
            elif not await self._may_ask():
                return False
            else:
                try:
                    answer = await self._ask(request)
                except Passing as failure:
                    self._last = failure
                    body = chat_body(request, self._endpoint.model, self._llm, self._form)
                    lost.append(Row.of(body, Answer("", NO_ANSWER, 0, 0)))
                    continue
            if job.accepts(answer, attempt):
                return True
        self._unanswered += bool(lost)
        self._lost += lost
        return not lost

    def _known(self, request: LlmRequest) -> Answer | None:
        for body in chat_bodies(request, self._endpoint.model, self._llm):
            if (answer := self._ledger.get(body.key)) is not None:
                self._account.add(answer, paid=False)
                return answer
        return None

    async def _may_ask(self) -> bool:
        while not self._account.allows_another():
            if not self._account.under_way:
                self._out_of_budget = True
            if self._out_of_budget or self._stopping:
                return False
            await asyncio.sleep(LOOK_AGAIN)  # those under way may cost less than they could
        return not self._stopping

    async def _ask(self, request: LlmRequest) -> Answer:
        """The answer, on disk. Raises the last failure when every try failed in passing."""
        self._account.under_way += 1
        try:
            tries = 1
            while True:
                try:
                    body, answer = await self._try(request)
                    break
                except Passing as failure:
                    self._count(failure, last=tries > self._llm.max_retries)
                    if tries > self._llm.max_retries:
                        raise
                # Full jitter: requests that failed together do not come back together.
                await asyncio.sleep(random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (tries - 1))))
                tries += 1
            await self._commit.put(Row.of(body, answer))
        finally:
            self._account.under_way -= 1
        self._account.add(answer, paid=True)
        self._given_up_in_a_row = 0
        return answer

    async def _try(self, request: LlmRequest) -> tuple[ChatBody, Answer]:
        """One answer and the body that it answers, in the first form that the servers understand."""
        guess = len(request.prompt) / CHARACTERS_PER_TOKEN + self._llm.max_tokens / 2
        while True:
            form = self._form
            body = chat_body(request, self._endpoint.model, self._llm, form)
            index, excess = await self._queue.start(guess), 0.0
            try:
                answer = await self._complete(index, body)
                excess = answer.prompt_tokens + answer.completion_tokens - guess
                self._queue.worked(index)
                return body, answer
            except FormRefused as refusal:
                self._take_simpler_form(form, refusal)
            except Passing as failure:
                self._queue.failed(index, failure.after, limited=failure.kind == "rate_limited")
                raise
            except UserError:
                self._queue.close()  # before the place is given to another
                raise
            finally:
                self._queue.end(index, excess)

    async def _complete(self, index: int, body: ChatBody) -> Answer:
        server = self._endpoint.servers[index].server
        try:
            async with asyncio.timeout(self._llm.timeout_seconds):  # the client's own only bounds silence
                # `create` would spend more time on parsing than the whole rest of the request takes.
                response = await self._clients[index].post(
                    "/chat/completions", cast_to=httpx2.Response, content=body.json.encode()
                )
        except TimeoutError as error:
            raise Passing("timeout", f"no answer in {self._llm.timeout_seconds:g} s") from error
        except openai.APIStatusError as error:
            return judge_status(server, error)
        except openai.APIConnectionError as error:
            raise judge_connection(error) from error
        try:
            return read_completion(json.loads(response.content))
        except ValueError as error:
            given = server.without_key(response.text)[:200]  # in this order: half a key is a secret too
            raise Passing("not_a_completion", f"the reply is not a chat completion but {given!r}") from error

    def _take_simpler_form(self, refused: str, refusal: FormRefused) -> None:
        if refused != self._form:
            return  # another worker was told before
        if refused == FORMS[-1]:
            raise UserError(
                f"{refusal}, though it was asked for no form", next=f"mend the request's settings in llm; {KEPT}"
            )
        simpler = FORMS[FORMS.index(refused) + 1]
        tqdm.write(f"LLM: the server refuses response_format {refused}; asking with {simpler}", sys.stderr)
        self._form = simpler

    def _count(self, failure: Passing, *, last: bool) -> None:
        """Count a failure; stop the run where nothing works any more."""
        self._account.failures[failure.kind] += 1
        self._given_up_in_a_row += last
        # A server that errs may do so at some requests alone; one that cannot be reached, or is another thing, at all.
        errs = failure.kind in ("server_error", "rate_limited")
        fruitless = max(FRUITLESS * self._workers, 50 if errs else 10)
        never = not self._account.paid and self._account.failures.total() >= fruitless
        if never or self._given_up_in_a_row >= max(self._workers, 20 if errs else 3):
            self._queue.close()
            raise self._down(failure)

    def _down(self, failure: Passing) -> UserError:
        servers = " and ".join(repr(server.server) for server in self._endpoint.servers)
        if failure.kind in ("timeout", "connection"):
            what, step = (
                f"cannot reach {servers}: {failure.detail}",
                "start the server or mend its base_url in llm.endpoint",
            )
        elif failure.kind == "not_a_completion":
            what = f"{servers} did not answer with a chat completion: {failure.detail}"
            step = "see whether base_url in llm.endpoint ends where the OpenAI-compatible API begins, often in /v1"
        else:
            what, step = (
                f"{servers} failed: {failure.detail}",
                "lower llm.concurrency, or wait until the server is well",
            )
        counts = ", ".join(f"{kind} {self._account.failures[kind]}" for kind in KINDS if self._account.failures[kind])
        return UserError(f"{what} (failures: {counts})", next=f"{step}; {KEPT}")

    def _tell(self) -> None:
        """Raise what kept the run from its end; else say what it met on its way."""
        account, total = self._account, len(self._jobs)
        if self._stopping:
            raise KeyboardInterrupt
        if self._out_of_budget:
            raise UserError(
                f"the budget is used up: {account.tokens:,} tokens, ${account.dollars:.2f}; "
                f"{self._progress.finished:,} of {total:,} requests are done",
                next="raise synthesis.max_cost or synthesis.max_tokens in the profile and run `dvc repro`, which goes "
                "on from there, or lower prompts.samples to what is done",
            )
        if self._unanswered:
            what = (
                f"{self._unanswered:,} of {total:,} requests stayed without an answer after "
                f"{self._llm.max_retries + 1} tries each; the last: {self._last.kind}, {self._last.detail}"
            )
            if self._unanswered > total * BEARABLE:
                raise UserError(what, next="run `dvc repro` again: it asks only these")
            self._ledger.put(self._lost)  # so that a replay comes to the same end
            tqdm.write(
                f"LLM: {what}; they are left out. `python -m stages.synthesis.ledger forget` asks them anew", sys.stderr
            )

    def _catch_interrupt(self):
        """On the first Ctrl-C or SIGTERM take what is under way and stop; on the second stop at once."""
        loop, main = asyncio.get_running_loop(), asyncio.current_task()

        def stop() -> None:
            if self._stopping:
                main.cancel()
                return
            self._stopping = True
            count = self._account.under_way
            tqdm.write(f"LLM: stopping when {count} answers under way are here; once more to drop them", sys.stderr)

        if threading.current_thread() is not threading.main_thread():
            return lambda: None
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop)
        return lambda: [loop.remove_signal_handler(number) for number in (signal.SIGINT, signal.SIGTERM)]
