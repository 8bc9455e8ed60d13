"""`kill -9` at each of our tasks and in the middle of encoding, then on: the same files as of one run."""

from pathlib import Path
from typing import NamedTuple

from benching import processes
from benching.processes import require
from benching.table import Result

from stages.evaluation_bench.known import write_documents
from stages.evaluation_bench.results import Options, Recorder, scratch
from stages.evaluation_bench.stopped import ENCODING, ROWS, SHARDS_BEFORE
from stages.evaluation_bench.work import ROOT, environment, read_settings, said

TASKS = tuple(read_settings().profile.evaluation.tasks)
DOCUMENTS, QUICK_DOCUMENTS = 1_000, 400
STOPS = (ENCODING, *TASKS)
QUICK_STOPS = (ENCODING,)
FILES = len(TASKS) + 3  # a result of each task, the samples, the model's description, the metrics


class Stop(NamedTuple):
    """Of one run that was killed and one that went on."""

    at: str
    kept: int  # tasks, or for a kill in the middle of encoding shards, that the killed run left on disk
    encoded: int  # texts, by the run that went on
    differ: list[str]  # files that are not those of one run


def run(options: Options) -> Result:
    """Raises WrongResult if a process is not killed where it should be, or leaves less than it had finished."""
    count, stops = (QUICK_DOCUMENTS, QUICK_STOPS) if options.quick else (DOCUMENTS, STOPS)
    with scratch() as name:
        documents = f"{name}/documents.parquet"
        what = write_documents(documents, count)
        options.step("resume: one run to its end")
        given = {"results": f"{name}/whole/results", "documents": documents}
        whole = said("stopped", place(name, "whole"), **given, kill_at=None)
        expected = files(Path(name, "whole/results"))
        require(len(expected) == FILES, f"resume: one run left {', '.join(expected)}")
        found = [stop(options, name, at, documents, expected) for at in stops]
    return result(options, found, whole["encoded"], what)


def stop(options: Options, name: str, at: str, documents: str, expected: dict[str, bytes]) -> Stop:
    """Kill a run at `at`, and let another one go on."""
    folder = place(name, at)
    given = {"results": f"{folder}/results", "documents": documents}
    options.step(f"resume: kill -9 at {at}")
    module = "stages.evaluation_bench.stopped"
    processes.dies(module, given | {"kill_at": at}, folder=ROOT, environment=environment(folder))
    kept, due = left(folder, at), SHARDS_BEFORE if at == ENCODING else TASKS.index(at)
    require(kept == due, f"resume: the run that was killed at {at} left {kept} finished parts, not {due}")
    options.step(f"resume: on from {at}")
    encoded = said("stopped", folder, **given, kill_at=None)["encoded"]
    got = files(Path(folder, "results"))
    differ = sorted(path for path in got.keys() | expected.keys() if got.get(path) != expected.get(path))
    return Stop(at, kept, encoded, differ)


def place(name: str, part: str) -> str:
    """A new folder for one part of the case."""
    Path(name, part).mkdir()
    return f"{name}/{part}"


def left(folder: str, at: str) -> int:
    """Finished parts that a dead process left: shards in the middle of encoding, else tasks."""
    (model,) = Path(environment(folder)["MGH_PARTIAL"]).iterdir()
    if at == ENCODING:
        return len(list((model / "embeddings").glob("*.safetensors")))
    return sum(path.is_dir() and path.name.startswith(TASKS) and path.suffix == "" for path in model.iterdir())


def files(folder: Path) -> dict[str, bytes]:
    """Their bytes by relative path."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def result(options: Options, stops: list[Stop], encoded: int, what: str) -> Result:
    """Of what came of each kill; a run to its end encodes `encoded` texts."""
    same = sum(not stop.differ for stop in stops) / len(stops)
    recorder = Recorder(options, "resume", f"{len(stops)} kills, {len(TASKS)} tasks, {what}")
    recorder.add("share of kills with the same files", same)
    table = [("killed at", "kept", "texts encoded after", "files that differ")]
    for stop in stops:
        kept = f"{stop.kept} {'shards' if stop.at == ENCODING else 'tasks'}"
        table.append((stop.at, kept, f"{stop.encoded:,}", ", ".join(stop.differ) or "none"))
    notes = [
        f"{what}, hashed bag of words; {FILES} files are compared byte for byte with those of one run, which encodes "
        f"{encoded:,} texts in shards of {ROWS}",
    ]
    return Result(f"resume: {len(stops)} times kill -9, then on", notes, table, recorder.rows, {"resume_same": same})
