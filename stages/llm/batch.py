"""Fills the ledger through a server's Batch API: half the price, and answers within a day.

Each request is the body that online mode sends, so its answer has the same key and the results are the same.
"""

import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import islice

import openai.types
from tqdm import tqdm

from stages.llm.account import Account
from stages.llm.batch_files import CHUNK, Outputs, form_refused, read_bodies, read_line, take, wanted, write_files
from stages.llm.batch_folder import Batch, BatchFolder
from stages.llm.batch_server import FIRST_PAUSE, LONGEST_PAUSE, BatchServer, Unknown
from stages.llm.client import BEARABLE
from stages.llm.endpoint import Endpoint
from stages.llm.failures import KEPT, FormRefused, judge
from stages.llm.ledger import Ledger, Row
from stages.llm.requests import NO_ANSWER, Answer, ChatBody, Jobs
from stages.shared.errors import UserError
from stages.shared.settings import Llm

OVER = ("completed", "expired", "cancelled", "failed")
QUEUE_FULL = "token_limit_exceeded"
"""What fails a batch that came while others of the same account filled the queue: it may be submitted again later."""


def fill(jobs: Jobs, endpoint: Endpoint, llm: Llm, ledger: Ledger, account: Account) -> None:
    """Ask until the ledger holds, for each job, an accepted answer or all the tries it has.

    In rounds: submit the first unanswered request of each job, wait, take what came. Batches that an earlier run left
    are taken first. All go to the endpoint's first server. Raises UserError when the budget is used up, when
    `llm.max_retries` + 1 rounds bring nothing, or when the server refuses to work.
    """
    _Run(jobs, endpoint, llm, ledger, account).run()


class _Run:
    def __init__(self, jobs: Jobs, endpoint: Endpoint, llm: Llm, ledger: Ledger, account: Account):
        self._jobs, self._endpoint, self._llm, self._ledger, self._account = jobs, endpoint, llm, ledger, account
        self._model, self._folder = endpoint.model, BatchFolder(ledger.path)
        self._why: dict[str, str] = {}  # the last failure of each kind in this round
        self._failures: Counter[str] = Counter()
        self._out_of_budget = False

    def run(self) -> None:
        if not sum(1 for _ in self._wanted(lambda answer: self._account.add(answer, paid=False))):
            return
        server = self._endpoint.servers[0].server
        with BatchServer(server, self._llm, self._account.failures) as self._server:
            self._follow(list(self._left_by_an_earlier_run()))
            fruitless = 0
            while under_way := list(self._submit()):
                fruitless = 0 if self._follow(under_way) else fruitless + 1
                self._account.under_way = 0
                if fruitless > self._llm.max_retries:
                    self._give_up()
                    fruitless = 0
                elif fruitless:
                    time.sleep(min(LONGEST_PAUSE, FIRST_PAUSE * 2**fruitless))
        if self._out_of_budget:
            done = len(self._jobs) - sum(1 for _ in self._wanted())
            raise UserError(
                f"the budget is used up: {self._account.tokens:,} tokens, ${self._account.dollars:.2f}; "
                f"{done:,} of {len(self._jobs):,} requests are done",
                next="raise synthesis.max_cost or synthesis.max_tokens in the profile and run `dvc repro`, which goes "
                "on from there, or lower prompts.samples to what is done",
            )

    def _wanted(self, seen=lambda _: None) -> Iterator[ChatBody]:
        return wanted(self._jobs, self._model, self._llm, self._ledger, seen)

    def _within_budget(self) -> Iterator[ChatBody]:
        """What is wanted, as far as the budget reaches by the rule of online mode; what is yielded is under way."""
        account, self._out_of_budget = self._account, False
        for body in self._wanted():
            if not account.allows_another():
                self._out_of_budget = True
                return
            account.under_way += 1
            yield body

    def _submit(self) -> Iterator[Batch]:
        """Submit what is wanted, file by file."""
        for file in write_files(self._within_budget(), lambda: self._folder.part(self._model)):
            batch = self._folder.add(file, self._model, self._server.server.base_url)
            try:
                id = self._server.submit(batch, self._folder.requests(batch))
            except Unknown:
                self._folder.drop(batch)
                raise UserError(
                    f"{self._server.server} has no Batch API",
                    next="set synthesis.mode to online; or have vLLM answer a file: "
                    f"`python -m stages.synthesis.batch write FILE`, `vllm run-batch -i FILE -o OUT "
                    f"--model {self._model}`, `python -m stages.synthesis.batch take OUT`",
                ) from None
            yield self._folder.submitted(batch, id)

    def _left_by_an_earlier_run(self) -> Iterator[Batch]:
        for batch in self._folder.unfinished(self._model):
            if batch.id is not None:
                yield batch
            elif id := self._server.find(batch):
                yield self._folder.submitted(batch, id)
            else:
                self._folder.drop(batch)

    def _follow(self, batches: list[Batch]) -> int:
        """Wait for `batches` and take each when it is over; how many answers are new."""
        self._why, self._failures = {}, Counter()
        new, pause, counts = 0, FIRST_PAUSE, {}
        quiet = 0.2 if sys.stderr.isatty() else 30
        total = sum(batch.requests for batch in batches)
        with tqdm(total=total, desc="batch", unit=" requests", mininterval=quiet, delay=quiet) as bar:
            while batches:
                left = []
                for batch in batches:
                    found = self._poll(batch)
                    if found is None:
                        continue
                    if done := found.request_counts:
                        counts[batch.name] = (done.completed or 0, done.failed or 0)
                    if found.status in OVER:
                        new += self._take(batch, found)
                    else:
                        left.append(batch)
                completed, failed = (sum(column) for column in zip(*counts.values(), strict=True)) if counts else (0, 0)
                bar.set_postfix_str(f"{failed:,} failed, {len(left)} batches under way", refresh=False)
                bar.update(completed + failed - bar.n)
                batches = left
                if batches:
                    time.sleep(pause)
                    pause = min(1.5 * pause, LONGEST_PAUSE)
        return new

    def _poll(self, batch: Batch) -> openai.types.Batch | None:
        """What the server says of `batch`; None when it is to be asked again."""
        try:
            return self._server.poll(batch.id)
        except Unknown:
            if self._server.server.forgets:
                self._folder.drop(batch)
                return None
            raise UserError(
                f"{self._server.server} does not know batch {batch.id}, which was submitted to {batch.base_url}",
                next="use the address and the key with which it was submitted; or, if its answers are lost, delete "
                f"{self._folder.record(batch)}: then its requests are asked and paid for again",
            ) from None

    def _take(self, batch: Batch, found: openai.types.Batch) -> int:
        """Put what a batch that is over brought into the ledger; how many answers are new."""
        server, paths, paid = self._server.server, [], partial(self._account.add, paid=True)
        requests = self._folder.requests(batch)
        if not requests.exists():
            raise UserError(
                f"{requests}, which tells what batch {batch.id} was asked, is gone",
                next=f"bring it back; or delete {self._folder.record(batch)}, download the batch's output from the "
                "provider and run `python -m stages.synthesis.batch take OUTPUT`",
            )
        try:
            for id, path in zip((found.output_file_id, found.error_file_id), self._folder.outputs(batch), strict=True):
                if id:
                    self._server.download(id, path)
                    paths.append(path)
        except Unknown:
            raise UserError(
                f"{server} has batch {batch.id} but no longer its output",
                next=f"delete {self._folder.record(batch)}: then its requests are asked and paid for again",
            ) from None
        with Outputs(paths) as outputs:
            taken = take(read_bodies(requests), outputs, lambda line: read_line(line, server), self._ledger, paid)
            strange = len(outputs) + len(outputs.malformed)
        if strange:
            tqdm.write(f"batch: {batch.id}: {strange:,} lines of its output answer no request of it", sys.stderr)
        self._folder.finished(batch, found.status)
        if found.status == "failed":
            self._judge_failed(batch, found)
        elif taken.silent:
            kind = found.status if found.status != "completed" else "missing"
            self._count(Counter({kind: taken.silent}), {kind: f"no line in the output of batch {batch.id}"})
        self._count(taken.failures, taken.details)
        if taken.refusal:
            raise taken.refusal
        return taken.new

    def _judge_failed(self, batch: Batch, found: openai.types.Batch) -> None:
        """A batch failed as a whole. Raises UserError unless it may be submitted again as it is."""
        errors = (found.errors.data if found.errors else None) or []
        said = "; ".join(dict.fromkeys(f"{error.code or ''} {error.message or ''}".strip() for error in errors[:1000]))
        said = self._server.server.without_key(said)[:600] or "it does not say why"
        if any(error.code == QUEUE_FULL for error in errors):
            self._count(Counter({"rate_limited": batch.requests}), {"rate_limited": said})
            return
        step = f"mend the request's settings in llm; {KEPT}"
        try:
            judge(self._server.server, 400, said)
        except FormRefused:
            step = form_refused(self._server.server).next
        except UserError as error:
            step = error.next
        raise UserError(f"{self._server.server} failed batch {batch.id}: {said}", next=step)

    def _count(self, failures: Counter, details: dict[str, str]) -> None:
        self._failures += failures
        self._account.failures.update(failures)
        self._why |= details

    def _give_up(self) -> None:
        """Let few requests go without an answer, and say so; raise for more."""
        missing = sum(1 for _ in self._wanted())
        counts = ", ".join(f"{kind} {count:,}" for kind, count in sorted(self._failures.items()))
        example = next(iter(self._why.values()), "no reason")
        what = (
            f"{missing:,} of {len(self._jobs):,} requests stayed without an answer in {self._llm.max_retries + 1} "
            f"batches ({counts}); for example: {example}"
        )
        if missing > len(self._jobs) * BEARABLE:
            raise UserError(what, next=f"wait until the server is well, or raise llm.max_retries; {KEPT}")
        tqdm.write(
            f"batch: {what}; they are left out. `python -m stages.synthesis.ledger forget` asks them anew", sys.stderr
        )
        lost = (Row.of(body, Answer("", NO_ANSWER, 0, 0)) for body in self._wanted())
        while rows := list(islice(lost, CHUNK)):
            self._ledger.put(rows)
