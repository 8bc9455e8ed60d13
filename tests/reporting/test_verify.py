import sys

import pytest

from stages.reporting import verify
from stages.shared.files import write_text


def _lock(path, outputs, extra=""):
    stages = "".join(
        f"  {name}:\n    outs:\n" + "".join(f"    - {{path: {p}, md5: '{m}'}}\n" for p, m in rows)
        for name, rows in outputs.items()
    )
    write_text(path, f"stages:\n{stages}{extra}")
    return str(path)


@pytest.fixture
def run(tmp_path, monkeypatch):
    def run(committed, new, extra=""):
        files = [_lock(tmp_path / "old.lock", committed), _lock(tmp_path / "new.lock", new, extra)]
        monkeypatch.setattr(sys, "argv", ["verify", *files])
        verify.main()

    return run


BASE = {"corpus": [("data/corpus", "1")], "training": [("data/encoder", "2"), ("reports/t.json", "3")]}


def test_equal_locks_pass_and_say_how_many_outputs_were_compared(run, capsys):
    run(BASE, BASE)
    assert "3 outputs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changed", "state"),
    [
        ({**BASE, "training": [("data/encoder", "9"), ("reports/t.json", "3")]}, "differs"),
        ({**BASE, "training": [("data/encoder", "2")]}, "missing"),
        ({"corpus": BASE["corpus"]}, "missing"),
        ({**BASE, "evaluation": [("data/evaluation", "4")]}, "new"),
    ],
    ids=["another hash", "an output less", "a stage less", "a stage more"],
)
def test_any_other_output_fails_and_is_named(run, capsys, changed, state):
    with pytest.raises(SystemExit, match="error: verify:"):
        run(BASE, changed)
    assert state in capsys.readouterr().out


def test_equal_outputs_from_other_code_or_settings_fail_too(run):
    with pytest.raises(SystemExit, match="code or settings are not those of the committed lock"):
        run(BASE, BASE, extra="# changed\n")


def test_a_file_that_is_no_lock_is_named(tmp_path, monkeypatch):
    write_text(tmp_path / "empty.lock", "")
    monkeypatch.setattr(sys, "argv", ["verify", str(tmp_path / "empty.lock"), str(tmp_path / "none.lock")])
    with pytest.raises(SystemExit, match=r"empty\.lock is not a readable dvc\.lock"):
        verify.main()
