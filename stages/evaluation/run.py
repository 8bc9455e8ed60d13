"""Runs mteb on each model and task and keeps mteb's own result files."""

import contextlib
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import datasets
import mteb
from mteb.abstasks import AbsTask
from mteb.results import TaskResult
from sklearn.exceptions import ConvergenceWarning, UndefinedMetricWarning
from tqdm import tqdm

from stages.evaluation.models import TextModel
from stages.evaluation.registry import make_task
from stages.evaluation.tasks import OWN_TASKS
from stages.shared.errors import UserError
from stages.shared.files import write_json
from stages.shared.records import Document

ROWS = 1024  # texts that mteb hands over at a time; the encoder cuts them into chunks of its own


def evaluate_model(
    model: TextModel, tasks: list[AbsTask], documents: list[Document], folder: Path, *, progress: tqdm
) -> dict[str, TaskResult]:
    """Results by task name, each also written to `folder`/<task>.json, with the model's metadata beside them.

    The files hold no time, date or duration, so that equal scores are equal bytes. Raises UserError.
    """
    write_json(folder / "model_meta.json", model.mteb_model_meta.to_dict())
    if any(task.metadata.name in OWN_TASKS for task in tasks):
        model.remember([text for document in documents for text in (document.summary, document.body)])
    results: dict[str, TaskResult] = {}
    for task in tasks:
        name = task.metadata.name
        progress.set_postfix_str(f"{folder.name} {name}")
        result = _evaluate(model, task)
        result.to_disk(folder / f"{name}.json")
        results[name] = result
        progress.update()
    return results


def prepare(names: list[str], documents: list[Document]) -> list[AbsTask]:
    """Fresh tasks in the order of `names`; ours are built here, so that a corpus too small for one shows at once."""
    tasks = [make_task(name, documents) for name in names]
    for task in tasks:
        if task.metadata.name in OWN_TASKS:
            task.load_data()
    return tasks


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Only our progress bar: no log or bars of mteb, no word of sklearn about a label that is never predicted."""
    logging.getLogger("mteb").setLevel(logging.ERROR)
    datasets.disable_progress_bars()
    with warnings.catch_warnings():
        for category in (ConvergenceWarning, UndefinedMetricWarning):
            warnings.simplefilter("ignore", category)
        yield


def _evaluate(model: TextModel, task: AbsTask) -> TaskResult:
    name = task.metadata.name
    try:
        outcome = mteb.evaluate(
            model,
            task,
            cache=None,
            co2_tracker=False,
            show_progress_bar=False,
            encode_kwargs={"batch_size": ROWS, "show_progress_bar": False},
        )
    except OSError as error:  # what datasets and huggingface_hub raise for anything out of reach derives from it
        if task.data_loaded:
            raise
        raise _unreachable(name, str(error)) from error
    if outcome.exceptions:
        raise _unreachable(name, outcome.exceptions[0].exception)
    timeless = {"evaluation_time": None, "kg_co2_emissions": None, "date": None, "evaluation_phases": None}
    return outcome.task_results[0].model_copy(update=timeless)


def _unreachable(name: str, reason: str) -> UserError:
    return UserError(
        f"cannot load the data of the task {name}: {(reason.splitlines() or ['no reason given'])[0]}",
        next="it comes from the Hugging Face Hub: check the network, and that runtime.offline is false; the tasks of "
        f"profile tiny ({', '.join(OWN_TASKS)}) need neither",
    )
