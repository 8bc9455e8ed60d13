"""A server that takes a second for each answer: how near the client comes to the rate that its concurrency allows."""

from pathlib import Path

from benching.processes import WrongResult
from benching.table import Result

from stages.synthesis_bench.our_client import Work, command
from stages.synthesis_bench.processes import Client, serving
from stages.synthesis_bench.results import Options, Recorder, scratch
from stages.synthesis_bench.server import Options as ServerOptions
from stages.synthesis_bench.workload import write_requests

REQUESTS, CONCURRENCY, LATENCY = 20_000, 256, 1.0
QUICK_REQUESTS, QUICK_CONCURRENCY, QUICK_LATENCY = 256, 64, 0.2


def run(options: Options) -> Result:
    requests, concurrency, latency = REQUESTS, CONCURRENCY, LATENCY
    if options.quick:
        requests, concurrency, latency = QUICK_REQUESTS, QUICK_CONCURRENCY, QUICK_LATENCY
    options.step(f"latency: {requests:,} requests")
    with scratch() as name, serving(ServerOptions(latency=latency)) as server:
        folder = Path(name)
        write_requests(folder / "requests.parquet", requests)
        paths = {"requests": f"{folder}/requests.parquet", "ledger": f"{folder}/ledger.sqlite"}
        done = Client(command(Work(**paths, base_url=server.base_url, concurrency=concurrency))).wait()
        server_cpu = server.cpu_seconds()
    if done.said["samples"] != requests:
        raise WrongResult(f"latency: {done.said['samples']} samples for {requests} requests: {done.said}")
    seconds, ideal = done.said["seconds"], concurrency / latency
    rate = requests / seconds
    recorder = Recorder(options, "latency", f"{requests} requests, {concurrency} at once, {latency:g} s each")
    recorder.add("ours", "requests/s", rate)
    recorder.add("ours", "share of ideal", rate / ideal)
    recorder.add("ours", "peak MiB", done.usage.peak_mib)
    return Result(
        title=f"latency: {requests:,} requests, {concurrency} at once, {latency:g} s each; ideal {ideal:g}/s",
        notes=[f"the server used {server_cpu / seconds:.0%} of its core"],
        table=[
            ("client", "requests/s", "of ideal", "CPU s/1,000", "peak MiB"),
            (
                "ours",
                f"{rate:.1f}",
                f"{rate / ideal:.1%}",
                f"{1000 * done.usage.cpu_seconds / requests:.2f}",
                f"{done.usage.peak_mib:.0f}",
            ),
        ],
        rows=recorder.rows,
        figures={} if options.quick else {"latency-to-ideal": rate / ideal},
    )
