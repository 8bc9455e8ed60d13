"""Tasks of a mirror, evaluated without any network: `python -m stages.evaluation_bench.offline`."""

import errno
import socket
from pathlib import Path

from stages.evaluation_bench import known
from stages.evaluation_bench.work import serve
from stages.shared.settings import Settings, TaskChoice


def run(settings: Settings, *, folder: str, mirror: str, tasks: list[dict]) -> dict:  # noqa: ARG001
    """Of each task what `one` finds; connections that were tried."""
    tried = cut_off()
    return {"tasks": [one(Path(folder), Path(mirror), TaskChoice(**task)) for task in tasks], "tried": tried}


def cut_off() -> list[str]:
    """From here on no socket connects and no name is looked up; the list gets what was tried."""
    tried: list[str] = []

    def refuse(*given, **_):
        tried.append(str(given[-1] if isinstance(given[0], socket.socket) else given[0]))
        raise OSError(errno.ENETUNREACH, "this process has no network")

    socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
    return tried


def one(folder: Path, mirror: Path, choice: TaskChoice) -> dict:
    """Why it failed or its score with the known encoder; the `numbers` of mteb's statistics, and which differ."""
    from stages.evaluation.registry import list_tasks

    (listed,) = list_tasks([choice], [])
    outcome = known.evaluate(known.model(), [listed], [], folder / "results", mirror)
    found = {"failure": None, "score": None, "numbers": None, "differ": []}
    if choice.task in outcome.failures:
        found["failure"] = str(outcome.failures[choice.task])
    else:
        found["score"] = float(outcome.results[choice.task].get_score())
        found |= statistics(mirror, choice)
    return found


def statistics(mirror: Path, choice: TaskChoice) -> dict:
    """How many numbers mteb's statistics of the task have, and which of them the mirror's data do not."""
    import mteb

    from stages.evaluation.mirror.statistics import compare, quiet
    from stages.evaluation.mirror.use import Mirror

    opened = Mirror.open(mirror)
    task = mteb.get_task(choice.task, hf_subsets=choice.subsets, eval_splits=choice.splits)
    expected = opened.lock.datasets[task.metadata.dataset["path"]].tasks[choice.task].statistics
    if expected is None:
        return {"numbers": None, "differ": []}
    with quiet():
        differ = compare(opened.attach(task), expected)
    return {"numbers": count(expected), "differ": [difference.path for difference in differ]}


def count(value) -> int:
    """Numbers (and words) in nested statistics."""
    return sum(map(count, value.values())) if isinstance(value, dict) else int(value is not None)


if __name__ == "__main__":
    serve(run)
