"""The ledger of paid answers: nothing is lost, nothing is overwritten, nothing damaged is used."""

import copy
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from platformdirs import user_cache_path

from stages.llm import ledger as ledger_module
from stages.llm.ledger import Ledger, Row, ledger_path
from stages.llm.requests import Answer, ChatBody, LlmRequest, canonical, chat_bodies, chat_body, request_key
from stages.llm.turn import turn
from stages.shared.errors import UserError
from tests.conftest import REPOSITORY

ANSWER = Answer('{"naïve": "“text”"}\n', "stop", 12, 34)
REQUEST = {
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
from tests.llm.test_ledger import row
from stages.llm.ledger import Ledger
with Ledger(Path(sys.argv[1])) as ledger:
    for index in range(int(sys.argv[2]), int(sys.argv[3])):
        ledger.put([row(index)])
    os.kill(os.getpid(), 9)
"""


def body(request) -> ChatBody:
    text = canonical(request)
    return ChatBody(text, request_key(text), request["model"])


def row(index, answer=None) -> Row:
    return Row.of(body({"model": "m", "seed": index}), answer or Answer(f"answer {index}", "stop", 1, 1))


def writer(path, first, last):
    """A process that puts answers number `first` to `last` - 1 and is killed right after."""
    return subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(first), str(last)], cwd=REPOSITORY)


def damage(path, change):
    """Change the file behind the ledger's back, as a bad disk does."""
    with sqlite3.connect(path) as connection:
        connection.execute(change)
    connection.close()


def test_answer_comes_back_word_for_word(ledger):
    key = body(REQUEST).key
    assert ledger.get(key) is None
    assert ledger.put([Row.of(body(REQUEST), ANSWER)]) == 1
    assert ledger.get(key) == ANSWER
    assert len(ledger) == 1


def test_answers_survive_the_killing_of_the_process_that_put_them(tmp_path):
    path = tmp_path / "ledger.sqlite"
    assert writer(path, 0, 3).wait() == -9
    with Ledger(path) as ledger:
        assert [ledger.get(row(index).key).text for index in range(3)] == ["answer 0", "answer 1", "answer 2"]


def test_first_answer_to_a_request_stays(ledger):
    assert ledger.put([row(0), row(0, Answer("another", "stop", 1, 1))]) == 1
    assert ledger.put([row(0, Answer("a third", "stop", 1, 1))]) == 0
    assert ledger.get(row(0).key).text == "answer 0"


def test_processes_that_write_at_once_lose_nothing(tmp_path):
    path = tmp_path / "ledger.sqlite"
    processes = [writer(path, first, first + 100) for first in (0, 50, 50)]
    assert [process.wait() for process in processes] == [-9, -9, -9]
    with Ledger(path) as ledger:
        assert len(ledger) == 150
        assert all(ledger.get(row(index).key).text == f"answer {index}" for index in range(150))


def test_rows_come_in_the_order_in_which_they_were_paid_and_by_model(ledger):
    ledger.put([row(2), row(0), Row.of(body({"model": "other"}), ANSWER), row(1)])
    assert [found.answer.text for found in ledger.rows("m")] == ["answer 2", "answer 0", "answer 1"]
    assert len(list(ledger.rows())) == 4


def test_key_is_pinned_so_that_old_ledgers_stay_valid():
    pinned = "ed9ff4ee979fd47514dd5579c0a5a7a1acb7b5ba6bcf06d0ec3862ba8d29a449"
    assert body({"model": "m", "seed": 0}).key == pinned
    assert body({"seed": 0, "model": "m"}).key == pinned


def test_key_of_a_request_is_that_of_the_body_that_is_sent(llm):
    request = LlmRequest("Why?", {"type": "json_object"}, 7)
    sent = chat_body(request, "m", llm, "text")
    expected = {
        "model": "m",
        "messages": [{"role": "user", "content": "Why?"}],
        "temperature": llm.temperature,
        "max_tokens": llm.max_tokens,
        "seed": 7,
    }
    assert (sent.json, sent.key) == (canonical(expected), request_key(canonical(expected)))
    assert [found.key for found in chat_bodies(request, "m", llm)][-1] == sent.key


def _changed(change):
    changed = copy.deepcopy(REQUEST)
    change(changed)
    return changed


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
def test_key_depends_on_everything_in_the_body(change):
    assert body(_changed(change)).key != body(REQUEST).key


@pytest.mark.parametrize(
    "change",
    [
        "update answers set answer = 'answer 1.'",
        "update answers set answer = cast(x'ff00' as text)",
        "update answers set completion_tokens = 7",
        "update answers set finish_reason = 'length'",
        "update answers set batch = 1",
    ],
)
def test_damaged_answer_is_named_set_aside_and_replaced_never_used(ledger, change, capsys):
    ledger.put([row(1)])
    damage(ledger.path, change)
    assert ledger.get(row(1).key) is None
    assert row(1).key[:16] in capsys.readouterr().err
    assert (len(ledger), ledger.damaged()) == (0, 1)
    ledger.put([row(1)])
    assert ledger.get(row(1).key).text == "answer 1"


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


def test_ledger_that_another_process_holds_is_told_with_how_to_find_it(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger_module, "BUSY_SECONDS", 0.1)
    with Ledger(tmp_path / "ledger.sqlite") as ledger, sqlite3.connect(ledger.path) as other:
        other.execute("begin exclusive")
        with pytest.raises(UserError, match="locked") as caught:
            ledger.put([row(0)])
    other.close()
    assert "fuser" in str(caught.value)


def test_full_disk_is_told_and_what_was_there_is_kept(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.put([row(0)])
        ledger._writer.execute("pragma max_page_count = 10")  # as full as a disk can be
        with pytest.raises(UserError, match="full") as caught:
            ledger.put([row(index, Answer("x" * 10_000, "stop", 1, 1)) for index in range(1, 20)])
        assert "free disk space" in str(caught.value)
        assert (len(ledger), ledger.get(row(0).key).text) == (1, "answer 0")


def test_ledger_of_another_schema_is_refused_with_what_to_do(tmp_path):
    path = tmp_path / "ledger.sqlite"
    Ledger(path).close()
    damage(path, "pragma user_version = 3")
    with pytest.raises(UserError, match="has schema 3, not 2") as caught:
        Ledger(path)
    assert "newer version" in str(caught.value)
    damage(path, "pragma user_version = 0")
    with pytest.raises(UserError, match=r"stages\.synthesis\.ledger upgrade"):
        Ledger(path)


def test_ledger_lies_where_the_variable_says_else_in_the_users_cache(tmp_path, monkeypatch):
    assert ledger_path() == tmp_path / "ledger.sqlite"  # set for every test
    monkeypatch.delenv("MGH_LEDGER")
    assert ledger_path().is_relative_to(user_cache_path())
    assert not ledger_path().is_relative_to(Path.cwd())


HOLDER = """
import sys, time
from pathlib import Path
from stages.llm.turn import turn
with turn(Path(sys.argv[1]), "m"):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def test_one_process_at_a_time_asks_a_model_and_another_model_need_not_wait(tmp_path, capsys):
    path = tmp_path / "ledger.sqlite"
    command = [sys.executable, "-c", HOLDER, str(path), "1.0"]
    holder = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE)
    holder.stdout.readline()
    started = time.monotonic()
    with turn(path, "another"):
        assert time.monotonic() - started < 0.5
    with turn(path, "m"):
        assert holder.wait(timeout=5) == 0
    assert f"process {holder.pid} is asking m" in capsys.readouterr().err


def test_death_of_the_process_that_asks_gives_the_turn_to_the_next(tmp_path):
    path = tmp_path / "ledger.sqlite"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(path), "60"], cwd=REPOSITORY, stdout=subprocess.PIPE)
    holder.stdout.readline()
    holder.kill()
    with turn(path, "m"):
        pass
