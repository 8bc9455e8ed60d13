"""A whole evaluation: each model on each task, the summaries, and what is said of tasks that failed."""

from pathlib import Path

import mteb
from tqdm import tqdm

from stages.encoder import Encoder
from stages.evaluation.anchors import look
from stages.evaluation.curve import Copies, on_curve, write_curve
from stages.evaluation.mirror.use import Mirror
from stages.evaluation.models.encoders import ENCODER, TRAINED
from stages.evaluation.models.roster import Roster
from stages.evaluation.registry import Listed, list_tasks
from stages.evaluation.run import Outcome, evaluate_model, quiet
from stages.evaluation.scores import summarise
from stages.shared.errors import UserError
from stages.shared.files import write_json
from stages.shared.records import Document
from stages.shared.settings import Settings

METRICS, POINTS = Path("reports/metrics"), Path("reports/evaluation/curve.csv")
SHOWN = 10  # reasons why tasks failed, and tasks of one reason


def evaluate(roster: Roster, copies: Copies, documents: list[Document], settings: Settings, folder: Path) -> None:
    """Run it all and write mteb's results, samples and intervals below `folder`, the scores to reports.

    Raises:
        UserError: if a task failed, once all others are done and kept: the next run does what is missing.
    """
    options = settings.profile.evaluation
    mirror = Mirror.open(options.mirror) if options.mirror else None
    outcomes: dict[str, Outcome] = {}
    partials = []
    tasks = list_tasks(options.tasks, documents)
    shortened = len(tasks) - len(on_curve(tasks, options))
    total = len(roster.names) * len(tasks) - len(copies.steps) * shortened
    with quiet(), tqdm(total=total, desc="evaluation", unit="task", disable=None) as progress:
        for name in roster.names:
            tasks = list_tasks(options.tasks, documents)
            if name in copies.steps:
                tasks = on_curve(tasks, options)
            try:
                model = roster.open(name)
            except UserError as error:
                if name == TRAINED:
                    raise
                outcomes[name] = Outcome(failures={listed.name: error for listed in tasks})
                progress.update(len(tasks))
                continue
            outcomes[name] = evaluate_model(
                model, tasks, documents, folder / model.folder, mirror=mirror, progress=progress
            )
            partials.append(model.partial)
            del model  # its memory is the next one's
    roster.team.forget()
    _refuse_failures(outcomes)
    write_json(
        folder / "tasks.json", {"mteb": mteb.__version__, "tasks": _tasks(settings, documents, outcomes, mirror)}
    )
    tasks = list_tasks(options.tasks, documents)
    types = {listed.name: listed.type for listed in tasks}
    scores = {
        name: summarise(outcome.results, types, outcome.samples, complete=outcome.results.keys() == types.keys())
        for name, outcome in outcomes.items()
        if name not in copies.steps
    }
    encoder = Encoder.load(ENCODER, device=settings.profile.runtime.device)
    write_json(folder / "anchors.json", look(encoder, documents, max_length=options.max_length))
    # Not among the metrics, of whose changes `dvc metrics diff` would have three lines for one.
    write_json(folder / "intervals.json", {name: row.pop("intervals") for name, row in scores.items()})
    write_json(METRICS / "evaluation.json", scores.pop(TRAINED))
    write_json(METRICS / "baselines.json", scores)
    write_curve(POINTS, outcomes, copies, on_curve(tasks, options))
    for partial in partials:
        partial.clear()


def _tasks(
    settings: Settings, documents: list[Document], outcomes: dict[str, Outcome], mirror: Mirror | None
) -> dict[str, dict]:
    """Of each task: its type, metric and revisions, where a mirror has its data from, what each model read of it."""
    return {
        listed.name: listed.describe()
        | ({"data": _origin(listed, mirror)} if mirror and not listed.own else {})
        | {"models": {name: done.facts[listed.name] for name, done in outcomes.items() if listed.name in done.facts}}
        for listed in list_tasks(settings.profile.evaluation.tasks, documents)
    }


def _origin(listed: Listed, mirror: Mirror) -> str:
    """folder where a part's data were put into the mirror by hand, else hub."""
    return "folder" if any(mirror.origin(part) == "folder" for part in listed.parts) else "hub"


def _refuse_failures(outcomes: dict[str, Outcome]) -> None:
    """Raise UserError if a task failed: every reason once with what it stopped, then what can be done."""
    reasons: dict[str, list[str]] = {}
    advice: dict[str, None] = {}
    for name, outcome in outcomes.items():
        for task, error in outcome.failures.items():
            reasons.setdefault(error.args[0], []).append(f"{task} of {name}")
            advice |= {error.next: None} if error.next else {}
    if reasons:
        failed = sum(map(len, reasons.values()))
        done = sum(len(outcome.results) for outcome in outcomes.values())
        lines = _few([f"{', '.join(_few(stopped))}: {reason}" for reason, stopped in reasons.items()])
        told = "\n  next: ".join(_few([*advice]))
        raise UserError(
            "\n".join([f"{failed} tasks failed, {done} are done", *lines]),
            next=f"{told}\n  then `dvc repro` does what is missing; what is done is kept",
        )


def _few(lines: list[str]) -> list[str]:
    return [*lines[:SHOWN], f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else lines
