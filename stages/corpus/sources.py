"""Where documents come from: installed packages, a Hub data set, local files. Each gives training and held-out ones."""

import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.metadata import packages_distributions, version
from itertools import chain
from multiprocessing import get_context
from pathlib import Path

from tqdm import tqdm

from stages.corpus.cleaning import cut, split
from stages.corpus.docstrings import package_files, read_file
from stages.shared.errors import UserError
from stages.shared.files import content_id
from stages.shared.records import Document
from stages.shared.seeds import derive_seed
from stages.shared.settings import Corpus, FilesSource, HubSource, PackagesSource

Split = tuple[list[Document], list[Document]]  # train, held-out


def read(settings: Corpus, workers: int) -> Split:
    """All documents that `corpus.source` names, not yet deduplicated. Raises UserError."""
    source = settings.source
    if isinstance(source, PackagesSource):
        return _read_packages(source, settings, workers)
    return _read_hub(source, settings) if isinstance(source, HubSource) else _read_files(source, settings)


def _read_packages(source: PackagesSource, settings: Corpus, workers: int) -> Split:
    packages = [*source.train, *source.held_out]
    jobs = [(package, path) for package in packages for path in package_files(package)]
    _warn_about_versions(packages)
    # Not fork: the parent may hold threads by now, and children inherit their locks.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        results = pool.map(partial(_documents_of_file, settings=settings), jobs, chunksize=32)
        progress = tqdm(results, total=len(jobs), desc="documentation", unit="file", disable=None)
        rows = list(chain.from_iterable(progress))
    held_out = set(source.held_out)
    return [row for row in rows if row.source not in held_out], [row for row in rows if row.source in held_out]


def _documents_of_file(job: tuple[str, Path], settings: Corpus) -> list[Document]:
    package, path = job
    return [
        _document(package, docstring.kind, docstring.group, docstring.name, *texts)
        for docstring in read_file(package, path)
        if (texts := split(docstring.text, settings))
    ]


def _document(source: str, kind: str, group: str, name: str, summary: str, body: str) -> Document:
    return Document(content_id(source, group, name, summary, body), source, kind, group, name, summary, body)


def _warn_about_versions(packages: list[str]) -> None:
    """Documents follow the installed versions, so a version other than the pinned one changes all that comes after."""
    constraints = Path("constraints.txt")
    if not constraints.exists():
        return
    pins = dict(line.strip().split("==") for line in constraints.read_text().splitlines() if "==" in line)
    distributions = packages_distributions()
    for package in packages:
        if package not in distributions:  # part of Python itself, or found on PYTHONPATH
            continue
        name = distributions[package][0]
        installed, pinned = version(name).split("+")[0], pins.get(name)
        if pinned and installed != pinned:
            print(
                f"warning: {name} {installed} is installed, constraints.txt pins {pinned}: documents and results will "
                "differ from the committed dvc.lock (`make setup` installs the pinned one)",
                file=sys.stderr,
            )


def _read_hub(source: HubSource, settings: Corpus) -> Split:
    from datasets import load_dataset

    halves = []
    for split_name in (source.train_split, source.held_out_split):
        try:
            rows = load_dataset(source.path, source.config, revision=source.revision, split=split_name)
        except (OSError, ValueError, RuntimeError) as error:  # datasets raises all three for an unreachable hub
            raise UserError(
                f"cannot load the data set {source.path} (config {source.config}, split {split_name}, revision "
                f"{source.revision}): {str(error).splitlines()[0]}",
                next="check corpus.source and the network, and that runtime.offline is false; profile tiny needs none",
            ) from error
        rows = rows.select(range(min(source.max_rows, len(rows))))
        halves.append(_pairs(rows, rows.column_names, source, source.path, settings))
    return halves[0], halves[1]


def _read_files(source: FilesSource, settings: Corpus) -> Split:
    import pandas as pd

    halves = []
    for name in (source.train, source.held_out):
        path = Path(name)
        if not path.exists():
            raise UserError(f"corpus.source: the file {name} does not exist", next="mend the path in the profile")
        try:
            if path.suffix == ".parquet":
                frame = pd.read_parquet(path)
            else:
                frame = pd.read_json(path, lines=True, dtype=False, convert_dates=False)  # texts stay texts
        except (ValueError, OSError) as error:
            raise UserError(f"corpus.source: {name} is neither JSONL nor Parquet: {error}") from error
        if len(frame) > source.max_rows:  # drawn, as a file made of several data sets has them one after the other
            frame = frame.sample(source.max_rows, random_state=derive_seed(0, "corpus", name)).sort_index()
        rows = frame.to_dict("records")
        halves.append(_pairs(rows, list(frame.columns), source, path.stem, settings))
    return halves[0], halves[1]


def _pairs(rows, columns: list[str], source: FilesSource | HubSource, name: str, settings: Corpus) -> list[Document]:
    for column in (source.columns.summary, source.columns.body):
        if column not in columns:
            raise UserError(
                f"corpus.source: {name} has no column {column!r}; it has {', '.join(columns)}",
                next="set corpus.source.columns in the profile",
            )
    documents = []
    for row in rows:
        texts = row[source.columns.summary], row[source.columns.body]
        if not all(isinstance(text, str) for text in texts):  # null in some rows of many public data sets
            continue
        summary, body = (" ".join(text.split()) for text in texts)
        body = cut(body, settings.max_body_characters)
        if len(summary.split()) >= settings.min_summary_words and len(body.split()) >= settings.min_body_words:
            documents.append(_document(name, "pair", name, "", summary, body))
    return documents
