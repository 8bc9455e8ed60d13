"""How a stage hands itself to accelerate's launcher, and the launcher's configurations."""

import os
import subprocess
import sys

import pytest
from accelerate.commands.config.config_args import load_config_from_file
from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from accelerate.utils.launch import prepare_deepspeed_cmd_env, prepare_multi_gpu_env

from stages.shared import launch
from stages.shared.errors import UserError
from stages.shared.launch import CONFIGS, LAUNCHED, relaunch
from stages.shared.settings import Settings
from tests.conftest import REPOSITORY

TYPES = {
    "cpu_x2": "MULTI_GPU",  # accelerate's name for torchrun; its processes find that they are on the CPU
    "one_gpu": "NO",
    "multi_gpu": "MULTI_GPU",
    "fsdp2": "FSDP",
    "zero2": "DEEPSPEED",
    "zero3": "DEEPSPEED",
}
SHARED_OUT = sorted(TYPES.keys() - {"cpu_x2", "one_gpu"})  # over as many processes as the profile counts devices


pytestmark = pytest.mark.usefixtures("repository")


@pytest.fixture(autouse=True)
def _not_launched(monkeypatch):
    for name in (*LAUNCHED, "MACHINE_RANK", "TORCH_ELASTIC_SHUTDOWN_TIMEOUT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(launch, "find_spec", lambda _: object())


@pytest.fixture
def replaced(monkeypatch):
    """The commands and environments that would have replaced this process."""
    calls = []
    monkeypatch.setattr(os, "execvpe", lambda _, *rest: calls.append(rest))
    return calls


def asking(settings, name, device="cuda", count=4, stage="training"):
    profile = settings.profile
    return Settings(
        settings.params,
        profile.model_copy(
            update={
                "runtime": profile.runtime.model_copy(update={"device": device}),
                "hardware": profile.hardware.model_copy(update={"count": count}),
                stage: getattr(profile, stage).model_copy(update={"launch": name}),
            }
        ),
    )


def understood(command):
    """The arguments as accelerate's launcher completes them from the configuration."""
    assert command[:3] == [sys.executable, "-m", "stages.shared.launcher"]
    return _validate_launch_command(launch_command_parser().parse_args(command[3:]))[0]


def handed_on(args):
    """The environment of the processes; completes `args` with what torchrun is told."""
    if not args.use_deepspeed:
        return prepare_multi_gpu_env(args)
    args.deepspeed_fields_from_accelerate_config = ""
    return prepare_deepspeed_cmd_env(args)[1]


def test_without_torch():
    code = "import sys, stages.shared.launch; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False).returncode == 0


@pytest.mark.parametrize("name", [None, "one_gpu"])
def test_one_process_is_this_one(settings, replaced, name):
    relaunch(asking(settings, name), "training", shards=True)
    assert replaced == []


@pytest.mark.parametrize("variable", LAUNCHED)
def test_launched_process_trains(settings, replaced, monkeypatch, variable):
    monkeypatch.setenv(variable, "0")
    relaunch(asking(settings, "multi_gpu"), "training", shards=True)
    assert replaced == []


def test_two_processes_on_the_cpu(settings, replaced):
    relaunch(asking(settings, "cpu_x2", device="cpu", count=1), "training", shards=True)
    args = understood(replaced[0][0])
    assert (args.multi_gpu, args.use_cpu, args.num_processes) == (True, True, 2)
    assert (args.module, args.training_script) == (True, "stages.training")


def test_evaluation_is_launched_as_itself_and_shares_no_model_out(settings, replaced):
    relaunch(asking(settings, "multi_gpu", stage="evaluation"), "evaluation", shards=False)
    assert understood(replaced[0][0]).training_script == "stages.evaluation"
    for name in ("fsdp2", "zero3"):
        with pytest.raises(UserError, match=f"evaluation.launch: {name} shares one model"):
            relaunch(asking(settings, name, stage="evaluation"), "evaluation", shards=False)
    assert len(replaced) == 1


@pytest.mark.parametrize("name", SHARED_OUT)
def test_as_many_processes_as_the_profile_counts_devices(settings, replaced, name):
    relaunch(asking(settings, name, count=6), "training", shards=True)
    assert understood(replaced[0][0]).num_processes == 6


@pytest.mark.parametrize("name", SHARED_OUT)
def test_machine_says_which_one_it_is(settings, replaced, monkeypatch, name):
    file = CONFIGS / f"{name}.yaml"
    text = file.read_text().replace("num_machines: 1", "num_machines: 2\nmain_process_ip: 10.0.0.1")
    file.write_text(text.replace("main_process_port: 0", "main_process_port: 29501"))
    monkeypatch.setenv("MACHINE_RANK", "1")
    relaunch(asking(settings, name), "training", shards=True)
    args = understood(replaced[0][0])
    handed_on(args)
    assert (args.node_rank, args.nnodes, args.nproc_per_node) == (1, "2", "2")
    assert args.rdzv_endpoint == "10.0.0.1:29501"


def test_processes_have_time_to_write_a_checkpoint(settings, replaced, monkeypatch):
    monkeypatch.setenv("KEPT", "yes")
    relaunch(asking(settings, "multi_gpu"), "training", shards=True)
    monkeypatch.setenv("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", "5")
    relaunch(asking(settings, "multi_gpu"), "training", shards=True)
    assert [environment["TORCH_ELASTIC_SHUTDOWN_TIMEOUT"] for _, environment in replaced] == ["600", "5"]
    assert replaced[0][1]["KEPT"] == "yes"


def test_fsdp2_is_version_2(settings, replaced):
    relaunch(asking(settings, "fsdp2"), "training", shards=True)
    environment = handed_on(understood(replaced[0][0]))
    assert environment["FSDP_VERSION"] == "2"
    assert environment["FSDP_AUTO_WRAP_POLICY"] == "TRANSFORMER_BASED_WRAP"
    assert environment["FSDP_CPU_RAM_EFFICIENT_LOADING"] == "false"


@pytest.mark.parametrize("stage", [2, 3])
def test_zero_is_of_its_stage(settings, replaced, stage):
    relaunch(asking(settings, f"zero{stage}"), "training", shards=True)
    assert handed_on(understood(replaced[0][0]))["ACCELERATE_DEEPSPEED_ZERO_STAGE"] == str(stage)


@pytest.mark.parametrize(
    ("name", "device", "message"),
    [
        ("many", "cuda", "'many'; allowed: null, cpu_x2, fsdp2, multi_gpu, one_gpu, zero2, zero3\n.*/many.yaml"),
        ("../tiny", "cuda", "allowed: null, cpu_x2"),
        ("cpu_x2", "cuda", "cpu_x2 is for cpu, runtime.device is cuda"),
        ("fsdp2", "cpu", "fsdp2 is for cuda, runtime.device is cpu"),
    ],
)
def test_what_cannot_be_launched(settings, replaced, name, device, message):
    with pytest.raises(UserError, match=message):
        relaunch(asking(settings, name, device=device), "training", shards=True)
    assert replaced == []


def test_deepspeed_that_is_not_installed(settings, replaced, monkeypatch):
    monkeypatch.setattr(launch, "find_spec", lambda _: None)
    relaunch(asking(settings, "fsdp2"), "training", shards=True)
    with pytest.raises(UserError, match="pip install deepspeed"):
        relaunch(asking(settings, "zero2"), "training", shards=True)
    assert len(replaced) == 1


def test_every_configuration_is_tested_here():
    assert {path.stem for path in CONFIGS.glob("*.yaml")} == TYPES.keys()


@pytest.mark.parametrize("name", TYPES)
def test_configuration_is_accelerates(name):
    config = load_config_from_file(str(CONFIGS / f"{name}.yaml"))
    assert config.distributed_type == TYPES[name]
    assert config.mixed_precision is None, "runtime.precision alone says"
