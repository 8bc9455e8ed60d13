"""The printed plan."""

import subprocess
import sys

import pytest

from stages.shared.errors import UserError
from stages.shared.records import Document, write_records
from stages.shared.settings import load_settings
from stages.training.data import RETRIEVAL
from stages.training.plan.report import plan_lines, print_plan
from tests.conftest import REPOSITORY
from tests.training.plan.conftest import LORA, hub, shape

pytestmark = pytest.mark.usefixtures("repository")


@pytest.fixture
def profile(repository):
    """`profile(name)`: the settings of a committed profile."""

    def load(name):
        params = repository / "params.yaml"
        params.write_text(params.read_text().replace("profile: tiny", f"profile: {name}"))
        return load_settings(repository)

    return load


@pytest.mark.parametrize("name", ["tiny", "small", "paper"])
def test_plan_of_each_profile_is_short_and_has_every_part(profile, name):
    lines = plan_lines(profile(name))
    names = [line[:12].strip() for line in lines]
    wanted = ["model", "steps", "batch", "processes", "chunks", "parameters", "trained", "tokens", "FLOPs", "memory"]
    assert [each for each in names if each] == [*wanted, "time", "disk", "assumed"]
    assert 20 <= len(lines) <= 30
    assert max(map(len, lines)) <= 120


def test_plan_of_the_paper_profile_has_its_figures(profile, capsys):
    print_plan(profile("paper"))
    text = capsys.readouterr().out
    assert "backbone 7,110,660,096 + adapters 41,943,040" in text
    assert "512 queries see each other" in text
    assert "8 on 8 x H100 SXM" in text
    assert "786 k a step, 1.26 G in 1,600 steps" in text
    assert "GPU-hours" in text


def test_time_is_work_over_speed(planned):
    hardware = {"teraflops": 1e-6, "efficiency": 1.0}
    lines = plan_lines(planned(hardware=hardware, backbone=hub(shape())))
    total = float(next(line for line in lines if line.startswith("FLOPs")).split(" a step, ")[1].split()[0])
    hours = float(next(line for line in lines if line.startswith("time")).split()[-2])
    assert hours == pytest.approx(total / 1e6 / 3600, rel=0.01)


def test_plan_says_whether_it_fits_and_if_not_what_to_do(planned):
    assert [line for line in plan_lines(planned()) if line.endswith("  fits")]
    lines = plan_lines(planned(hardware={"memory_gib": 0.8}, graph_tokens=8192))
    assert [line for line in lines if line.endswith("  does not fit")]
    assert [line for line in lines if "next: set training.activation_checkpointing: true, or lower" in line]


def test_plan_says_where_lengths_are_from(planned):
    assert "at worst" in "\n".join(plan_lines(planned()))
    write_records(RETRIEVAL, Document, [Document("d", "a", "function", "a.b", "c", "s" * 20, "b" * 60)])
    text = "\n".join(plan_lines(planned({"training_data": "retrieval"}, steps=5, batch_size=2)))
    assert f"by the characters of the first 1,000 rows of {RETRIEVAL}; 1 samples, 10.0 epochs" in text


def test_second_phase_on_retrieval_pairs_adds_to_both(planned):
    text = "\n".join(plan_lines(planned(retrieval_steps=40)))
    assert "160 and 40 on retrieval pairs" in text
    assert "192 texts a batch, 96.0 tokens a text, 18.4 k a step, 2.95 M in 160 steps" in text
    assert "128 texts a batch, 96.0 tokens a text, 12.3 k a step, 492 k in 40 steps" in text
    assert "3.44 M in all" in text


def test_plan_tells_devices_that_stay_idle_and_processes_that_share_one(planned):
    assert "leaves 7 of hardware.count=8 idle" in "\n".join(plan_lines(planned(hardware={"count": 8})))
    assert "2 processes together" in "\n".join(plan_lines(planned(launch="cpu_x2")))


def test_plan_tells_adapters_and_pooling(planned):
    text = "\n".join(plan_lines(planned({"pooling": "latent"}, lora=LORA, curve_every=40)))
    assert "+ adapters " in text
    assert "+ pooling " in text
    assert "3 copies for the curve" in text


@pytest.mark.parametrize("changed", [{"launch": "tpu"}, {"backbone": hub(shape("bloom"))}])
def test_unknown_launch_or_model_ends_the_plan(planned, changed):
    with pytest.raises(UserError, match="known: "):
        print_plan(planned(**changed))


def test_plan_needs_neither_torch_nor_numpy():
    code = (
        "import sys; from stages.shared.settings import load_settings; "
        "from stages.training.plan.report import print_plan; print_plan(load_settings()); "
        "sys.exit(bool({'torch', 'numpy', 'transformers'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(REPOSITORY)}, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
