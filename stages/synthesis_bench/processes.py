"""Server and clients as processes of their own, each on a core of its own, so that time and memory are theirs alone."""

import http.client
import json
import os
import select
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from benching.processes import WrongResult

from stages.synthesis_bench.server import Options

ROOT = Path(__file__).parents[2]
KEY_VARIABLE = "BENCH_API_KEY"


def cores() -> tuple[int | None, int | None]:
    """The client's core and the server's: two different ones where there are two, None where none can be chosen."""
    if not hasattr(os, "sched_setaffinity"):
        return None, None
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[min(1, len(usable) - 1)]


def start(command: list[str], core: int | None, **environment: str) -> subprocess.Popen:
    """Start a process in the repository's folder with its three streams as pipes."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        command, cwd=ROOT, env=os.environ | environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True
    )
    if core is not None:
        os.sched_setaffinity(process.pid, {core})  # long before it has a second thread
    return process


class RunningServer:
    def __init__(self, process: subprocess.Popen):
        self._process, self._port = process, int(process.stdout.readline())
        self.base_url = f"http://127.0.0.1:{self._port}/v1"

    def counts(self) -> dict[str, int]:
        """How many requests came ("asked"), and what was done with them: "answered", "gone" or a fault."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port)
        try:
            connection.request("GET", "/counts")
            return json.load(connection.getresponse())
        finally:
            connection.close()

    def cpu_seconds(self) -> float:
        return usage(self._process.pid).cpu_seconds


@contextmanager
def serving(options: Options) -> Iterator[RunningServer]:
    """A server that runs until the block ends."""
    process = start([sys.executable, "-m", "stages.synthesis_bench.server", json.dumps(asdict(options))], cores()[1])
    try:
        yield RunningServer(process)
    finally:
        process.kill()
        process.communicate()


class Usage(NamedTuple):
    cpu_seconds: float
    resident_mib: float
    peak_mib: float


def usage(pid: int) -> Usage:
    """Of a process that runs, all its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    seconds = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return Usage(seconds, *(int(status[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM")))


class Done(NamedTuple):
    """What a client said of its run, and what it used up to then."""

    said: dict
    usage: Usage
    output: str  # both streams


class Client:
    """A client process, which prints one line of JSON when it is done, and ends when its standard input does."""

    def __init__(self, command: list[str], key: str = "sk-bench", **environment: str):
        self.process = start(command, cores()[0], **{KEY_VARIABLE: key}, **environment)
        self._errors: list[str] = []
        self._reader = threading.Thread(target=lambda: self._errors.extend(self.process.stderr), daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self.process.pid

    def is_done(self, seconds: float) -> bool:
        """Whether it prints something within `seconds`; returns at once when it does."""
        return bool(select.select([self.process.stdout], [], [], seconds)[0])

    def wait(self) -> Done:
        """Raises WrongResult when it ends without its line."""
        printed = []
        for line in self.process.stdout:
            printed.append(line)
            if line.startswith("{"):
                break
        else:
            self.kill()
            raise WrongResult(f"{' '.join(self.process.args)}: {''.join(printed + self._errors)[-2000:]}")
        used = usage(self.pid)  # with its peak: after this line it does nothing
        self.process.stdin.close()
        self.process.wait()
        self._reader.join()
        self.process.stdout.close()
        self.process.stderr.close()
        return Done(json.loads(line), used, "".join(printed + self._errors))

    def kill(self) -> str:
        """SIGKILL, after which nothing in it can run any more; what it had printed to both streams."""
        self.process.kill()
        self.process.wait()
        self._reader.join()
        printed = self.process.stdout.read()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()
        return printed + "".join(self._errors)
