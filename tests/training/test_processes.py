"""Two processes train as one does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from stages.shared.records import TrainingSample, write_records

WORKER = Path(__file__).with_name("worker.py")


@pytest.fixture
def first_step(placed, samples, tmp_path):
    """`first_step(processes, graph_tokens)`: what the worker's run gives on so many processes."""
    write_records(placed / "samples.parquet", TrainingSample, samples)

    def run(processes, graph_tokens):
        folder = tmp_path / f"{processes}-{graph_tokens}"
        folder.mkdir()
        launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"]
        environment = {**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
        command = [*(launch if processes > 1 else launch[:1]), str(WORKER), str(graph_tokens), str(folder)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads((folder / "result.json").read_text()), load_file(folder / "gradients.safetensors")

    return run


def test_loss_gradients_and_order_are_those_of_one_process(first_step):
    one, gradients = first_step(1, 10_000)
    for graph_tokens in (100, 300, 10_000):  # all chunks but one computed twice, some, none
        two, shared = first_step(2, graph_tokens)
        assert two["processes"] == 2
        assert two["order"] == one["order"]
        for there, here in zip(two["rows"], one["rows"], strict=True):
            assert there["loss"] == pytest.approx(here["loss"], rel=1e-5)
            assert there["gradient_norm"] == pytest.approx(here["gradient_norm"], rel=1e-5)
            assert there["tokens"] == here["tokens"]
        for name, gradient in gradients.items():
            assert (shared[name] - gradient).norm() <= 1e-5 * gradient.norm(), name
