"""What the two runs were scored on and with: other data make a task's samples others, another mteb its scores."""

from stages.evaluation.compare.pairing import Revisions
from stages.evaluation.compare.runs import Run


def other_data(first: Run, second: Run) -> dict[str, tuple[Revisions, Revisions]]:
    """By task of both runs: the revisions of its data in A and in B, where these are known and differ."""
    both = {task: (_about(first, task).get("revisions"), _about(second, task).get("revisions")) for task in _all(first)}
    return {task: pair for task, pair in both.items() if all(pair) and pair[0] != pair[1]}


def doubts(first: Run, second: Run, tasks: list[str]) -> list[str]:
    """What else may make the scores of `tasks` differ beside the models, in a sentence each."""
    runs = {"A": first, "B": second}
    if unknown := [side for side, run in runs.items() if not run.tasks]:
        return [f"the versions and revisions of {side} are unknown: it has no tasks.json." for side in unknown]
    said = []
    if first.tasks["mteb"] != second.tasks["mteb"]:
        said.append(
            f"A was scored with mteb {first.tasks['mteb']}, B with mteb {second.tasks['mteb']}, which may score "
            "otherwise: evaluate both with one version."
        )
    for side, run in runs.items():
        if unnamed := [task for task in tasks if not _about(run, task).get("revisions")]:
            said.append(f"the revisions of {', '.join(unnamed)} are unknown in {side}.")
    for side, run, other in (("A", first, second), ("B", second, first)):
        if by_hand := [task for task in tasks if _by_hand(run, task) and not _by_hand(other, task)]:
            said.append(
                f"{', '.join(by_hand)}: only in {side} the data come from a folder that was filled by hand, so they "
                "may be others under the same revision."
            )
    return said


def _all(run: Run) -> dict[str, dict]:
    return run.tasks.get("tasks", {})


def _about(run: Run, task: str) -> dict:
    return _all(run).get(task, {})


def _by_hand(run: Run, task: str) -> bool:
    return _about(run, task).get("data") == "folder"
