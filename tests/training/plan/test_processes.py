"""Processes and devices by the name of the launch."""

import pytest

from stages.shared.errors import UserError
from stages.training.plan.processes import processes_of


@pytest.mark.parametrize(
    ("launch", "devices", "expected"),
    [
        (None, 8, (1, 1, 1)),
        ("one_gpu", 8, (1, 1, 1)),
        ("cpu_x2", 1, (2, 1, 2)),
        ("cpu_x2", 2, (2, 2, 1)),
        ("multi_gpu", 8, (8, 8, 1)),
        ("fsdp2", 1, (1, 1, 1)),
        ("zero3", 4, (4, 4, 1)),
    ],
)
def test_processes_devices_and_processes_on_each(planned, launch, devices, expected):
    processes = processes_of(planned(launch=launch, hardware={"count": devices}))
    assert (processes.count, processes.devices, processes.per_device) == expected


@pytest.mark.parametrize(
    ("launch", "optimizer", "weights"),
    [
        (None, False, False),
        ("multi_gpu", False, False),
        ("zero2", True, False),
        ("zero3", True, True),
        ("fsdp2", True, True),
    ],
)
def test_what_is_sharded(planned, launch, optimizer, weights):
    sharding = processes_of(planned(launch=launch)).sharding
    assert (sharding.optimizer, sharding.weights) == (optimizer, weights)


def test_unknown_launch_is_refused_with_the_known_ones(planned):
    with pytest.raises(UserError, match=r"given 'tpu'.*known: null, one_gpu, cpu_x2, multi_gpu, zero2, zero3, fsdp2"):
        processes_of(planned(launch="tpu"))
