"""mteb's descriptive statistics of a task: those it ships, those of the data at hand, and where they differ."""

import contextlib
import functools
import json
import logging
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import datasets
import mteb
from mteb.abstasks import AbsTask, AbsTaskClassification, AbsTaskSTS
from tqdm import tqdm

SUBSETS = "hf_subset_descriptive_stats"
NOTHING = "nothing"


@dataclass(frozen=True)
class Difference:
    """One number: `path` is its keys joined by dots, either side `NOTHING` where it has no such key."""

    path: str
    found: Any
    expected: Any


def shipped(task: AbsTask, splits: Iterable[str], subsets: Iterable[str]) -> dict[str, Any] | None:
    """What mteb ships for these splits and subsets (for classification the training split too); None if nothing."""
    known = task.metadata.descriptive_stats or {}
    chosen: dict[str, Any] = {}
    for split in _splits(task, splits):
        if split not in known:
            continue
        if not task.metadata.is_multilingual:
            chosen[split] = known[split]
            continue
        by_subset = known[split].get(SUBSETS, {})
        overall = known[split] if _whole(task, subsets) else {}
        chosen[split] = {**overall, SUBSETS: {name: by_subset[name] for name in subsets if name in by_subset}}
    return chosen or None


def compare(task: AbsTask, expected: dict[str, Any]) -> list[Difference]:
    """The numbers in which the data that `task` loads are not what mteb expects, in the order of `expected`."""
    found = computed(task)
    if isinstance(task, AbsTaskSTS):
        _count_pairs_as_shipped(task, found, expected)
    return differences(found, expected)


def computed(task: AbsTask) -> dict[str, Any]:
    """The statistics of the data that `task` loads, for its own splits and subsets.

    mteb's own method for this computes every language and overwrites the file in its package folder.
    """
    task.load_data()
    found: dict[str, Any] = {}
    for split in _splits(task, task.eval_splits):
        if not task.metadata.is_multilingual:
            found[split] = task._calculate_descriptive_statistics_from_split(split)
            continue
        whole = _whole(task, task.hf_subsets)
        overall = task._calculate_descriptive_statistics_from_split(split, compute_overall=True) if whole else {}
        by_subset = {
            name: task._calculate_descriptive_statistics_from_split(split, hf_subset=name) for name in task.hf_subsets
        }
        found[split] = {**overall, SUBSETS: by_subset}
    return json.loads(json.dumps(found))  # labels become strings, as in the file that mteb ships


def differences(found: dict[str, Any], expected: dict[str, Any]) -> list[Difference]:
    """Every number of `expected` that `found` does not have, and every label that only `found` has.

    Other keys that only `found` has are statistics that mteb has learned since it computed those it ships.
    """
    ours, theirs = dict(_leaves(found)), dict(_leaves(expected))
    paths = [*theirs, *(path for path in ours if path not in theirs and ".labels." in path)]
    pairs = ((path, ours.get(path, NOTHING), theirs.get(path, NOTHING)) for path in paths)
    return [Difference(*pair) for pair in pairs if pair[1] != pair[2]]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No bars, log lines or warnings of the packages while data are loaded."""
    logging.getLogger("mteb").setLevel(logging.ERROR)
    datasets.disable_progress_bars()
    hashes, bar = mteb._content_hashes, mteb._content_hashes.tqdm
    hashes.tqdm = functools.partial(tqdm, disable=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        hashes.tqdm = bar


def _count_pairs_as_shipped(task: AbsTaskSTS, found: dict[str, Any], expected: dict[str, Any]) -> None:
    """mteb's code takes a pair and its swap for one pair, most of the files that it ships for two: either is right."""
    for split in found.keys() & expected.keys():
        nested = found[split].get(SUBSETS, {})
        tables = [(found[split], expected[split], list(nested) or [None])]
        tables += [(nested[name], expected[split].get(SUBSETS, {}).get(name, {}), [name]) for name in nested]
        for ours, theirs, subsets in tables:
            if "unique_pairs" in ours and ours["unique_pairs"] != theirs.get("unique_pairs"):
                ordered = len({pair for name in subsets for pair in _pairs(task, split, name)})
                if ordered == theirs.get("unique_pairs"):
                    ours["unique_pairs"] = ordered


def _pairs(task: AbsTaskSTS, split: str, subset: str | None) -> Iterator[tuple[str, str]]:
    rows = (task.dataset[subset] if subset else task.dataset)[split]
    first, second = task.column_names
    yield from zip(rows[first], rows[second], strict=True)


def _splits(task: AbsTask, splits: Iterable[str]) -> list[str]:
    learned = [task.train_split] if isinstance(task, AbsTaskClassification) else []
    return list(dict.fromkeys([*splits, *learned]))


def _whole(task: AbsTask, subsets: Iterable[str]) -> bool:
    return set(subsets) == set(task.metadata.hf_subsets)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else key)
    elif value is not None:  # how mteb writes that a task has no such modality
        yield path, value
