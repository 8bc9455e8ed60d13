"""`verify`: what it prints and what its exit status depends on."""

import mteb
import pytest

from stages.evaluation.mirror import verify as module
from stages.evaluation.mirror.adopt import adopt
from stages.evaluation.mirror.lock import read_lock, write_lock
from stages.evaluation.mirror.needs import needed
from stages.evaluation.mirror.statistics import computed, quiet
from stages.evaluation.mirror.use import Mirror
from stages.evaluation.mirror.verify import verify
from stages.shared.errors import UserError
from tests.evaluation.mirror import small

STS12 = "mteb/sts12-sts"


def change(folder, repository, task=None, **update):
    """Change fields of a data set's entry in the lock, or of one of its tasks."""
    lock = read_lock(folder)
    entry = lock.datasets[repository]
    if task:
        update = {"tasks": entry.tasks | {task: entry.tasks[task].model_copy(update=update)}}
    datasets = lock.datasets | {repository: entry.model_copy(update=update)}
    write_lock(folder, lock.model_copy(update={"datasets": datasets}))


def expect_its_own_statistics(folder, *names):
    """As if mteb shipped the statistics of the small data."""
    for name in names:
        task = Mirror.open(folder).attach(small.task(name))
        with quiet():
            change(folder, task.metadata.dataset["path"], name, statistics=computed(task))


def test_mirror_that_equals_its_lock_and_mtebs_statistics_is_good(locked, capsys):
    folder = locked(*small.TASKS)
    expect_its_own_statistics(folder, *small.TASKS)
    assert verify(folder, None, statistics=True).good
    out = capsys.readouterr().out
    assert all(f"{name}: equal to mteb's statistics" in out for name in small.TASKS)
    assert "files: 22 locked, 0 missing, changed or unknown" in out
    assert "tasks: 9 equal to mteb's statistics, 0 differ in 0 numbers, 0 without" in out


def test_each_bad_file_is_named_on_a_line_and_its_task_is_not_compared(locked, capsys):
    folder = locked("STS12", "SciFact")
    (folder / STS12 / "README.md").unlink()
    small.write(folder, {f"{STS12}/data/test.parquet": b"x", f"{STS12}/more.parquet": b"x"})
    tally = verify(folder, None, statistics=True)
    assert not tally.good
    assert tally.bad_files == 3
    lines = capsys.readouterr().out.splitlines()
    for state, path in (("missing", "README.md"), ("changed", "data/test.parquet"), ("unknown", "more.parquet")):
        assert f"{state:<8} {STS12}/{path}" in lines
    assert f"STS12: not compared, {STS12} is not as locked" in lines
    (advice,) = [line for line in lines if line.startswith("  next: ")]
    assert f"mirror pull {folder} fetches missing and changed files" in advice
    assert any(line.startswith("SciFact: 18 numbers differ") for line in lines)


def test_what_lies_beside_the_locked_data_sets_is_named_and_no_fault(locked, capsys):
    folder = locked("STS12")
    small.write(folder, {"NOTES.md": b"x", "other/set/a.parquet": b"x", "other/set/b.parquet": b"x"})
    capsys.readouterr()
    assert verify(folder, None, statistics=False).good
    assert capsys.readouterr().out.splitlines()[:2] == ["unlocked NOTES.md", "unlocked other/set/"]


@pytest.mark.parametrize("origin", ["hub", "folder"])
def test_difference_from_mteb_is_shown_and_fails_only_data_of_unknown_origin(locked, capsys, origin):
    folder = locked("STS12")
    change(folder, STS12, origin=origin)
    tally = verify(folder, None, statistics=True)
    assert tally.good is (origin == "hub")
    assert (tally.differing, tally.numbers) == (1, 14)
    out = capsys.readouterr().out
    assert "STS12: 14 numbers differ from mteb's\n  test.num_samples: found 4, expected 3108\n" in out
    assert out.count("expected") == module.LINES
    assert "  and 2 more\n" in out
    assert "tasks: 0 equal to mteb's statistics, 1 differ in 14 numbers" in out


def test_data_that_mteb_cannot_load_fail_with_the_reason(locked, capsys):
    folder = locked("STS12", "EmotionClassification")
    files = {f"{STS12}/data/test.parquet": b"PAR1 no parquet", "mteb/emotion/data/train.jsonl": b'{"text": "a"}\n'}
    small.write(folder, files)
    adopt(folder, needed(map(small.task, ("STS12", "EmotionClassification"))))
    tally = verify(folder, None, statistics=True)
    assert (tally.unreadable, tally.good) == (2, False)
    lines = capsys.readouterr().out.splitlines()
    place = next(place for place, line in enumerate(lines) if line.startswith("STS12: cannot be loaded from"))
    moved = f"  next: move {folder / STS12} away, and python -m stages.evaluation.mirror pull {folder} fetches"
    assert lines[place + 1].startswith(moved)


def test_pulled_data_that_mteb_cannot_load_point_to_the_mteb_that_could(locked, capsys):
    folder = locked("STS12")
    small.write(folder / STS12, {"data/test.parquet": b"PAR1 no parquet"})
    adopt(folder, needed([small.task("STS12")]))
    change(folder, STS12, origin="hub", mteb_version="1.0")
    verify(folder, None, statistics=True)
    assert (
        "\n  next: the files are the Hub's: use the mteb that the mirror was made with (1.0)" in capsys.readouterr().out
    )


def test_advice_of_the_mirror_is_kept(locked, capsys):
    folder = locked("STS12")
    change(folder, STS12, revision="f" * 40)
    assert verify(folder, None, statistics=True).unreadable == 1
    out = capsys.readouterr().out
    assert f"and the mirror {folder} has {'f' * 40}\n  next: python -m stages.evaluation.mirror pull {folder}" in out


@pytest.mark.parametrize(
    ("name", "subsets", "lacks"), [("Gone", ["default"], "no such task"), ("STS12", ["xx"], "none of its subsets xx")]
)
def test_task_that_this_mteb_does_not_have_is_told_and_may_be_named(locked, capsys, name, subsets, lacks):
    folder = locked("STS12")
    task = read_lock(folder).datasets[STS12].tasks["STS12"].model_copy(update={"subsets": subsets})
    change(folder, STS12, mteb_version="1.0", tasks={name: task})
    assert not verify(folder, [name], statistics=True).good
    out = capsys.readouterr().out
    assert f"{name}: cannot be loaded from {folder / STS12}: mteb {mteb.__version__} has {lacks}\n  next: use" in out
    assert "KeyError" not in out


def test_task_of_which_mteb_ships_nothing_is_counted(locked, capsys):
    folder = locked("STS12")
    change(folder, STS12, "STS12", statistics=None)
    assert verify(folder, None, statistics=True).good
    assert "1 without statistics" in capsys.readouterr().out


def test_statistics_of_another_mteb_are_told(locked, capsys):
    folder = locked("STS12")
    change(folder, STS12, mteb_version="1.0")
    verify(folder, None, statistics=True)
    assert "the statistics are of mteb 1.0" in capsys.readouterr().out


def test_named_tasks_alone_are_verified(locked, capsys):
    folder = locked("STS12", "SciFact", "TwentyNewsgroupsClustering", "TwentyNewsgroupsClustering.v2")
    (folder / STS12 / "README.md").unlink()
    assert verify(folder, ["SciFact", "TwentyNewsgroupsClustering.v2"], statistics=True).bad_files == 0
    out = capsys.readouterr().out
    assert "TwentyNewsgroupsClustering.v2:" in out
    assert "TwentyNewsgroupsClustering:" not in out
    with pytest.raises(UserError, match="--task: given 'Nothing', which is no task"):
        verify(folder, ["Nothing"], statistics=True)
    with pytest.raises(UserError, match=r"(?s)does not know EmotionClassification\n.*next: .*mirror list"):
        verify(folder, ["EmotionClassification"], statistics=True)


def test_tasks_are_named_as_for_pull(fill):
    aggregate = mteb.get_task("CQADupstackRetrieval")
    folder = fill("STS12")
    for part in aggregate.tasks:
        small.write(folder / part.metadata.dataset["path"], small.retrieval())
    adopt(folder, needed([aggregate, small.task("STS12")]))
    assert verify(folder, ["CQADupstackRetrieval"], statistics=False).files == 4 * len(aggregate.tasks)
    with pytest.raises(UserError, match="does not know AmazonCounterfactualClassification, "):
        verify(folder, ["MTEB(eng, v1)"], statistics=False)
