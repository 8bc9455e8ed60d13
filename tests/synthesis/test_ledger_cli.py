"""`python -m stages.synthesis.ledger`: lists, exports, imports, verifies, upgrades."""

import json
import sqlite3
import subprocess
import sys

import pytest

from stages.llm.ledger import Ledger, ledger_path
from stages.llm.requests import NO_ANSWER, Answer
from stages.synthesis.ledger import main
from tests.conftest import REPOSITORY
from tests.llm.test_ledger import damage, row

pytestmark = pytest.mark.usefixtures("repository")


@pytest.fixture
def filled():
    """The user's ledger with three answers of model m."""
    with Ledger() as ledger:
        ledger.put(row(index, Answer(f"Antwort № {index}", "stop", 10, index)) for index in range(3))
    return ledger_path()


def answers():
    with Ledger() as ledger:
        return [found.answer.text for found in ledger.rows()]


def test_list_shows_answers_and_tokens_by_model(filled, capsys):
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    assert f"{filled}: 3 answers" in out
    assert out.splitlines()[2].split() == ["m", "3", "30", "3", "no", "price"]


@pytest.mark.usefixtures("filled")
def test_export_and_import_bring_every_answer_to_another_ledger(tmp_path, monkeypatch, capsys):
    file = tmp_path / "answers.jsonl"
    assert main(["export", str(file)]) == 0
    assert [json.loads(line)["answer"] for line in file.read_text().splitlines()] == answers()
    monkeypatch.setenv("MGH_LEDGER", str(tmp_path / "other.sqlite"))
    assert main(["import", str(file)]) == 0
    assert answers() == ["Antwort № 0", "Antwort № 1", "Antwort № 2"]
    assert main(["verify"]) == 0
    assert main(["import", str(file)]) == 0
    assert "0 answers added, 3 were there" in capsys.readouterr().out


@pytest.mark.usefixtures("filled")
def test_export_of_a_model_that_is_not_there_says_so(tmp_path, capsys):
    assert main(["export", str(tmp_path / "x.jsonl"), "--model", "gpt"]) == 0
    assert "none of model gpt" in capsys.readouterr().err


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    "spoil",
    [
        lambda line: line.replace("№ 1", "№ 7"),
        lambda line: line.replace('"seed": 1', '"seed": 8'),
        lambda line: line.replace('"completion_tokens": 1', '"completion_tokens": 5'),
        lambda line: line[:40],
        lambda _: "[1, 2]",
        lambda _: '{"key": "x"}',
        lambda line: line.replace('"prompt_tokens": 10', '"prompt_tokens": "ten"'),
    ],
)
def test_line_that_was_changed_is_refused_by_number_and_the_others_are_taken(tmp_path, monkeypatch, capsys, spoil):
    file = tmp_path / "answers.jsonl"
    main(["export", str(file)])
    lines = file.read_text().splitlines()
    file.write_text("\n".join([lines[0], spoil(lines[1]), lines[2]]))
    monkeypatch.setenv("MGH_LEDGER", str(tmp_path / "other.sqlite"))
    assert main(["import", str(file)]) == 1
    assert answers() == ["Antwort № 0", "Antwort № 2"]
    assert "line 2" in capsys.readouterr().err


def test_verify_names_damaged_answers_and_sets_them_aside(filled, capsys):
    damage(filled, "update answers set answer = 'something else' where id = 2")
    damage(filled, "update answers set request = replace(request, '0', '9') where id = 1")
    assert main(["verify"]) == 1
    out, err = capsys.readouterr()
    assert "1 answers are as they were paid, 2 damaged" in out
    assert row(0).key[:16] in err
    assert row(1).key[:16] in err
    assert answers() == ["Antwort № 2"]
    assert main(["verify"]) == 0


@pytest.mark.usefixtures("filled")
def test_forget_drops_only_what_holds_no_answer(capsys):
    with Ledger() as ledger:
        ledger.put([row(7, Answer("", NO_ANSWER, 0, 0))])
    assert main(["forget"]) == 0
    assert "1 requests" in capsys.readouterr().out
    assert len(answers()) == 3


OLD = """
create table answers (key text primary key, model text not null, request text not null, answer text not null,
prompt_tokens integer not null, completion_tokens integer not null) without rowid
"""


def test_upgrade_keeps_every_answer_of_an_older_ledger_and_the_old_file(capsys):
    path = ledger_path()
    with sqlite3.connect(path) as old:
        old.execute(OLD)
        for index in range(3):
            unsorted = json.dumps({"seed": index, "model": "m"})
            old.execute("insert into answers values (?, 'm', ?, ?, 5, 6)", (row(index).key, unsorted, f"text {index}"))
    old.close()
    assert main(["list"]) == 1
    assert "stages.synthesis.ledger upgrade" in capsys.readouterr().err
    assert main(["upgrade"]) == 0
    with Ledger() as ledger:
        assert ledger.get(row(1).key) == Answer("text 1", "", 5, 6)
    assert main(["verify"]) == 0
    assert path.with_name(path.name + ".schema1").exists()
    assert main(["upgrade"]) == 1
    assert "not a ledger of an older schema" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["import", "no-such-file"], ["upgrade"]])
def test_file_that_is_not_there_is_told(command, capsys):
    assert main(command) == 1
    assert "error: ledger:" in capsys.readouterr().err


def test_command_line_runs_as_a_module_and_explains_itself():
    command = [sys.executable, "-m", "stages.synthesis.ledger", "--help"]
    out = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    for name in ("list", "export", "import", "verify", "forget", "upgrade"):
        assert name in out
