"""What a profile's runtime fixes."""

import os
import subprocess
import sys

import pytest

from stages.shared.runtime import pin, pin_torch
from tests.conftest import REPOSITORY

PINNED = ("ATEN_CPU_CAPABILITY", "OPENBLAS_CORETYPE", "MKL_CBWR", "NPY_DISABLE_CPU_FEATURES")
MODULES = sorted(f"stages.{path.parent.name}.__main__" for path in (REPOSITORY / "stages").glob("*/__main__.py"))


@pytest.fixture
def environment(monkeypatch):
    """An environment of the test's own, empty."""
    values = {}
    monkeypatch.setattr(os, "environ", values)
    return values


def test_threads_are_those_of_the_profile(settings, environment):
    environment["OMP_NUM_THREADS"] = "64"
    pin(settings.profile.runtime.model_copy(update={"threads": 3}))
    assert {environment[f"{name}_NUM_THREADS"] for name in ("OMP", "MKL", "OPENBLAS")} == {"3"}


@pytest.mark.parametrize(("instruction_set", "expected"), [("avx2", set(PINNED)), ("native", set())])
def test_arithmetic_is_fixed_only_where_the_profile_asks(settings, environment, instruction_set, expected):
    pin(settings.profile.runtime.model_copy(update={"instruction_set": instruction_set}))
    assert set(PINNED) & environment.keys() == expected


@pytest.mark.parametrize(("offline", "expected"), [(True, "1"), (False, None)])
def test_hub_is_cut_off_only_where_the_profile_asks(settings, environment, offline, expected):
    pin(settings.profile.runtime.model_copy(update={"offline": offline}))
    assert environment.get("HF_HUB_OFFLINE") == environment.get("HF_DATASETS_OFFLINE") == expected


@pytest.mark.parametrize(("device", "expected"), [("cpu", ""), ("cuda", None)])
def test_cpu_profile_hides_every_gpu(settings, environment, device, expected):
    pin(settings.profile.runtime.model_copy(update={"device": device}))
    assert environment.get("CUDA_VISIBLE_DEVICES") == expected


def test_torch_draws_the_same_numbers_after_the_same_seed(settings):
    import torch

    draws = []
    try:
        for seed in (1, 1, 2):
            pin_torch(settings.profile.runtime, seed)
            draws.append(torch.rand(4))
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.get_num_threads() == settings.profile.runtime.threads
    finally:
        torch.use_deterministic_algorithms(False)
        torch.set_num_threads(1)
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_no_stage_loads_numpy_or_torch_before_the_runtime_is_pinned():
    code = f"import sys, {', '.join(MODULES)}; print(sorted({{'numpy', 'torch'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY, check=True)
    assert done.stdout.strip() == "[]"


def test_pinned_numpy_uses_no_instruction_set_beyond_avx2(tmp_path):
    code = (
        "from stages.shared.runtime import pin; from stages.shared.settings import load_settings\n"
        f"pin(load_settings({str(REPOSITORY)!r}).profile.runtime)\n"
        "import numpy; report = numpy.show_config(mode='dicts')['SIMD Extensions']; print(report['found'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert "AVX512" not in done.stdout
    assert "X86_V4" not in done.stdout
