"""A mirror's lock without data, and processes that say what they are told to."""

import json
from pathlib import Path

import numpy as np
import pytest

from stages.evaluation.mirror.lock import DataSetEntry, FileEntry, Lock, TaskEntry, write_lock
from stages.evaluation_bench import (
    coverage_case,
    export_case,
    identical_case,
    known,
    million_case,
    resume_case,
    speed_case,
    types_case,
)
from stages.evaluation_bench.covered import NAMES
from stages.evaluation_bench.results import NO_MIRROR, Options
from stages.evaluation_bench.rows import PACKAGES
from stages.evaluation_bench.stopped import ENCODING, SHARDS_BEFORE

CASES = (coverage_case, export_case, identical_case, million_case, resume_case, speed_case, types_case)
PROVENANCE = dict.fromkeys(("date", "machine", "python", *PACKAGES, "commit"), "x")


def options(*, quick=False, mirror=None):
    return Options(quick, mirror, PROVENANCE, lambda _: None)


@pytest.fixture
def mirror(tmp_path):
    """A folder with the lock of a task of each type, of two retrieval tasks the second one smaller."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    sets = {}
    for size, kind in enumerate((*types_case.TYPES, "Retrieval", "BitextMining")):
        task = TaskEntry(type=kind, splits=["test"], subsets=["default"], statistics=None)
        files = {"a": FileEntry(size=100 - size, sha256="0")}
        name = f"{kind}{size}"
        entry = {"revision": "0", "origin": "folder", "mteb_version": "0", "files": files, "tasks": {name: task}}
        sets[f"mteb/{name.lower()}"] = DataSetEntry(**entry)
    write_lock(folder, Lock(datasets=sets))
    return folder


class Processes:
    """In place of real ones. Attributes are what they find."""

    def __init__(self):
        self.calls = []
        self.distance, self.failure, self.differ, self.plain_score = 1e-9, None, [], 0.5
        self.files_after, self.kept, self.held, self.cosine = {}, None, 475, 1.0
        self.scores, self.million_texts = {"ours": 0.3, "peer": 0.3}, None

    def said(self, worker, folder, /, **given):
        self.calls.append(worker)
        return getattr(self, worker)(folder, given)

    def dies(self, module, given, *, environment, **_):
        self.calls.append(f"{module} dies at {given['kill_at']}")
        model = Path(environment["MGH_PARTIAL"]) / "known-0"
        (model / "embeddings").mkdir(parents=True)
        at = given["kill_at"]
        due = SHARDS_BEFORE if at == ENCODING else resume_case.TASKS.index(at)
        due = due if self.kept is None else self.kept
        for number in range(due):
            if at == ENCODING:
                (model / f"embeddings/{number}.safetensors").touch()
            else:
                (model / f"{resume_case.TASKS[number]}-0").mkdir()
        (model / f"{resume_case.TASKS[0]}-0.unfinished").mkdir()

    def exported(self, _, given):
        return {"distances": [self.distance * (1 + place) for place in range(len(given["kinds"]))]}

    def offline(self, _, given):
        good = {"failure": None, "score": 0.5, "numbers": 20, "differ": []}
        tasks = [good | {} for _ in given["tasks"]]
        tasks[0] |= {"failure": self.failure, "differ": self.differ}
        return {"tasks": tasks, "tried": []}

    def scored(self, folder, given):
        def scores(score):
            return {"test": [{"main_score": score, "nan": float("nan")}]}

        found = {name: scores(0.5) for name in (*given["own"], *(task["task"] for task in given["tasks"]))}
        if given["side"] == "plain":
            found[given["own"][0]] = scores(self.plain_score)
        Path(folder, f"{given['side']}.json").write_text(json.dumps(found))
        return {"tasks": len(found)}

    def stopped(self, folder, given):
        results = Path(given["results"])
        results.mkdir()
        whole = Path(folder).name == "whole"
        for number in range(resume_case.FILES):
            name = f"{number}.json"
            (results / name).write_text("same" if whole else self.files_after.get(name, "same"))
        return {"encoded": 100}

    def covered(self, _, given):
        shapes = [{"name": name, "held": given["pairs"] * 0.95, "truth": 0.1, "width": 0.2} for name in NAMES]
        shapes[1]["held"] = self.held * given["pairs"] / coverage_case.PAIRS
        return {"shapes": shapes}

    def prepared(self, *_):
        return {}

    def _side(self, side, given, **found):
        angle = np.arccos(self.cosine) * (side == "ours")
        np.save(given["embeddings"], np.array([[np.cos(angle), np.sin(angle)]]))
        drift = 1 + self.calls.count("ours")  # as much for both sides of a round
        scores = {task["task"]: self.scores[side] for task in given["tasks"]}
        return {"seconds": 9.0, "texts": 1200, "scores": scores} | found | {"encoding": found["encoding"] / drift}

    def ours(self, _, given):
        return self._side("ours", given, encoding=1.0, peak_mib=900.0, embedded=600)

    def peer(self, _, given):
        return self._side("peer", given, encoding=1.5, peak_mib=1000.0, embedded=1200)

    def million(self, _, given):
        texts = given["documents"] + 100 if self.million_texts is None else self.million_texts
        return {"peak_mib": 987.0, "before_mib": 700.0, "seconds": 140.0, "texts": texts}


@pytest.fixture
def processes(monkeypatch):
    """They take the place of what runs real ones; a trained encoder is there."""
    stand_in = Processes()
    monkeypatch.setattr(known, "HELD_OUT", Path("nowhere"))
    for case in CASES:
        monkeypatch.setattr(case, "said", stand_in.said)
    monkeypatch.setattr(resume_case.processes, "dies", stand_in.dies)
    monkeypatch.setattr(speed_case, "missing", lambda given: "" if given.mirror else NO_MIRROR)
    return stand_in
