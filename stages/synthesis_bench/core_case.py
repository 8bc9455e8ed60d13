"""No latency, each client on one core: how many requests a second beside what people write without this project."""

import json
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benching.processes import WrongResult
from benching.table import Result

from stages.llm.requests import chat_body
from stages.synthesis.jobs import SynthesisJobs
from stages.synthesis_bench.our_client import MODEL, Work, command, read_profile
from stages.synthesis_bench.processes import ROOT, Client, Done, RunningServer, serving
from stages.synthesis_bench.results import Options, Recorder, scratch
from stages.synthesis_bench.server import Options as ServerOptions
from stages.synthesis_bench.workload import write_requests

REQUESTS, ROUNDS, CONCURRENCY = 6_000, 5, 64
QUICK_REQUESTS, QUICK_ROUNDS = 300, 1
LOOP = "loop"
WHAT = {
    "ours": "ours, with ledger and checks",
    LOOP: "bare loop: openai, aiohttp, uvloop",
    "gather": "asyncio.gather over openai",
    "distilabel": "distilabel, OpenAILLM",
}


class Run(NamedTuple):
    rate: float  # requests per second
    peak_mib: float
    server_share: float  # of its core that the server used meanwhile


def run(options: Options) -> Result:
    requests, rounds = (QUICK_REQUESTS, QUICK_ROUNDS) if options.quick else (REQUESTS, ROUNDS)
    with scratch() as name, serving(ServerOptions()) as server:
        clients = _clients(Path(name), requests, server.base_url, options)
        runs = {client: [] for client in clients}
        for number in range(rounds):  # in turn, so that what disturbs the machine disturbs all of them alike
            for client, start in clients.items():
                options.step(f"core: {client}, round {number + 1} of {rounds}")
                runs[client].append(_measure(client, start, requests, server))
    return _result(options, requests, runs)


def _clients(folder: Path, requests: int, base_url: str, options: Options) -> dict[str, Callable[[], Client]]:
    """By name, what starts each; all send the same requests."""
    work = Work(f"{folder}/requests.parquet", f"{folder}/ledger.sqlite", base_url, concurrency=CONCURRENCY)
    write_requests(Path(work.requests), requests)
    profile, bodies = read_profile(work), folder / "bodies.jsonl"
    with bodies.open("w", encoding="utf-8") as file:
        for job in SynthesisJobs(profile, work.requests):
            print(chat_body(job.request(0), MODEL, profile.llm, "json_schema").json, file=file)
    asked = json.dumps({"bodies": str(bodies), "base_url": base_url, "concurrency": CONCURRENCY})

    def ours() -> Client:
        for path in folder.glob("ledger.sqlite*"):
            path.unlink()
        return Client(command(work))

    def peer(name: str) -> Client:
        return Client([sys.executable, "-m", "stages.synthesis_bench.peer_clients", name, asked])

    found = {"ours": ours, LOOP: lambda: peer(LOOP), "gather": lambda: peer("gather")}
    if options.distilabel:
        script = f"{ROOT}/stages/synthesis_bench/distilabel_client.py"
        found["distilabel"] = lambda: Client([str(options.distilabel), script, asked])
    return found


def _measure(name: str, start: Callable[[], Client], requests: int, server: RunningServer) -> Run:
    """Raises WrongResult unless every request gave a sample, and was asked once."""
    before, asked = server.cpu_seconds(), server.counts().get("asked", 0)
    done: Done = start().wait()
    asked = server.counts()["asked"] - asked
    if done.said["samples"] != requests or asked != requests:
        raise WrongResult(f"core, {name}: {requests} requests, {asked} asked: {done.said}")
    seconds = done.said["seconds"]
    return Run(requests / seconds, done.usage.peak_mib, (server.cpu_seconds() - before) / seconds)


def _result(options: Options, requests: int, runs: dict[str, list[Run]]) -> Result:
    recorder = Recorder(options, "core", f"{requests} requests, {CONCURRENCY} at once, no latency, one core")
    table = [("client", "requests/s", "20%", "80%", "/loop", "peak MiB", "/loop", "answers are")]
    ratios = {}
    for name, found in runs.items():
        ratios[name] = _ratio(found, runs[LOOP], "rate")
        memory = _ratio(found, runs[LOOP], "peak_mib")
        recorder.add(name, "requests/s", *(run.rate for run in found), to_loop=ratios[name])
        recorder.add(name, "peak MiB", *(run.peak_mib for run in found), to_loop=memory)
        rate, peak = (row for row in recorder.rows[-2:])
        cells = (f"{rate.value_50:.0f}", f"{rate.value_20:.0f}", f"{rate.value_80:.0f}", f"{ratios[name]:.2f}")
        kept = "on disk, checked" if name == "ours" else "in memory"
        table.append((WHAT[name], *cells, f"{peak.value_50:.0f}", f"{memory:.2f}", kept))
    busiest = max(run.server_share for found in runs.values() for run in found)
    notes = [
        f"medians of {len(runs[LOOP])} rounds in turn; /loop: median of the ratios within a round",
        f"packages are loaded before the clock starts; the server used at most {busiest:.0%} of its core",
    ]
    faster = [f"{_ratio(runs['ours'], found, 'rate'):.2f} x {name}" for name, found in runs.items() if name != "ours"]
    notes.append(f"our rate is {', '.join(faster)}")
    if not options.distilabel:
        notes.append("distilabel was not run: name an interpreter that has it with --distilabel")
    figures = {} if options.quick else {"core-to-loop": ratios["ours"]}
    title = f"core: {requests:,} requests without latency, {CONCURRENCY} at once (gather: all), one core"
    return Result(title, notes, table, recorder.rows, figures)


def _ratio(runs: list[Run], others: list[Run], field: str) -> float:
    """Median over the rounds."""
    return statistics.median(
        getattr(run, field) / getattr(other, field) for run, other in zip(runs, others, strict=True)
    )
