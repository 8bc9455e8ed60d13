"""Two processes train as one does, each with the whole model or with its share of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from safetensors.torch import load_file

from stages.shared.launch import CONFIGS
from stages.shared.records import TrainingSample, write_records

WORKER = Path(__file__).with_name("worker.py")


LAUNCH = [sys.executable, "-m", "stages.shared.launcher", "--num_processes", "2", "--config_file"]


@pytest.fixture
def run(placed, samples, tmp_path):
    """`run(graph_tokens, name)`: what the worker gives in two processes of the configuration `name`; None: in one."""
    write_records(placed / "samples.parquet", TrainingSample, samples)

    def run(graph_tokens, name=None):
        folder = tmp_path / f"{name}-{graph_tokens}"
        folder.mkdir()
        start = [sys.executable]
        if name:
            config = yaml.safe_load((CONFIGS / f"{name}.yaml").read_text())
            (folder / "config.yaml").write_text(yaml.safe_dump({**config, "use_cpu": True}))
            start = [*LAUNCH, str(folder / "config.yaml")]
        command = [*start, str(WORKER), str(graph_tokens), str(folder)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        assert "Warning" not in done.stderr
        return json.loads((folder / "result.json").read_text()), load_file(folder / "gradients.safetensors")

    return run


@pytest.mark.parametrize(
    ("name", "kind", "cuts"),
    [("cpu_x2", "MULTI_CPU", (100, 300, 10_000)), ("fsdp2", "FSDP", (100, 10_000))],
    ids=["whole model", "shares"],
)
def test_loss_gradients_and_order_are_those_of_one_process(run, name, kind, cuts):
    one, gradients = run(10_000)
    for graph_tokens in cuts:  # all chunks but one computed twice, some, none
        two, shared = run(graph_tokens, name)
        assert (two["processes"], two["type"]) == (2, kind)
        assert two["order"] == one["order"]
        for there, here in zip(two["rows"], one["rows"], strict=True):
            assert there["loss"] == pytest.approx(here["loss"], rel=1e-5)
            assert there["gradient_norm"] == pytest.approx(here["gradient_norm"], rel=1e-5)
            assert there["tokens"] == here["tokens"]
        for weights, gradient in gradients.items():
            assert (shared[weights] - gradient).norm() <= 1e-5 * gradient.norm(), weights
