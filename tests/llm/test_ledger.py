"""The ledger of paid answers: nothing is lost, nothing is overwritten."""

import copy
import subprocess
import sys
from pathlib import Path

import pytest
from platformdirs import user_cache_path

from stages.llm.ledger import Answer, Ledger, ledger_path, request_key
from stages.shared.errors import UserError
from tests.conftest import REPOSITORY

ANSWER = Answer('{"naïve": "“text”"}\n', 12, 34)
BODY = {
    "model": "a-model",
    "messages": [{"role": "user", "content": "Wörter"}],
    "response_format": {"type": "json_schema", "json_schema": {"name": "mgh_symmetric"}},
    "temperature": 1.0,
    "max_tokens": 16,
    "seed": 0,
}
WRITER = """
import os, sys
from pathlib import Path
from stages.llm.ledger import Answer, Ledger
with Ledger(Path(sys.argv[1])) as ledger:
    for index in range(int(sys.argv[2]), int(sys.argv[3])):
        ledger.put({"model": "m", "seed": index}, Answer(f"answer {index}", 1, 1))
    os.kill(os.getpid(), 9)
"""


def writer(path, first, last):
    """A process that puts answers number `first` to `last` - 1 and is killed right after."""
    return subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(first), str(last)], cwd=REPOSITORY)


def test_answer_comes_back_word_for_word(ledger):
    assert ledger.get(BODY) is None
    ledger.put(BODY, ANSWER)
    assert ledger.get(BODY) == ANSWER
    assert len(ledger) == 1


def test_answer_survives_the_killing_of_the_process_that_put_it(tmp_path):
    path = tmp_path / "ledger.sqlite"
    assert writer(path, 0, 3).wait() == -9
    with Ledger(path) as ledger:
        assert [ledger.get({"model": "m", "seed": index}).text for index in range(3)] == [
            "answer 0",
            "answer 1",
            "answer 2",
        ]


def test_first_answer_to_a_request_stays(ledger):
    ledger.put(BODY, ANSWER)
    ledger.put(BODY, Answer("another", 1, 1))
    assert ledger.get(BODY) == ANSWER
    assert len(ledger) == 1


def test_processes_that_write_at_once_lose_nothing(tmp_path):
    path = tmp_path / "ledger.sqlite"
    processes = [writer(path, first, first + 100) for first in (0, 50, 50)]
    assert [process.wait() for process in processes] == [-9, -9, -9]
    with Ledger(path) as ledger:
        assert len(ledger) == 150
        assert all(ledger.get({"model": "m", "seed": index}).text == f"answer {index}" for index in range(150))


def test_key_is_pinned_so_that_old_ledgers_stay_valid():
    pinned = "ed9ff4ee979fd47514dd5579c0a5a7a1acb7b5ba6bcf06d0ec3862ba8d29a449"
    assert request_key({"model": "m", "seed": 0}) == pinned
    assert request_key({"seed": 0, "model": "m"}) == request_key({"model": "m", "seed": 0})


def _changed(change):
    body = copy.deepcopy(BODY)
    change(body)
    return body


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.update(model="another"),
        lambda body: body["messages"][0].update(content="Worter"),
        lambda body: body["messages"][0].update(role="system"),
        lambda body: body["messages"].append(body["messages"][0]),
        lambda body: body["response_format"]["json_schema"].update(name="mgh_short_long"),
        lambda body: body.update(temperature=0.9),
        lambda body: body.update(max_tokens=17),
        lambda body: body.update(seed=1),
        lambda body: body.update(top_p=1.0),
    ],
)
def test_key_depends_on_everything_in_the_body(ledger, change):
    ledger.put(BODY, ANSWER)
    assert ledger.get(_changed(change)) is None


def test_file_that_is_no_ledger_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"not a database, but something of the user's\n" * 100)
    before = path.read_bytes()
    with pytest.raises(UserError, match="cannot be used") as caught:
        Ledger(path)
    assert str(path) in str(caught.value)
    assert "MGH_LEDGER" in str(caught.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["file/ledger.sqlite", "folder"])
def test_place_that_cannot_be_written_is_refused(tmp_path, name):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="cannot be used") as caught:
        Ledger(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


def test_ledger_lies_where_the_variable_says_else_in_the_users_cache(tmp_path, monkeypatch):
    assert ledger_path() == tmp_path / "ledger.sqlite"  # set for every test
    monkeypatch.delenv("MGH_LEDGER")
    assert ledger_path().is_relative_to(user_cache_path())
    assert not ledger_path().is_relative_to(Path.cwd())
