"""Processes, devices and their memory."""

import pytest
from accelerate import Accelerator

from stages.shared.errors import UserError
from stages.training.devices import available_bytes
from stages.training.plan.memory import check_memory


def test_processes_share_the_machines_memory(monkeypatch):
    whole = available_bytes(Accelerator(cpu=True))
    assert whole > 2**30
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert available_bytes(Accelerator(cpu=True)) == whole // 4


def test_too_little_memory_is_told_before_the_first_step(settings):
    with pytest.raises(UserError, match="training does not fit on the device: weights"):
        check_memory(settings, 10 * 2**20)
