"""One line on long work: done and to do, rate, time left, tokens, dollars so far and in the end."""

import sys
from types import TracebackType

from tqdm import tqdm

from stages.llm.account import Account

QUIET_SECONDS = 30
"""In a log file a line comes so often, and none before."""


class Progress:
    def __init__(self, total: int, account: Account, unit: str = "request"):
        self._account, self.finished, self._total = account, 0, total
        logged = not sys.stderr.isatty()
        every = QUIET_SECONDS if logged else 0.2
        self._bar = tqdm(total=total, desc="LLM", unit=f" {unit}s", mininterval=every, delay=every if logged else 0)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._describe()
        self._bar.close()

    def done(self) -> None:
        """One more is finished."""
        self.finished += 1
        if self._bar.update():
            self._describe()

    def _describe(self) -> None:
        account = self._account
        parts = [f"{_short(account.tokens)} tokens"]
        if account.price is not None and self.finished:
            parts.append(f"${account.dollars:.2f} of ~${account.dollars * self._total / self.finished:.2f}")
        if failures := sum(account.failures.values()):
            parts.append(f"{failures} failures")
        self._bar.set_postfix_str(", ".join(parts), refresh=False)


def _short(number: int) -> str:
    return tqdm.format_sizeof(number) if number >= 1000 else str(number)
