"""What a run asked, paid and met, and where its budget ends."""

from collections import Counter
from dataclasses import dataclass, field

from stages.llm.requests import Answer
from stages.shared.settings import Price

MILLION = 1_000_000
NOTHING = Answer("", "", 0, 0)


def cost(price: Price | None, answer: Answer) -> float:
    """US dollars for `answer`; 0 without a price."""
    if price is None:
        return 0.0
    dollars = (answer.prompt_tokens * price.prompt + answer.completion_tokens * price.completion) / MILLION
    return dollars * (price.batch if answer.batch else 1.0)


@dataclass
class Account:
    """Sums over the answers seen so far, those from the ledger included, so that a budget holds across runs."""

    price: Price | None
    max_cost: float | None = None  # US dollars
    max_tokens: int | None = None  # prompt and completion
    first: Answer = NOTHING  # what an answer is thought to cost before any is there
    known: int = 0  # answers that the ledger had
    paid: int = 0  # answers that this run asked for
    tokens: int = 0
    dollars: float = 0.0
    under_way: int = 0
    largest: tuple[int, float] | None = None  # tokens and dollars of the dearest answer
    failures: Counter = field(default_factory=Counter)  # by kind

    def add(self, answer: Answer, *, paid: bool) -> None:
        self.known, self.paid = self.known + (not paid), self.paid + paid
        tokens, dollars = self._cost(answer)
        self.tokens, self.dollars = self.tokens + tokens, self.dollars + dollars
        most = self.largest or (0, 0.0)
        self.largest = max(most[0], tokens), max(most[1], dollars)

    def allows_another(self) -> bool:
        """False when one more answer and those under way would pass the budget if each cost what the dearest did."""
        tokens, dollars = self.largest or self._cost(self.first)
        count = self.under_way + 1
        over_cost = self.max_cost is not None and self.dollars + count * dollars > self.max_cost
        over_tokens = self.max_tokens is not None and self.tokens + count * tokens > self.max_tokens
        return not (over_cost or over_tokens)

    def _cost(self, answer: Answer) -> tuple[int, float]:
        return answer.prompt_tokens + answer.completion_tokens, cost(self.price, answer)

    def report(self) -> dict:
        """What differs from run to run, for a file that nobody tracks."""
        asked = {"from_ledger": self.known, "asked": self.paid, "tokens": self.tokens, "dollars": self.dollars}
        return asked | {"failures": dict(sorted(self.failures.items()))}
