"""`python -m stages.evaluation.mirror`: choices, exit status, messages."""

import subprocess
import sys

import pytest

from stages.evaluation.mirror import choices
from stages.evaluation.mirror.__main__ import main
from stages.evaluation.mirror.choices import chosen
from stages.evaluation.mirror.lock import read_lock
from stages.evaluation.mirror.needs import needed
from stages.shared.errors import UserError
from tests.conftest import REPOSITORY
from tests.evaluation.mirror import small


def test_lock_then_list_then_verify(fill, capsys):
    folder = fill("STS12", "Tatoeba")
    tasks = ["STS12", "Tatoeba:deu-eng,fra-eng", "SciFact"]
    assert main(["lock", str(folder), "--task", *tasks]) == 1
    out, err = capsys.readouterr()
    assert err.endswith("not locked: mteb/scifact is not there\n")
    assert out.endswith(f"next: python -m stages.evaluation.mirror verify {folder}\n")
    assert main(["lock", str(folder), "--task", *tasks[:2]]) == 0
    assert "not locked" not in capsys.readouterr().err
    assert read_lock(folder).datasets["mteb/tatoeba-bitext-mining"].tasks["Tatoeba"].subsets == ["deu-eng", "fra-eng"]
    assert main(["list", str(folder)]) == 0
    head, tatoeba, sts, total = capsys.readouterr().out.splitlines()
    assert head.split() == ["task", "type", "data", "set", "revision", "size", "state"]
    assert tatoeba.split()[:2] == ["Tatoeba", "BitextMining"]
    assert sts.split() == ["STS12", "STS", "mteb/sts12-sts", "a0d554a", "1.1", "KiB", "complete"]
    assert total.startswith("2 tasks, 2 data sets, ")
    assert main(["verify", str(folder), "--files-only"]) == 0
    assert main(["verify", str(folder)]) == 1  # these data are not mteb's


def test_list_tells_what_is_missing_or_of_another_size(locked, capsys):
    folder = locked("STS12", "SciFact")
    (folder / "mteb/sts12-sts/README.md").unlink()
    small.write(folder / "mteb/scifact", {"corpus.jsonl": b"x", "more.jsonl": b"x"})
    main(["list", str(folder)])
    out = capsys.readouterr().out
    assert "1 missing\n" in out
    assert "1 of another size, 1 unknown\n" in out


def test_pull_names_what_failed_and_fails(hub, tmp_path, capsys):
    metadata = small.task("STS12").metadata
    hub.add(metadata.dataset["path"], metadata.revision, small.sts())
    assert main(["pull", str(tmp_path), "--task", "STS12", "SciFact"]) == 1
    out, err = capsys.readouterr()
    assert "1 data sets" in out
    assert "error: mirror: 1 of 2 data sets failed\n  mteb/scifact, for SciFact: there is no such" in err
    assert "  next: run the same command again" in err
    assert main(["pull", str(tmp_path), "--task", "STS12"]) == 0


@pytest.mark.parametrize("command", ["list", "verify"])
def test_folder_that_is_no_mirror_is_told_without_a_traceback(command, tmp_path, capsys):
    assert main([command, str(tmp_path / "nowhere")]) == 1
    assert "error: mirror: the mirror" in capsys.readouterr().err


def test_folder_that_may_not_be_written_is_told_without_a_traceback(tmp_path, capsys):
    (tmp_path / "file").write_text("x")
    assert main(["pull", str(tmp_path / "file"), "--task", "STS12"]) == 1
    assert "error: mirror: " in capsys.readouterr().err


def test_interrupt_ends_with_130(tmp_path, monkeypatch, capsys):
    def stop(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(choices, "chosen", stop)
    assert main(["pull", str(tmp_path)]) == 130
    assert "the same command goes on" in capsys.readouterr().err


@pytest.mark.usefixtures("repository")
def test_profile_without_tasks_of_mteb_is_told(tmp_path, capsys):
    assert main(["pull", str(tmp_path / "mirror")]) == 1
    assert "need no data of the Hub" in capsys.readouterr().err


def test_profile_names_the_tasks_unless_the_command_does(repository):
    profile = (repository / "profiles/tiny.yaml").read_text()
    line = next(line for line in profile.splitlines() if line.startswith("  tasks: [Docs"))
    tasks = "  tasks: [DocsSTS, STS12, {task: Tatoeba, subsets: [fra-eng]}, CQADupstackRetrieval]"
    (repository / "profiles/tiny.yaml").write_text(profile.replace(line, tasks))
    tasks = chosen(None)
    assert [task.metadata.name for task in tasks[:3]] == ["STS12", "Tatoeba", "CQADupstackAndroidRetrieval"]
    assert tasks[1].hf_subsets == ["fra-eng"]
    assert len(tasks) == 14
    assert len(chosen(["SciFact"])) == 1
    assert len(chosen(["MTEB(eng, v1)"])) == 67  # 55 tasks, and the 12 parts of CQADupstack


def test_unknown_subset_is_told_with_those_that_there_are():
    with pytest.raises(UserError, match=r"^--task: Tatoeba has no subsets klingon; allowed: .*deu-eng"):
        chosen(["Tatoeba:klingon"])


def test_unknown_name_is_told_as_given_on_the_command_line():
    with pytest.raises(UserError, match=r"^--task: given 'STS99', which is no task (?s:.*)next: choose among"):
        chosen(["STS12", "STS99"])


def test_task_may_be_named_twice_and_in_a_benchmark():
    assert len(chosen(["STS12", "STS12"])) == 2
    assert len(needed(chosen(["STS12", "MTEB(eng, v1)", "STS12"]))) == len(needed(chosen(["MTEB(eng, v1)"])))


def test_help_names_the_commands_without_loading_the_packages():
    code = "import sys; from stages.evaluation.mirror.__main__ import main\ntry: main(['--help'])\n"
    code += "finally: assert not {'mteb', 'torch', 'datasets'} & set(sys.modules)"
    command = [sys.executable, "-c", code]
    out = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    for name in ("pull", "lock", "verify", "list"):
        assert f"    {name} " in out
