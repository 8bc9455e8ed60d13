"""The lock of a folder that was filled by hand."""

import mteb
import pytest

from stages.evaluation.mirror.adopt import adopt
from stages.evaluation.mirror.files import hash_files
from stages.evaluation.mirror.lock import read_lock, write_lock
from stages.evaluation.mirror.needs import needed
from stages.shared.errors import UserError
from tests.evaluation.mirror import small


def needs(*names):
    return needed(map(small.task, names))


def test_what_is_there_is_locked_at_the_revision_of_mteb_and_the_rest_is_named(fill):
    folder = fill("STS12", "SciFact")
    assert adopt(folder, needs("STS12", "SciFact", "EmotionClassification")) == ["mteb/emotion is not there"]
    lock = read_lock(folder)
    assert list(lock.datasets) == ["mteb/scifact", "mteb/sts12-sts"]
    entry = lock.datasets["mteb/scifact"]
    assert (entry.origin, entry.revision) == ("folder", mteb.get_task("SciFact").metadata.revision)
    assert entry.files == hash_files(folder / "mteb/scifact")
    assert entry.mteb_version == mteb.__version__


def test_tasks_that_were_locked_before_stay_locked(locked):
    folder = locked("STS12", "TwentyNewsgroupsClustering")
    adopt(folder, needs("TwentyNewsgroupsClustering.v2"))
    lock = read_lock(folder)
    assert "mteb/sts12-sts" in lock.datasets
    tasks = lock.datasets["mteb/twentynewsgroups-clustering"].tasks
    assert sorted(tasks) == ["TwentyNewsgroupsClustering", "TwentyNewsgroupsClustering.v2"]


@pytest.mark.parametrize("changed", [False, True])
def test_pulled_data_are_the_hubs_as_long_as_they_stay_as_they_came(locked, changed):
    folder = locked("STS12")
    lock = read_lock(folder)
    pulled = lock.datasets["mteb/sts12-sts"].model_copy(update={"origin": "hub"})
    write_lock(folder, lock.model_copy(update={"datasets": {"mteb/sts12-sts": pulled}}))
    if changed:
        (folder / "mteb/sts12-sts/README.md").write_text("mine")
    adopt(folder, needs("STS12"))
    assert read_lock(folder).datasets["mteb/sts12-sts"].origin == ("folder" if changed else "hub")


def test_second_revision_of_a_repository_is_refused(fill):
    folder = fill("EmotionClassification")
    both = needed([mteb.get_task("EmotionClassification"), mteb.get_task("EmotionClassification.v2")])
    refused = adopt(folder, both)
    assert len(refused) == 1
    assert "EmotionClassification.v2 needs 13535ec" in refused[0]
    assert list(read_lock(folder).datasets["mteb/emotion"].tasks) == ["EmotionClassification"]


def test_folder_without_any_of_the_data_is_refused(fill):
    folder = fill("STS12")
    with pytest.raises(UserError, match=r"(?s)none of the tasks.*folders like mteb/scifact/"):
        adopt(folder, needs("SciFact"))
    assert not (folder / "mirror.lock.json").exists()


def test_folder_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        adopt(tmp_path / "nowhere", needs("STS12"))
