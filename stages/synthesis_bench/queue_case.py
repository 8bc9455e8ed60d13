"""A million requests queued: how much memory the client holds, and whether that grows with what is done."""

import signal
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from benching.processes import WrongResult
from benching.table import Result

from stages.synthesis_bench.our_client import Work, command
from stages.synthesis_bench.processes import Client, RunningServer, serving, usage
from stages.synthesis_bench.results import Options, Recorder, scratch
from stages.synthesis_bench.server import Options as ServerOptions
from stages.synthesis_bench.workload import write_requests

QUEUED, CONCURRENCY = 1_000_000, 256
ANSWERED, SECONDS = 120_000, 120.0  # where the run is stopped, whatever comes first, unless it is to be whole
QUICK_QUEUED, QUICK_ANSWERED = 10_000, 2_000
EVERY, QUICK_EVERY = 1.0, 0.1  # seconds between samples
SHOWN = 8  # lines of the table


class Sample(NamedTuple):
    seconds: float
    answered: int
    resident_mib: float


def run(options: Options) -> Result:
    queued, most = (QUICK_QUEUED, QUICK_ANSWERED) if options.quick else (QUEUED, ANSWERED)
    with scratch() as name, serving(ServerOptions()) as server:
        options.step(f"queue: write {queued:,} requests")
        paths = {"requests": f"{name}/requests.parquet", "ledger": f"{name}/ledger.sqlite"}
        write_requests(Path(paths["requests"]), queued)
        options.step(f"queue: {'all of them' if options.whole else f'{most:,} of them, or {SECONDS:g} s'}")
        client = Client(command(Work(**paths, base_url=server.base_url, concurrency=CONCURRENCY, results=False)))
        every = QUICK_EVERY if options.quick else EVERY
        samples = list(_watch(client, server, None if options.whole else most, every))
        if not options.whole:
            client.process.send_signal(signal.SIGTERM)  # it takes what is under way, and stops
        done, answered = client.wait(), server.counts()["answered"]
    if done.said["error"] != ("" if options.whole else "stopped") or done.said["answers"] != answered:
        raise WrongResult(f"queue: the server answered {answered:,}; the client: {done.said}")
    return _result(options, queued, samples, done.usage.peak_mib)


def _watch(client: Client, server: RunningServer, most: int | None, every: float) -> Iterator[Sample]:
    """Samples until `most` requests are answered or the time is over; None: until the client is done."""
    started = time.monotonic()
    while not client.is_done(every):
        sample = Sample(time.monotonic() - started, server.counts().get("answered", 0), usage(client.pid).resident_mib)
        yield sample
        if most is not None and (sample.answered >= most or sample.seconds > SECONDS):
            return


def growth(samples: Sequence[Sample]) -> float:
    """MiB for each 100,000 answers over the second half of them: the slope of the line of least squares."""
    half = [sample for sample in samples if sample.answered >= samples[-1].answered / 2]
    line = statistics.linear_regression(
        [sample.answered / 100_000 for sample in half], [sample.resident_mib for sample in half]
    )
    return line.slope


def _result(options: Options, queued: int, samples: list[Sample], peak: float) -> Result:
    asking = [sample for sample in samples if sample.answered]
    slope = growth(asking)
    first, last = asking[0], asking[-1]
    rate = (last.answered - first.answered) / (last.seconds - first.seconds)
    recorder = Recorder(options, "queue", f"{queued} requests queued, {CONCURRENCY} at once, {last.answered} answered")
    recorder.add("ours", "peak MiB", peak)
    recorder.add("ours", "MiB per 100k answers, second half", slope)
    recorder.add("ours", "requests/s", rate)
    every = max(1, (len(asking) - 1) // SHOWN)
    return Result(
        title=f"queue: {queued:,} requests queued, {CONCURRENCY} at once",
        notes=[
            f"at the peak {peak:.0f} MiB; {slope:+.1f} MiB for each 100,000 answers over the second half",
            f"{rate:.0f} answers a second",
        ],
        table=[
            ("second", "answered", "resident MiB"),
            *(
                (f"{sample.seconds:.1f}", f"{sample.answered:,}", f"{sample.resident_mib:.1f}")
                for sample in [*asking[:-1:every], last]
            ),
        ],
        rows=recorder.rows,
        figures={} if options.quick else {"queue-peak-mib": peak, "queue-growth-mib-per-100k": slope},
    )
