"""The scores of a known encoder through our path and through plain mteb: the same, digit for digit."""

import json
from pathlib import Path
from statistics import fmean

from benching.processes import require
from benching.table import Result

from stages.evaluation_bench import locked
from stages.evaluation_bench.known import write_documents
from stages.evaluation_bench.results import NO_MIRROR, Options, Recorder, scratch
from stages.evaluation_bench.work import read_settings, said

OWN = tuple(read_settings().profile.evaluation.tasks)
DOCUMENTS, QUICK_DOCUMENTS = 3_000, 400
SIDES = {"ours": "our path", "plain": "plain mteb"}


def run(options: Options) -> Result:
    """Raises WrongResult if a task fails on either side."""
    tasks = []
    if options.mirror:
        few = locked.smallest(options.mirror, locked.QUICK_TYPES).values()
        tasks = list(few) if options.quick else locked.tasks(options.mirror)
    given = {"own": OWN, "mirror": options.mirror and str(options.mirror)}
    given["tasks"] = [task.choice().model_dump() for task in tasks]
    scores = {}
    with scratch() as folder:
        given["documents"] = f"{folder}/documents.parquet"
        what = write_documents(given["documents"], QUICK_DOCUMENTS if options.quick else DOCUMENTS)
        for side, name in SIDES.items():
            options.step(f"identical: {len(OWN) + len(tasks)} tasks by {name}")
            said("scored", folder, side=side, folder=folder, **given)
            scores[side] = json.loads(Path(folder, f"{side}.json").read_text(encoding="utf-8"))
    names = [*OWN, *(task.name for task in tasks)]
    for side, name in SIDES.items():
        require(list(scores[side]) == names, f"identical: {name} scored {', '.join(scores[side])}")
    return result(options, scores["ours"], scores["plain"], what)


def result(options: Options, ours: dict[str, dict], plain: dict[str, dict], what: str) -> Result:
    """Of mteb's `scores` by task, of each side."""
    table = [("task", "main score", "numbers", "that differ")]
    for name in ours:
        mine, theirs = dict(leaves(ours[name])), dict(leaves(plain[name]))
        differ = sum(mine.get(path) != theirs.get(path) for path in mine.keys() | theirs.keys())
        table.append((name, main_score(ours[name]), str(len(mine)), str(differ)))
    same = sum(line[-1] == "0" for line in table[1:])
    workload = f"{len(ours)} tasks, hashed bag of words, {what}"
    recorder = Recorder(options, "identical", workload)
    recorder.add("share of tasks with equal scores", same / len(ours))
    notes = [
        f"{same} of {len(ours)} tasks have all numbers of mteb's `scores` equal on both sides, to the last digit",
        "both with one BLAS thread: with two, plain mteb's Pearson correlation of many pairs ends in another digit",
    ]
    if not options.mirror:
        notes.append(f"our own tasks alone: {NO_MIRROR}")
    return Result(f"identical: {workload}", notes, table, recorder.rows, {"identical_scores": same / len(ours)})


def leaves(value, path: str = ""):
    """Each number of nested scores under its path, written out, so that NaN equals NaN and no digit is lost."""
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(item, f"{path}/{key}")
    else:
        yield path, json.dumps(value)


def main_score(scores: dict[str, list[dict]]) -> str:
    """The mean over splits and subsets."""
    return f"{fmean(one['main_score'] for split in scores.values() for one in split):.4f}"
