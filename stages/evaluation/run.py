"""Runs mteb on one model's tasks and keeps mteb's own result files."""

import contextlib
import logging
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
from stages.evaluation.models.roster import Model
from stages.evaluation.models.text_model import TextModel
from stages.evaluation.registry import Listed
from stages.evaluation.samples import check, keep_predictions, samples_of
from stages.evaluation.tasks import OWN_TASKS
from stages.shared.errors import UserError
from stages.shared.files import write_json
from stages.shared.records import Document, SampleScore, write_records

ROWS = 1024  # texts that mteb hands over at a time; the encoder cuts them into chunks of its own


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
    write_json(folder / "model_meta.json", model.model.mteb_model_meta.to_dict())
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
        progress.update()
    write_records(folder / "samples.parquet", SampleScore, outcome.samples)
    return outcome


def _finished(
    model: Model, listed: Listed, documents: list[Document], mirror: Mirror | None
) -> tuple[list[TaskResult], list[SampleScore], dict]:
    """mteb's results of the parts and, last, of the whole; the samples; facts. Taken from a stopped run, or made."""
    if kept := model.partial.load(listed.name, listed.describe()):
        return kept
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
    model.partial.save(listed.name, listed.describe(), results, samples, facts)
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
    predictions = keep_predictions(task)
    with one_thread:
        outcome = mteb.evaluate(
            model.model,
            task,
            cache=None,
            co2_tracker=False,
            show_progress_bar=False,
            prediction_folder="kept, not written",
            encode_kwargs={"batch_size": ROWS, "show_progress_bar": False},
        )
        result = _timeless(outcome.task_results[0])
        part = task.metadata.name if listed.whole else None
        rows = samples_of(task, listed.name, predictions, result, part=part)
    check(rows, result)
    task.unload_data()
    return result, rows


def _load(task: AbsTask, mirror: Mirror | None) -> None:
    """The task's data, from the mirror where there is one. Raises UserError if they cannot be had."""
    if mirror and task.metadata.name not in OWN_TASKS:
        mirror.check(task)
        mirror.attach(task)
    try:
        task.load_data()
    except UserError:
        raise
    except Exception as error:  # datasets and huggingface_hub raise dozens of kinds
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"cannot load the data of the task {task.metadata.name}: {reason}",
            next="it comes from the Hugging Face Hub: check the network, and that runtime.offline is false; for a "
            "machine without a network `python -m stages.evaluation.mirror pull FOLDER` on one that has it, then "
            f"evaluation.mirror: FOLDER; the tasks of profile tiny ({', '.join(OWN_TASKS)}) need neither",
        ) from error


def _timeless(result: TaskResult) -> TaskResult:
    timeless = {"evaluation_time": None, "kg_co2_emissions": None, "date": None, "evaluation_phases": None}
    return result.model_copy(update=timeless)


def _told(error: Exception, model: Model, listed: Listed) -> UserError:
    """What is said of a failure; the traceback of one that nobody foresaw goes to a file."""
    if isinstance(error, UserError):
        return error
    path = model.partial.folder / f"{listed.name}.traceback.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    return UserError(f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}", next=f"see {path}")


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
