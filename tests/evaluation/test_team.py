"""Two processes embed what one does, and an error in any of them is told by the first."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

WORKER = Path(__file__).with_name("team_worker.py")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """`run(processes)`: what the worker's first process found."""

    def run(processes):
        folder = tmp_path_factory.mktemp("team")
        launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"]
        environment = {**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
        command = [*(launch if processes > 1 else launch[:1]), str(WORKER), str(folder)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads((folder / "found.json").read_text())

    return run


@pytest.fixture(scope="module")
def two(run):
    return run(2)


def test_two_processes_share_the_shards_and_give_the_embeddings_of_one(run, two):
    one = run(1)
    assert one["by"] == {"0": 5}
    assert two["by"] == {"0": 3, "1": 2}
    assert np.array_equal(one["embeddings"], two["embeddings"])


def test_error_in_the_other_process_is_told_and_the_run_goes_on(two):
    assert "process 1 cannot" in two["error"]
    assert "a process of the evaluation failed: ZeroDivisionError" in two["unforeseen"]
    assert len(two["embeddings"]) == 10


def test_model_that_another_process_cannot_load_is_told(two):
    assert "process 1 has no model" in two["load"]
