"""How many requests may be under way at a server, how fast they may follow each other, and which server is next."""

import asyncio
import time
from collections import deque
from collections.abc import Callable

CUT, CUT_EVERY, RECOVERY = 0.8, 1.0, 30.0
"""After a 429 the limit is cut to this share, once in so many seconds; from 1 it recovers fully in the last so many."""

SICK, SICK_SECONDS = 16, 10.0
"""One of several servers that failed so often in a row is left alone for so long."""


class Pace:
    """Spaces out what costs `amount` so that no minute sees more than `per_minute` (None: no limit)."""

    def __init__(self, per_minute: int | None):
        self._per_second = per_minute / 60 if per_minute else None
        self._free_at = 0.0

    def wait(self, now: float) -> float:
        """Seconds until something may start."""
        return max(0.0, self._free_at - now)

    def take(self, amount: float, now: float) -> None:
        if self._per_second:
            self._free_at = max(self._free_at, now) + amount / self._per_second

    def correct(self, amount: float) -> None:
        """Take `amount` more (or less), now that it is known what something cost."""
        if self._per_second:
            self._free_at += amount / self._per_second


class Limits:
    """Of one server: requests under way (adaptive), requests and tokens per minute, and the pause it asked for."""

    def __init__(self, most: int, requests_per_minute: int | None, tokens_per_minute: int | None):
        self._most, self._limit = most, float(most)
        self._requests, self._tokens = Pace(requests_per_minute), Pace(tokens_per_minute)
        self._adapted_at = self._cut_at = self._resting_until = 0.0
        self.under_way = 0

    def limit(self, now: float) -> int:
        """Requests that may be under way: grows back steadily after a cut."""
        self._limit = min(self._most, self._limit + (now - self._adapted_at) * self._most / RECOVERY)
        self._adapted_at = now
        return max(1, int(self._limit))

    def wait(self, now: float) -> float | None:
        """Seconds until a request may start; None: when one under way has ended."""
        if self.under_way >= self.limit(now):
            return None
        return max(self._resting_until - now, self._requests.wait(now), self._tokens.wait(now), 0.0)

    def start(self, tokens: float, now: float) -> None:
        self.under_way += 1
        self._requests.take(1, now)
        self._tokens.take(tokens, now)

    def end(self, tokens_more: float) -> None:
        self.under_way -= 1
        self._tokens.correct(tokens_more)

    def rest(self, seconds: float, now: float) -> None:
        """Start nothing for so long."""
        self._resting_until = max(self._resting_until, now + seconds)

    def slow_down(self, now: float) -> None:
        """The server said 429: fewer requests at once."""
        if now - self._cut_at >= CUT_EVERY:
            self._cut_at = now
            self._limit = max(1.0, self.limit(now) * CUT)


class Queue:
    """Hands out servers to requests in the order in which they ask: the least busy by weight that has room."""

    def __init__(
        self, limits: list[Limits], weights: list[float], most: int, clock: Callable[[], float] = time.monotonic
    ):
        """`most`: requests under way at all servers together."""
        self._limits, self._weights, self._most, self._clock = limits, weights, most, clock
        self._failed = [0] * len(limits)  # in a row
        self._waiting: deque[asyncio.Future] = deque()
        self._timer: asyncio.TimerHandle | None = None

    async def start(self, tokens: float) -> int:
        """The index of the server to ask; waits until one has room. Give it back with `end`."""
        loop = asyncio.get_running_loop()
        while self._waiting or (index := self._free()) is None:
            turn = loop.create_future()
            self._waiting.append(turn)
            self._wake()
            await turn
            if (index := self._free()) is not None:
                break
        self._limits[index].start(tokens, self._clock())
        self._wake()
        return index

    def end(self, index: int, tokens_more: float = 0.0) -> None:
        self._limits[index].end(tokens_more)
        self._wake()

    def close(self) -> None:
        """Start nothing any more."""
        self._most = 0

    def worked(self, index: int) -> None:
        self._failed[index] = 0

    def failed(self, index: int, after: float | None, *, limited: bool) -> None:
        """Rest the server for the `after` seconds that it asks for, or where it keeps failing while others may work."""
        now, limits = self._clock(), self._limits[index]
        self._failed[index] += 1
        if limited:
            limits.slow_down(now)
        if after:
            limits.rest(after, now)
        elif len(self._limits) > 1 and self._failed[index] >= SICK:
            limits.rest(SICK_SECONDS, now)

    def _free(self) -> int | None:
        if self._is_full():
            return None
        now = self._clock()
        free = [index for index, limits in enumerate(self._limits) if limits.wait(now) == 0]
        return min(free, key=lambda index: self._limits[index].under_way / self._weights[index], default=None)

    def _is_full(self) -> bool:
        return sum(limits.under_way for limits in self._limits) >= self._most

    def _wake(self) -> None:
        """Let the first in the queue look again: now, or when the first pause is over."""
        while self._waiting and self._waiting[0].done():
            self._waiting.popleft()
        if not self._waiting or self._is_full():
            return  # the end of a request wakes the queue
        now = self._clock()
        pauses = [pause for limits in self._limits if (pause := limits.wait(now)) is not None]
        if not pauses:
            return
        if min(pauses) == 0:
            self._waiting.popleft().set_result(None)
        else:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_later(min(pauses), self._wake)
