"""What a person reads when processes under the launcher end: the message, once, and nothing of the launcher's."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from stages.shared.launch import CONFIGS
from tests.conftest import REPOSITORY

STAGE = """
import os
import signal
import sys
import time

from stages.shared.entry import run_stage
from stages.shared.errors import UserError

RANK = int(os.environ["RANK"])


def main(_):
{body}


sys.argv = ["stage"]
run_stage(main, "corpus", "")
"""

pytestmark = pytest.mark.usefixtures("repository")


@pytest.fixture
def launched(repository):
    """`launched(body)`: exit status and stderr of two processes that run `body` as a stage's main."""

    def launched(body):
        script = repository / "stage.py"
        script.write_text(STAGE.format(body=textwrap.indent(textwrap.dedent(body).strip(), "    ")))
        command = [sys.executable, "-m", "stages.shared.launcher", "--config_file", str(CONFIGS / "cpu_x2.yaml")]
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [*command, str(script)], env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        return done.returncode, done.stderr

    return launched


def test_error_that_all_processes_meet_is_told_once(launched):
    assert launched("raise UserError('too many', next='take fewer')") == (
        1,
        "error: corpus: too many\n  next: take fewer\n",
    )


def test_error_that_one_process_meets_is_told_and_not_what_follows_in_the_other(launched):
    status, told = launched(
        """
        import torch
        torch.distributed.init_process_group("gloo")
        torch.distributed.barrier()
        if RANK == 1:
            raise UserError("process 1 cannot")
        torch.distributed.barrier()
        """
    )
    assert (status, told) == (1, "error: corpus: process 1 cannot\n")


def test_process_that_is_killed_is_named(launched):
    status, told = launched("os.kill(os.getpid(), signal.SIGKILL) if RANK == 1 else time.sleep(60)")
    assert (status, told) == (128 + signal.SIGKILL, "error: process 1 was ended by SIGKILL\n")


def test_programming_error_keeps_its_traceback(launched):
    status, told = launched("1 / 0 if RANK == 1 else time.sleep(60)")
    assert status == 1
    assert told.startswith("Traceback")
    assert told.endswith("ZeroDivisionError: division by zero\n")


def test_processes_that_succeed_say_nothing(launched):
    assert launched("pass") == (0, "")
