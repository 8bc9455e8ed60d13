"""`kill -9` at random moments of a run, then on: nothing that is in the ledger is asked again, nothing comes twice.

Strictly: an answer counts as had once it is in the ledger that the dead process leaves. What the server had sent, but
the process had not committed, is lost with it, and asked again.
"""

import random
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from benching.processes import WrongResult
from benching.table import Result

from stages.llm.ledger import Ledger
from stages.llm.ledger_files import verify_rows
from stages.shared.records import ChatRequest, Sample, iter_records
from stages.synthesis_bench import server_log
from stages.synthesis_bench.our_client import Work, command
from stages.synthesis_bench.processes import Client, serving
from stages.synthesis_bench.results import Options, Recorder, scratch
from stages.synthesis_bench.server import Options as ServerOptions
from stages.synthesis_bench.workload import write_requests

KILLS, REQUESTS, CONCURRENCY, LATENCY = 20, 8_000, 64, 0.2
QUICK_KILLS, QUICK_REQUESTS = 3, 400
EARLIEST, LATEST = 0.1, 3.5  # seconds from a process's start to its end; it asks from the first second on, or so
SETTLING = 2 * LATENCY  # seconds after which the server knows that the client is dead
FAULTS = ("500", "reset", "truncated", "wrong_schema", "empty_content")
FAULT_SHARE = 0.05


class Life(NamedTuple):
    """Of one process."""

    seconds: float
    at_work: bool  # killed while there was something left to do
    had: int  # answers in the ledger at its end
    again: int  # requests that it asked though they were in the ledger, or got answered twice
    lost: int  # answers sent to it that are not in the ledger


def run(options: Options) -> Result:
    kills, requests = (QUICK_KILLS, QUICK_REQUESTS) if options.quick else (KILLS, REQUESTS)
    with scratch() as name:
        log = Path(name, "server.log")
        log.touch()
        with serving(ServerOptions(LATENCY, FAULT_SHARE, FAULTS, log=str(log))) as server:
            work = Work(f"{name}/requests.parquet", f"{name}/ledger.sqlite", server.base_url, concurrency=CONCURRENCY)
            work = replace(work, max_retries=6, reasks=6, samples=f"{name}/samples.parquet")
            write_requests(Path(work.requests), requests)
            lives = list(_lives(options, work, log, kills))
        wrong = missing_or_twice(work)
        with Ledger(Path(work.ledger)) as ledger:
            damaged = sum(1 for _ in verify_rows(ledger)) + ledger.damaged()
        asked = sum(server_log.asked(log).values())
    return _result(options, kills, requests, lives, wrong, damaged, asked)


def _lives(options: Options, work: Work, log: Path, kills: int) -> Iterator[Life]:
    """Of `kills` processes that are killed, and a last one that is not."""
    generator = random.Random()  # other moments each time: more of them are tried over the years
    before, start = ledger_keys(Path(work.ledger)), 0
    for number in range(kills + 1):
        last = number == kills
        options.step("kills: the last run, to its end" if last else f"kills: {number + 1} of {kills}")
        client, began = Client(command(work)), time.monotonic()
        if last:
            done, at_work = client.wait(), False
            if done.said["error"]:
                raise WrongResult(f"kills: the last run did not reach its end: {done.said['error']}")
        else:
            time.sleep(generator.uniform(EARLIEST, LATEST))
            at_work = '{"seconds"' not in client.kill()
        seconds = time.monotonic() - began
        time.sleep(SETTLING)
        after = ledger_keys(Path(work.ledger))
        yield Life(
            seconds, at_work, len(after), asked_again(log, start, before), len(server_log.sent(log, start) - after)
        )
        before, start = after, log.stat().st_size


def ledger_keys(path: Path) -> set[str]:
    """Of the answers in a ledger as a dead process left it; a copy is read, because reading one already mends it."""
    if not path.exists():
        return set()
    with TemporaryDirectory(prefix="synthesis-bench-") as folder:
        for suffix in ("", "-wal"):
            if Path(f"{path}{suffix}").exists():
                shutil.copy(f"{path}{suffix}", f"{folder}/ledger.sqlite{suffix}")
        with closing(sqlite3.connect(f"{folder}/ledger.sqlite")) as connection:
            if not connection.execute("select 1 from sqlite_master where name = 'answers'").fetchone():
                return set()
            return {key for (key,) in connection.execute("select key from answers")}


def asked_again(log: Path, start: int, before: set[str]) -> int:
    """Requests of `before` that were asked from the byte `start` of the log on, and others that were answered twice."""
    asked = set(server_log.asked(log, start))
    sent = Counter(key for what, key in server_log.read_log(log, start) if what in server_log.SENT)
    return len(asked & before) + sum(count > 1 for key, count in sent.items() if key not in before)


def missing_or_twice(work: Work) -> int:
    """Requests without a sample in the file of samples, and samples beyond the first of a request."""
    wanted = Counter(request.id for request in iter_records(work.requests, ChatRequest))
    found = Counter(sample.request_id for sample in iter_records(work.samples, Sample))
    return (wanted - found).total() + (found - wanted).total()


def _result(options: Options, kills: int, requests: int, lives, wrong: int, damaged: int, asked: int) -> Result:
    at_work = sum(life.at_work for life in lives)
    again, lost = (sum(getattr(life, name) for life in lives) for name in ("again", "lost"))
    workload = f"{requests} requests, {CONCURRENCY} at once, {LATENCY:g} s each, {FAULT_SHARE:.0%} faults"
    recorder = Recorder(options, "kills", f"{workload}, {at_work} kills")
    measures = {
        "asked again though in the ledger": again,
        "samples missing or twice": wrong,
        "sent but not in the ledger at a kill": lost,
        "damaged ledger rows": damaged,
        "calls in all": asked,
    }
    for measure, count in measures.items():
        recorder.add("ours", measure, count)
    judged = not options.quick and at_work == kills
    return Result(
        title=f"kills: {workload}; killed {at_work} times at work",
        notes=[f"ended after seconds: {', '.join(f'{life.seconds:.1f}' for life in lives)}"]
        + ([] if at_work == kills else [f"{kills - at_work} kills came after the end: nothing is judged"]),
        table=[("what", "count"), *((measure, f"{count:,}") for measure, count in measures.items())],
        rows=recorder.rows,
        figures={"kills-asked-again": again, "kills-samples-missing-or-twice": wrong} if judged else {},
    )
