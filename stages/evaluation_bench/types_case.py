"""Every type of task from a mirror without a network, and whether the data are those that mteb describes."""

from benching.table import Result

from stages.evaluation_bench import locked
from stages.evaluation_bench.results import NO_MIRROR, Options, Recorder, not_run, scratch
from stages.evaluation_bench.work import said

TYPES = ("Classification", "Clustering", "PairClassification", "Reranking", "Retrieval", "STS", "Summarization")
SHOWN = 3  # statistics that differ


def run(options: Options) -> Result:
    """One task of each type of the paper, the one with the smallest data set. Not run without a mirror."""
    if options.mirror is None:
        figures = {
            "types_offline": "types of tasks that ran",
            "statistics_compared": "and whose data were compared with mteb's statistics",
            "statistics_equal": "and were equal",
        }
        return not_run("types", NO_MIRROR, figures)
    tasks = locked.smallest(options.mirror, locked.QUICK_TYPES if options.quick else TYPES)
    options.step(f"types: {len(tasks)} tasks without a network")
    choices = [task.choice().model_dump() for task in tasks.values()]
    with scratch() as folder:
        done = said("offline", folder, folder=folder, mirror=str(options.mirror), tasks=choices)
    return result(options, {kind: task.name for kind, task in tasks.items()}, done)


def result(options: Options, names: dict[str, str], done: dict) -> Result:
    """Of a process that said what offline.run returns, for the tasks `names` by type."""
    table = [("type", "task", "main score", "statistics")]
    for (kind, name), task in zip(names.items(), done["tasks"], strict=True):
        score = "-" if task["failure"] else f"{task['score']:.4f}"
        table.append((kind, name, score, told(task)))
    if not options.quick:
        table += [(kind, "-", "-", "the mirror has no such task") for kind in TYPES if kind not in names]
    ran = [task for task in done["tasks"] if task["failure"] is None]
    verified = [task for task in ran if task["numbers"] is not None]
    equal = sum(not task["differ"] for task in verified)
    recorder = Recorder(options, "types", f"{len(names)} tasks of a mirror, hashed bag of words")
    recorder.add("types that ran without a network", len(ran))
    recorder.add("tasks whose statistics were compared", len(verified))
    recorder.add("tasks whose statistics are equal to mteb's", equal)
    notes = [
        "HF_HUB_OFFLINE=1, and a process whose sockets do not connect; "
        f"connections that were tried: {', '.join(sorted(set(done['tried']))) or 'none'}",
        f"statistics of the data equal to those that mteb ships: {equal} of {len(verified)} tasks; one that is not has "
        "other data than mteb's own, or fewer",
    ]
    figures = {"types_offline": len(ran), "statistics_compared": len(verified), "statistics_equal": equal}
    return Result(f"types: {len(names)} of the paper's {len(TYPES)}", notes, table, recorder.rows, figures)


def told(task: dict) -> str:
    """What came of a task, in a cell."""
    if task["failure"]:
        return f"failed: {task['failure'].splitlines()[0]}"
    if task["numbers"] is None:
        return "mteb ships none"
    if not task["differ"]:
        return f"equal to mteb's, all {task['numbers']}"
    more = ", ..." if len(task["differ"]) > SHOWN else ""
    return f"{len(task['differ'])} of {task['numbers']} differ: {', '.join(task['differ'][:SHOWN])}{more}"
