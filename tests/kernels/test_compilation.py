"""The Triton kernels compile for real GPUs; Triton's interpreter forgives what its compiler does not."""

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY

SHARED = {80: 163 << 10, 90: 227 << 10}  # bytes of shared memory that a block may use, by compute capability


@pytest.mark.parametrize(("capability", "instruction"), [(80, "mma"), (90, "wgmma")])
def test_kernels_compile_to_tensor_core_instructions_within_shared_memory(tmp_path, capability, instruction):
    environment = {**os.environ, "TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "tests.kernels.compile_kernels", str(capability)]
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    kernels = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(kernels) == 6
    for kernel in kernels:
        assert kernel["shared"] <= SHARED[capability], kernel
        if "pool" not in kernel["kernel"]:
            assert kernel[instruction] > 0, kernel
