"""The language model as stages see it: fill the ledger with answers, then recall them in any order."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Literal

from tqdm import tqdm

from stages.llm.account import Account
from stages.llm.endpoint import Endpoint, open_endpoint
from stages.llm.ledger import Ledger
from stages.llm.requests import Answer, Job, Jobs, LlmRequest, chat_bodies
from stages.llm.turn import turn
from stages.shared.errors import UserError
from stages.shared.settings import AnyEndpoint, Llm

Mode = Literal["online", "batch", "replay"]


class LanguageModel:
    """Whatever the mode, `recall` gives the same answers once `fill` has returned."""

    def __init__(self, endpoint: Endpoint, llm: Llm, ledger: Ledger, mode: Mode, account: Account):
        self.endpoint, self.account = endpoint, account
        self._llm, self._ledger, self._mode = llm, ledger, mode

    def fill(self, jobs: Jobs) -> None:
        """See that the ledger has what `jobs` want. Raises UserError where that cannot be."""
        if not len(jobs):
            return
        if self._mode == "replay" or not self.endpoint.has_keys:
            self._need_nothing(jobs)
            return
        with turn(self._ledger.path, self.endpoint.model):
            if self._mode == "batch":
                from stages.llm.batch import fill
            else:
                from stages.llm.client import fill  # loads the HTTP client, which a replay has no use for

            fill(jobs, self.endpoint, self._llm, self._ledger, self.account)

    def recall(self, request: LlmRequest) -> Answer | None:
        """The ledger's answer to `request`, in whichever form it was asked; None where there is none."""
        bodies = chat_bodies(request, self.endpoint.model, self._llm)
        return next((answer for body in bodies if (answer := self._ledger.get(body.key)) is not None), None)

    def ask_all(self, requests: Sequence[LlmRequest], kind: str) -> list[Answer]:
        """The answers to `requests`, in their order, accepted as they are."""
        self.fill([Job(kind, lambda _, request=request: request, lambda *_: True) for request in requests])
        return [self.recall(request) for request in requests]

    def _need_nothing(self, jobs: Jobs) -> None:
        looked_up = tqdm(jobs, total=len(jobs), desc="ledger", unit=" requests", disable=None, leave=False)
        missing = sum(1 for job in looked_up if not self._finished(job))
        if not missing:
            return
        what = f"{missing:,} of {len(jobs):,} requests have no answer in the ledger, {self._ledger.path}"
        if self._mode == "replay":
            raise UserError(
                f"{what}, and synthesis.mode is replay",
                next="set synthesis.mode to online or batch, or bring a ledger that has them: "
                "`python -m stages.synthesis.ledger import FILE`",
            )
        names = ", ".join(self.endpoint.key_names)
        raise UserError(
            f"{what}, and the environment variable {names}, which holds the API key, is not set",
            next=f"export {names}=... (any text for a server without keys); profile tiny needs none",
        )

    def _finished(self, job: Job) -> bool:
        """Whether an answer is accepted or all tries are answered; see the client for tries that have no answer."""
        unanswered = 0
        for attempt in range(job.tries):
            answer = self.recall(job.request(attempt))
            if answer is None:
                unanswered += 1
                continue
            self.account.add(answer, paid=False)
            if job.accepts(answer, attempt):
                return True
        return not unanswered


@contextmanager
def open_model(
    llm: Llm,
    mode: Mode,
    *,
    endpoint: AnyEndpoint | None = None,
    max_cost: float | None = None,
    max_tokens: int | None = None,
) -> Iterator[LanguageModel]:
    """The model behind `endpoint`, by default the profile's, over the user's ledger.

    `max_cost` (US dollars) and `max_tokens` bound what all answers together may cost, those in the ledger included.
    """
    with ExitStack() as stack:
        ledger = stack.enter_context(Ledger())
        opened = stack.enter_context(open_endpoint(endpoint or llm.endpoint, replay=mode == "replay"))
        price = llm.prices.get(opened.model)
        if max_cost is not None and price is None:
            raise UserError(
                f"synthesis.max_cost is set, but llm.prices has no price for {opened.model}",
                next="add prompt, completion (dollars for a million tokens) and batch, or use synthesis.max_tokens",
            )
        dear = Answer("", "", llm.max_tokens, llm.max_tokens)
        yield LanguageModel(opened, llm, ledger, mode, Account(price, max_cost, max_tokens, dear))
