"""Runs mteb on one model's tasks and keeps mteb's own result files."""

import contextlib
import logging
import math
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import datasets
import mteb
from mteb.abstasks import AbsTask
from mteb.results import TaskResult
from sklearn.exceptions import ConvergenceWarning, UndefinedMetricWarning
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from stages.evaluation.mirror.use import Mirror
from stages.evaluation.models.encoders import TRAINED
from stages.evaluation.models.meta import as_json
from stages.evaluation.models.roster import Model
from stages.evaluation.models.text_model import TextModel
from stages.evaluation.registry import Listed
from stages.evaluation.samples import check, keep_predictions, samples_of
from stages.evaluation.tasks import OWN_TASKS
from stages.shared.errors import UserError
from stages.shared.files import write_json
from stages.shared.records import Document, SampleScore, write_records

# Texts that mteb hands over at a time: our models cut them into chunks of their own, others take them all at once.
ROWS, OTHERS_ROWS = 1024, 32


@dataclass
class Outcome:
    """What came of one model, by task."""

    results: dict[str, TaskResult] = field(default_factory=dict)
    facts: dict[str, dict] = field(default_factory=dict)  # texts read, texts cut, samples scored
    failures: dict[str, UserError] = field(default_factory=dict)  # why there is no result
    samples: list[SampleScore] = field(default_factory=list)


def evaluate_model(
    model: Model,
    tasks: list[Listed],
    documents: list[Document],
    folder: Path,
    *,
    mirror: Mirror | None,
    progress: tqdm,
) -> Outcome:
    """The tasks that `model` can do, each result also in `folder`/<task>.json, the samples in samples.parquet.

    A task that fails is told in the outcome and costs no other; what is finished is kept for a run after this one. The
    files hold no time, date or duration, so that equal scores are equal bytes.
    """
    write_json(folder / "model_meta.json", as_json(model.model.mteb_model_meta))
    outcome = Outcome()
    for listed in tasks:
        progress.set_postfix_str(f"{model.name} {listed.name}")
        if all(model.can(part) for part in listed.parts):
            try:
                results, samples, facts = _finished(model, listed, documents, mirror)
            except Exception as error:
                outcome.failures[listed.name] = _told(error, model, listed)
            else:
                results[-1].to_disk(folder / f"{listed.name}.json")
                outcome.results[listed.name], outcome.facts[listed.name] = results[-1], facts
                outcome.samples += samples
                if not math.isfinite(results[-1].get_score()):
                    progress.write(f"{model.name} has no score in {listed.name}: its embeddings are all alike")
        progress.update()
    write_records(folder / "samples.parquet", SampleScore, outcome.samples)
    return outcome


def _finished(
    model: Model, listed: Listed, documents: list[Document], mirror: Mirror | None
) -> tuple[list[TaskResult], list[SampleScore], dict]:
    """mteb's results of the parts and, last, of the whole; the samples; facts. Taken from a stopped run, or made."""
    identity = listed.describe() | ({"mirror": _files(listed, mirror)} if mirror and not listed.own else {})
    if kept := model.partial.load(listed.name, identity):
        return kept
    if model.shards:
        model.shards.begin()
    text_model = model.model if isinstance(model.model, TextModel) else None
    if text_model:
        text_model.start_counting()
        if listed.own:
            text_model.remember([text for document in documents for text in (document.summary, document.body)])
    results, samples = [], []
    for part in listed.parts:
        result, rows = _evaluate(model, part, listed, mirror)
        results.append(result)
        samples += rows
    if listed.whole:
        results.append(_timeless(listed.whole.combine_task_results(results)))
    facts = {"samples": len(samples), **(text_model.counts() if text_model else {})}
    model.partial.save(listed.name, identity, results, samples, facts)
    if model.shards:
        model.shards.forget()
    return results, samples, facts


def _evaluate(
    model: Model, task: AbsTask, listed: Listed, mirror: Mirror | None
) -> tuple[TaskResult, list[SampleScore]]:
    """One mteb task: its result and what it got for each sample."""
    _load(task, mirror)
    # k-means and logistic regression make products so small that more threads only wait for each other: 4 to 15 times
    # as long beside other work. Encoders multiply with torch's own library, which this leaves alone.
    one_thread = threadpool_limits(1, user_api="blas")
    rows = ROWS if isinstance(model.model, TextModel) else OTHERS_ROWS
    predictions = keep_predictions(task)
    with one_thread:
        outcome = mteb.evaluate(
            model.model,
            task,
            cache=None,
            co2_tracker=False,
            show_progress_bar=False,
            prediction_folder="kept, not written",
            encode_kwargs={"batch_size": rows, "show_progress_bar": False},
        )
        result = _timeless(outcome.task_results[0])
        part = task.metadata.name if listed.whole else None
        samples = samples_of(task, listed.name, predictions, result, part=part)
    check(samples, result)
    task.unload_data()
    if model.name == TRAINED and not math.isfinite(result.get_score()):
        raise UserError(
            f"the main score of {task.metadata.name}, {task.metadata.main_score}, is no number",
            next="its embeddings are all alike for one of the splits: see reports/metrics/training.json for the loss",
        )
    return result, samples


def _files(listed: Listed, mirror: Mirror) -> dict[str, dict[str, str]]:
    """Hashes of what the mirror has for a task, by data set: with other files it is another task."""
    names = sorted({part.metadata.dataset["path"] for part in listed.parts} & mirror.lock.datasets.keys())
    return {name: {path: file.sha256 for path, file in mirror.lock.datasets[name].files.items()} for name in names}


def _load(task: AbsTask, mirror: Mirror | None) -> None:
    """The task's data, from the mirror where there is one. Raises UserError if they cannot be had."""
    if mirror:
        mirror.attach(task)
    try:
        task.load_data()
    except UserError:
        raise
    except Exception as error:  # datasets and huggingface_hub raise dozens of kinds
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        advice = (
            "they come from the Hugging Face Hub: check the network, and that runtime.offline is false; for a machine "
            "without a network `python -m stages.evaluation.mirror pull FOLDER` on one that has it, then "
            f"evaluation.mirror: FOLDER; the tasks of profile tiny ({', '.join(OWN_TASKS)}) need neither"
        )
        if mirror:
            advice = (
                f"`python -m stages.evaluation.mirror verify {mirror.folder}` says what that folder lacks; choose the "
                "subsets that it has, or pull the task again"
            )
        raise UserError(f"cannot load the data of the task {task.metadata.name}: {reason}", next=advice) from error


def _timeless(result: TaskResult) -> TaskResult:
    timeless = {"evaluation_time": None, "kg_co2_emissions": None, "date": None, "evaluation_phases": None}
    return result.model_copy(update=timeless)


def _told(error: Exception, model: Model, listed: Listed) -> UserError:
    """What is said of a failure; the traceback of one that nobody foresaw goes to a file."""
    if isinstance(error, UserError):
        return error
    path = model.partial.folder / f"{listed.name}.traceback.txt"
    advice = f"see {path}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except OSError as unwritten:
        advice = f"its traceback could not be written ({unwritten}): point MGH_PARTIAL at a folder with free space"
    return UserError(f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}", next=advice)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Only our progress bar: no log or bars of mteb, no word of what a benchmark has settled or a label nobody got."""
    logging.getLogger("mteb").setLevel(logging.ERROR)
    datasets.disable_progress_bars()
    with warnings.catch_warnings():
        for category in (ConvergenceWarning, UndefinedMetricWarning):
            warnings.simplefilter("ignore", category)
        warnings.filterwarnings("ignore", "The task .* is (superseded by|currently in beta)")
        yield
