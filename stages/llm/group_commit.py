"""Puts answers that arrive together into the ledger with one commit, so that many can be durable each second."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from stages.llm.ledger import Ledger, Row


class GroupCommit:
    """`await put(row)` returns when the row is on disk. While a commit is under way, later rows gather for the next."""

    def __init__(self, ledger: Ledger):
        self._ledger = ledger
        self._waiting: list[tuple[Row, asyncio.Future]] = []
        self._flushing: asyncio.Task | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger")

    async def put(self, row: Row) -> None:
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((row, done))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())
        await done

    async def close(self) -> None:
        """Wait until everything is on disk."""
        if self._flushing is not None:
            await self._flushing
        self._thread.shutdown()

    async def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            taken: list[tuple[Row, asyncio.Future]] = []
            failure: Exception | None = None
            try:
                await loop.run_in_executor(self._thread, self._ledger.begin)  # waits for other processes
                taken, self._waiting = self._waiting, []
                self._ledger.insert(row for row, _ in taken)
                await loop.run_in_executor(self._thread, self._ledger.commit)  # waits for the disk
            except Exception as error:
                failure = error
                taken, self._waiting = taken + self._waiting, []  # whoever waits must be told
            for _, done in taken:
                if done.done():
                    continue  # its worker has been stopped
                if failure is None:
                    done.set_result(None)
                else:
                    done.set_exception(failure)
