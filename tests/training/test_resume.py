"""A run that is stopped, however, and started again ends with the weights of one that never was."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from stages.shared.errors import UserError
from stages.shared.settings import Lora
from stages.training.checkpoints import differences
from stages.training.health import CURVES
from stages.training.loop import train

DROPPING = Lora(rank=2, alpha=4, dropout=0.3)


class Halt(Exception):
    pass


@pytest.fixture
def run_until(started, monkeypatch):
    """`run_until(settings, step)`: a run that dies after `step` steps; None: it does not."""

    def run(settings, last=None):
        begun = started(settings)
        steps = begun.trainer.steps

        def dying(start):
            for number, row in enumerate(steps(start), start + 1):
                yield row
                if number == last:
                    raise Halt

        monkeypatch.setattr(begun.trainer, "steps", dying)
        try:
            metrics, checkpoints = train(begun.trainer, settings, begun.run, begun.build)
        except Halt:
            return None
        checkpoints.clear()
        return metrics, {name: weights.detach().clone() for name, weights in begun.encoder.named_parameters()}

    return run


def assert_same(resumed, whole):
    assert resumed[0] == whole[0]
    assert all(torch.equal(weights, whole[1][name]) for name, weights in resumed[1].items())


@pytest.mark.parametrize(
    "options",
    [{}, {"lora": DROPPING}, {"learned_temperature": True, "gradient_accumulation": 2, "batches": "by_kind"}],
    ids=["full", "lora with dropout", "learned temperature"],
)
def test_resumed_run_ends_with_the_same_weights_metrics_and_curves(run_until, configured, placed, options):
    settings = configured(checkpoint_every=3, **options)
    whole = run_until(settings)
    curve = (placed / CURVES / "plots/metrics/loss.tsv").read_text()
    run_until(settings, 5)
    run_until(settings, 11)
    assert_same(run_until(settings), whole)
    assert (placed / CURVES / "plots/metrics/loss.tsv").read_text() == curve


def test_two_checkpoints_are_kept_and_none_after_the_run(run_until, configured, placed):
    settings = configured(checkpoint_every=2)
    run_until(settings, 7)
    assert [path.name for path in sorted(placed.glob("checkpoints/*/step-*"))] == ["step-000004", "step-000006"]
    run_until(settings)
    assert not list(placed.glob("checkpoints/*"))


def test_unfinished_checkpoint_is_not_taken(run_until, configured, placed):
    settings = configured(checkpoint_every=4)
    whole = run_until(settings)
    run_until(settings, 9)
    (folder,) = placed.glob("checkpoints/*")
    (folder / "unfinished").mkdir()
    (folder / "unfinished/progress.json").write_text("{")
    assert_same(run_until(settings), whole)


def test_damaged_checkpoint_is_named_with_what_to_do(run_until, configured, placed):
    settings = configured(checkpoint_every=4)
    run_until(settings, 9)
    (newest,) = placed.glob("checkpoints/*/step-000008")
    (newest / "trained.safetensors").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"step-000008 cannot be read.*\n.*remove"):
        run_until(settings)


def test_checkpoint_of_other_settings_is_told_and_left_alone(run_until, configured, placed, capsys):
    run_until(configured(checkpoint_every=4), 9)
    other = configured(checkpoint_every=4, learning_rate=1e-3)
    run_until(other)
    assert "training.learning_rate 0.005 -> 0.001" in capsys.readouterr().out
    assert len(list(placed.glob("checkpoints/*/step-*"))) == 2


def test_checkpoint_moved_under_another_runs_name_is_refused(run_until, configured, placed):
    settings = configured(checkpoint_every=4)
    run_until(settings, 9)
    (file, _) = sorted(placed.glob("checkpoints/*/step-*/run.json"), reverse=True)
    run = json.loads(file.read_text())
    file.write_text(json.dumps({**run, "seed": 5}))
    with pytest.raises(UserError, match=r"is a checkpoint of other settings: seed 5 -> 0"):
        run_until(settings)


def test_differences_name_nested_keys():
    assert differences({"a": {"b": 1}, "c": 2}, {"a": {"b": 3}, "d": 4}) == ["a.b 1 -> 3", "c 2 -> None", "d None -> 4"]


def test_what_leaves_the_weights_alone_may_change_between_stop_and_resume(run_until, configured):
    whole = run_until(configured(checkpoint_every=4))
    run_until(configured(checkpoint_every=4), 9)
    assert_same(run_until(configured(checkpoint_every=5, curve_every=8)), whole)


STAGE = """
import sys
sys.path.insert(0, {root!r})
from stages.training.__main__ import main
from stages.shared.entry import run_stage
sys.argv = ["training"]
run_stage(main, "training", "")
"""


@pytest.fixture
def stage(placed, samples):
    """`stage()` starts the stage as a process of its own in the repository."""
    from stages.shared.records import TrainingSample, write_records

    write_records("data/buckets/samples.parquet", TrainingSample, samples)
    profile = placed / "profiles/tiny.yaml"
    text = profile.read_text()
    values = {"steps": 40, "batch_size": 6, "max_length": 48, "checkpoint_every": 5, "warmup_steps": 2}
    head, body = text.split("\ntraining:\n")
    for name, value in values.items():
        body = re.sub(rf"(?m)^  {name}: \S+", f"  {name}: {value}", body, count=1)
    profile.write_text(f"{head}\ntraining:\n{body}")
    root = str(Path(__file__).parents[2])

    def start():
        return subprocess.Popen(
            [sys.executable, "-c", STAGE.format(root=root)], stderr=subprocess.PIPE, text=True, env={**os.environ}
        )

    return start


def wait_for_step(process, placed, step):
    """Until the run has logged `step` steps."""
    table = placed / "reports/timings/training_steps.csv"
    until = time.monotonic() + 120
    while time.monotonic() < until:
        assert process.poll() is None, process.stderr.read()
        if table.exists() and len(table.read_text().splitlines()) > step:
            return
        time.sleep(0.01)
    raise AssertionError("the run did not get that far")


def weights(placed):
    return (placed / "data/encoder/model.safetensors").read_bytes()


def test_killed_and_terminated_runs_resume_to_the_same_bytes(stage, placed):
    whole = stage()
    assert whole.wait(120) == 0, whole.stderr.read()
    expected, metrics = weights(placed), (placed / "reports/metrics/training.json").read_bytes()
    for path in placed.glob("data/encoder/*"):
        path.unlink()
    (placed / "reports/timings/training_steps.csv").unlink()

    killed = stage()
    wait_for_step(killed, placed, random.Random(0).randint(6, 14))
    killed.kill()
    killed.wait()
    (placed / "reports/timings/training_steps.csv").unlink()
    terminated = stage()
    wait_for_step(terminated, placed, 3)
    terminated.send_signal(signal.SIGTERM)
    assert terminated.wait(60) == 128 + signal.SIGTERM
    assert "stopped after step" in terminated.stderr.read()

    resumed = stage()
    assert resumed.wait(120) == 0, resumed.stderr.read()
    assert weights(placed) == expected
    assert (placed / "reports/metrics/training.json").read_bytes() == metrics
    assert not list(placed.glob("checkpoints/*"))
