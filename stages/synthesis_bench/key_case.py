"""The API key: looked for in every file, stream and command line of runs that fail in every way, at servers that
repeat the key in their error messages."""

import secrets
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from benching.processes import WrongResult
from benching.table import Result

from stages.synthesis_bench.faults import FAULTS, REFUSALS
from stages.synthesis_bench.our_client import Work, command
from stages.synthesis_bench.processes import Client, serving
from stages.synthesis_bench.results import Options, Recorder, scratch
from stages.synthesis_bench.server import Options as ServerOptions
from stages.synthesis_bench.workload import write_requests

REQUESTS = 20
KILLED = "killed at work"
SCENARIOS = {  # name: options of the server, mode
    "some faults": (ServerOptions(fault_share=0.3), "online"),
    KILLED: (ServerOptions(latency=0.3), "online"),
    "batch mode": (ServerOptions(), "batch"),  # there is none: its files are written, and refused with a 404
    **{name: (ServerOptions(fault_share=1.0, faults=(name,)), "online") for name in (*REFUSALS, *FAULTS)},
}
QUICK = ("some faults", KILLED, "401", "500")


class Seen(NamedTuple):
    """What one scenario left behind."""

    name: str
    calls: int
    files: int
    places: list[str]  # where the key was found


def run(options: Options) -> Result:
    seen = []
    for name in QUICK if options.quick else SCENARIOS:
        options.step(f"key: {name}")
        seen.append(_scenario(name))
    places = [f"{scenario.name}: {place}" for scenario in seen for place in scenario.places]
    recorder = Recorder(options, "key", f"{len(seen)} scenarios, {REQUESTS} requests each")
    recorder.add("ours", "places with the API key", len(places))
    return Result(
        title=f"key: {len(seen)} scenarios; the server quotes the key in its errors; the client logs all it can",
        notes=places,
        table=[
            ("scenario", "calls", "files", "places with the key"),
            *((name, f"{calls}", f"{files}", f"{len(found)}") for name, calls, files, found in seen),
        ],
        rows=recorder.rows,
        figures={} if options.quick else {"key-places": len(places)},
    )


def _scenario(name: str) -> Seen:
    server_options, mode = SCENARIOS[name]
    key = f"sk-bench-{secrets.token_hex(16)}"
    with scratch() as folder:
        log = f"{folder}/server.log"
        with serving(replace(server_options, log=log, quotes_key=True)) as server:
            work = Work(
                f"{folder}/requests.parquet",
                f"{folder}/ledger.sqlite",
                server.base_url,
                mode=mode,
                concurrency=4,
                max_retries=1,
                timeout_seconds=1.0,
                samples=f"{folder}/samples.parquet",
            )
            write_requests(Path(work.requests), REQUESTS)
            client = Client(command(work), key=key, OPENAI_LOG="debug")
            shown = Path(f"/proc/{client.pid}/cmdline").read_bytes()
            if name == KILLED:
                while server.counts().get("answered", 0) < REQUESTS / 2:
                    time.sleep(0.05)
                output = client.kill()
            else:
                output = client.wait().output
            calls = server.counts().get("asked", 0)
        if not calls:
            raise WrongResult(f"key, {name}: the server was not asked: {output[-2000:]}")
        Path(folder, "output").write_text(output, encoding="utf-8")
        Path(folder, "cmdline").write_bytes(shown)
        files = [path for path in Path(folder).rglob("*") if path.is_file()]
        return Seen(name, calls, len(files), list(places(files, key)))


def places(files: list[Path], key: str) -> Iterator[str]:
    """Names of the files that hold `key`."""
    for path in files:
        if key.encode() in path.read_bytes():
            yield path.name
