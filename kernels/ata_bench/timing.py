"""Times of several jobs taken in turn, so that what disturbs the machine disturbs all of them alike."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch

from ata_bench.jobs import Job

WARM_UP = 3  # launches on a GPU that are not counted, once captured
GRAPH_UP_TO = 20  # ms; gaps between launches are lost in a longer call, whose graph would only hold memory


class Times(NamedTuple):
    """Of one job in ms, one number a round, and how they were taken."""

    ms: list[float]
    timer: str  # clock, graph or events

    @property
    def median(self) -> float:
        return statistics.median(self.ms)

    @property
    def quantiles(self) -> tuple[float, float, float]:
        """20, 50 and 80 percent."""
        low, *_, high = statistics.quantiles(self.ms, n=5, method="inclusive")
        return low, self.median, high


def measure(jobs: Mapping[str, Job], *, device: str, sets: int, rounds: int) -> dict[str, Times]:
    """Every job once a round; on a GPU after a warm-up, and a round of a captured job is its mean over all sets."""
    return _on_gpu(jobs, sets, rounds) if device == "cuda" else _on_cpu(jobs, sets, rounds)


def _on_cpu(jobs: Mapping[str, Job], sets: int, rounds: int) -> dict[str, Times]:
    times = {name: [] for name in jobs}
    for index in range(rounds):  # no warm-up: what is timed has just been checked on the same inputs
        for name, job in jobs.items():
            state = job.prepare(index % sets)
            start = time.perf_counter()
            job.run(state)
            times[name].append(1000 * (time.perf_counter() - start))
            del state  # before the next job is given memory
    return {name: Times(found, "clock") for name, found in times.items()}


def _on_gpu(jobs: Mapping[str, Job], sets: int, rounds: int) -> dict[str, Times]:
    torch.cuda.synchronize()
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        launches = {name: _captured(job, sets, stream) or _plain(job, sets) for name, job in jobs.items()}
        events = {name: [] for name in jobs}
        for index in range(WARM_UP + rounds):  # never waits, so that the next launch is there when one ends
            for name, launch in launches.items():
                events[name].append(launch.go(index))
        stream.synchronize()
        times = {
            name: Times(
                [start.elapsed_time(end) / launches[name].calls for start, end in found[WARM_UP:]], launches[name].timer
            )
            for name, found in events.items()
        }
        del launches
    torch.cuda.empty_cache()
    return times


class _Launch(NamedTuple):
    go: Callable[[int], tuple[torch.cuda.Event, torch.cuda.Event]]
    calls: int  # in one launch
    timer: str
    kept: object = None  # whose memory a graph reads


def _captured(job: Job, sets: int, stream: torch.cuda.Stream) -> _Launch | None:
    """A CUDA graph with one call for each set; None for a job that is long, or that no graph can hold."""
    states = [job.prepare(index) for index in range(sets)]
    job.run(states[0])  # compiles, and finds its launch settings
    start, end = _events()
    start.record()
    job.run(states[0])
    end.record()
    end.synchronize()
    if start.elapsed_time(end) > GRAPH_UP_TO:
        return None
    for state in states:
        job.run(state)
    stream.synchronize()
    graph = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.graph(graph, stream=stream):
            for state in states:
                job.run(state)
    except RuntimeError:  # work that waits for the device, or memory that a graph's own pool does not find
        torch.cuda.synchronize()
        return None

    return _Launch(lambda _: _between_events(graph.replay), sets, "graph", states)


def _plain(job: Job, sets: int) -> _Launch:
    def go(index: int):
        state = job.prepare(index % sets)
        return _between_events(lambda: job.run(state))

    return _Launch(go, 1, "events")


def _between_events(run: Callable[[], object]) -> tuple[torch.cuda.Event, torch.cuda.Event]:
    start, end = _events()
    start.record()
    run()
    end.record()
    return start, end


def _events() -> tuple[torch.cuda.Event, torch.cuda.Event]:
    return torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
