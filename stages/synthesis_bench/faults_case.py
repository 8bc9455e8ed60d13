"""A server that fails in 30% of the calls, in all the ways that servers do: what arrives, and what is counted."""

from collections import Counter
from pathlib import Path

from benching.processes import WrongResult
from benching.table import Result

from stages.shared.records import ChatRequest, Sample, iter_records
from stages.synthesis_bench.faults import FAULTS, unanswerable
from stages.synthesis_bench.our_client import Work, command
from stages.synthesis_bench.processes import Client, serving
from stages.synthesis_bench.results import Options, Recorder, scratch
from stages.synthesis_bench.server import Options as ServerOptions
from stages.synthesis_bench.workload import write_requests

REQUESTS, QUICK_REQUESTS, CONCURRENCY = 4_000, 150, 64
FAULT_SHARE, UNANSWERABLE_SHARE = 0.3, 0.01
# So many that a request is not given up by chance: nearly a quarter of the calls fail without an answer, and of the
# answers a tenth is refused.
RETRIES, REASKS = 10, 10
TIMEOUT = 4.0  # seconds that a hanging call keeps a place; so long that no good call is ever given up


def run(options: Options) -> Result:
    requests = QUICK_REQUESTS if options.quick else REQUESTS
    options.step(f"faults: {requests:,} requests")
    faulty = ServerOptions(fault_share=FAULT_SHARE, unanswerable_share=UNANSWERABLE_SHARE)
    with scratch() as name, serving(faulty) as server:
        work = Work(
            f"{name}/requests.parquet",
            f"{name}/ledger.sqlite",
            server.base_url,
            concurrency=CONCURRENCY,
            max_retries=RETRIES,
            timeout_seconds=TIMEOUT,
            reasks=REASKS,
            samples=f"{name}/samples.parquet",
        )
        write_requests(Path(work.requests), requests)
        done, counts = Client(command(work)).wait(), server.counts()
        prompts = {request.id: request.prompt for request in iter_records(work.requests, ChatRequest)}
        arrived = Counter(sample.request_id for sample in iter_records(work.samples, Sample))
    answerable = {id for id, prompt in prompts.items() if not unanswerable(prompt, UNANSWERABLE_SHARE)}
    if spoiled := arrived.keys() - answerable:
        raise WrongResult(f"faults: {len(spoiled)} samples of requests to which no good answer was ever sent")
    return _result(options, len(prompts), len(answerable), arrived, counts, done.said)


def by_kind(counts: dict[str, int]) -> Counter:
    """What the client should have counted, by its own names, where the server counted so."""
    expected = Counter()
    for fault, kind in FAULTS.items():
        expected[kind] += counts.get(fault, 0)
    return expected


def miscounted(counts: dict[str, int], said: dict) -> int:
    """Failures that the client counted and the server did not make, or the other way round."""
    expected, found = by_kind(counts), Counter(said["account"]["failures"]) + Counter(said["rejected"])
    return (expected - found).total() + (found - expected).total()


def _result(options: Options, requests: int, answerable: int, arrived: Counter, counts: dict, said: dict) -> Result:
    share, wrong = len(arrived) / answerable, miscounted(counts, said)
    found = Counter(said["account"]["failures"]) + Counter(said["rejected"])
    made = sum(counts.get(fault, 0) for fault in FAULTS)
    recorder = Recorder(options, "faults", f"{requests} requests, {CONCURRENCY} at once, {FAULT_SHARE:.0%} faults")
    recorder.add("ours", "share of answerable requests that arrived", share)
    recorder.add("ours", "failures miscounted", wrong)
    recorder.add("ours", "seconds", said["seconds"])
    table = [("the client's name", "the server did", "the client counted", "as")]
    for kind, expected in by_kind(counts).items():
        faults = " + ".join(f"{fault} {counts.get(fault, 0)}" for fault, name in FAULTS.items() if name == kind)
        table.append((kind, f"{expected:,}", f"{found[kind]:,}", faults))
        recorder.add("ours", f"{kind}: the server did", expected)
        recorder.add("ours", f"{kind}: the client counted", found[kind])
    return Result(
        title=f"faults: {requests:,} requests, {CONCURRENCY} at once; {made:,} of {counts['asked']:,} calls failed",
        notes=[
            f"{len(arrived):,} samples of {answerable:,} answerable requests; {requests - answerable} have no answer",
            f"the run ended after {said['seconds']:.0f} s{': ' + said['error'] if said['error'] else ''}",
        ],
        table=table,
        rows=recorder.rows,
        figures={} if options.quick else {"faults-answerable-arrived": share, "faults-miscounted": wrong},
    )
