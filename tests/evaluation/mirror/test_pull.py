"""`pull` against a Hub on this machine."""

import errno

import mteb
import pytest

from stages.evaluation.mirror import hub as client
from stages.evaluation.mirror import pull as module
from stages.evaluation.mirror.choices import chosen
from stages.evaluation.mirror.lock import read_lock
from stages.evaluation.mirror.needs import needed
from stages.evaluation.mirror.pull import pull
from stages.shared.errors import UserError
from tests.evaluation.mirror import small
from tests.evaluation.mirror.conftest import reach

NAMES = ("STS12", "EmotionClassification")
STS12, EMOTION = "mteb/sts12-sts", "mteb/emotion"


def needs(*names):
    return needed(map(small.task, names or NAMES))


@pytest.fixture
def stocked(hub):
    """A Hub that has the data of NAMES at the revisions that mteb pins."""
    for name in NAMES:
        metadata = small.task(name).metadata
        hub.add(metadata.dataset["path"], metadata.revision, small.TASKS[name]())
    return hub


def test_pull_copies_the_files_of_the_pinned_revision_and_locks_them(stocked, tmp_path, capsys):
    folder = tmp_path / "new" / "mirror"
    assert pull(folder, needs()) == []
    for name, repository in zip(NAMES, (STS12, EMOTION), strict=True):
        for path, content in small.TASKS[name]().items():
            if not path.startswith("."):
                assert (folder / repository / path).read_bytes() == content
        assert not (folder / repository / ".cache").exists()
    lock = read_lock(folder)
    entry = lock.datasets[STS12]
    assert (entry.revision, entry.origin) == (mteb.get_task("STS12").metadata.revision, "hub")
    assert sorted(entry.files) == ["README.md", "data/test.parquet"]
    assert entry.tasks["STS12"].statistics == mteb.get_task("STS12").metadata.descriptive_stats
    assert "2 data sets" in capsys.readouterr().out
    assert len(stocked.served) == 5


def test_what_is_there_as_locked_is_not_fetched_again_and_what_is_not_is_alone(stocked, tmp_path):
    pull(tmp_path, needs())
    stocked.served.clear()
    assert pull(tmp_path, needs()) == []
    assert stocked.served == []
    (tmp_path / STS12 / "data/test.parquet").unlink()
    (tmp_path / EMOTION / "README.md").write_text("changed")
    assert pull(tmp_path, needs()) == []
    assert f"{STS12}/data/test.parquet" in stocked.served
    assert f"{EMOTION}/data/test.jsonl" in stocked.served  # small files are in git: nothing tells that it is the same
    assert (tmp_path / EMOTION / "README.md").read_bytes() == small.emotion()["README.md"]


def test_stopped_pull_goes_on_with_the_next_file(stocked, tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "hash_files", stop)
        with pytest.raises(KeyboardInterrupt):
            pull(tmp_path, needs("EmotionClassification"))
    stocked.served.clear()
    assert pull(tmp_path, needs("EmotionClassification")) == []
    assert stocked.served == []
    assert EMOTION in read_lock(tmp_path).datasets


def test_one_data_set_that_fails_does_not_cost_the_others(stocked, tmp_path):
    del stocked.repositories[STS12]
    failed = pull(tmp_path, needs())
    assert len(failed) == 1
    assert failed[0].startswith(f"{STS12}, for STS12: there is no such dataset repository")
    assert list(read_lock(tmp_path).datasets) == [EMOTION]


def test_revision_that_the_hub_no_longer_has_is_told(stocked, tmp_path):
    stocked.repositories[STS12] = {"0" * 40: {}}
    assert "no longer has its revision a0d554a" in pull(tmp_path, needs("STS12"))[0]


def test_file_that_arrives_damaged_is_refused_and_comes_anew(stocked, tmp_path):
    stocked.damaged = {"data/test.parquet", "data/test.jsonl"}
    failed = pull(tmp_path, needs())
    assert ["damaged" in line for line in failed] == [True, True]
    assert not (tmp_path / STS12 / "data/test.parquet").exists()
    stocked.damaged = set()
    assert pull(tmp_path, needs()) == []


def test_server_error_at_one_file_fails_its_data_set_alone(stocked, tmp_path):
    stocked.troubles = {"data/test.parquet": 403}
    failed = pull(tmp_path, needs())
    assert [line.split(",")[0] for line in failed] == [STS12]


@pytest.mark.usefixtures("stocked")
def test_file_that_the_hub_does_not_have_is_named_and_left(tmp_path):
    small.write(tmp_path / STS12, {"data/test-2.parquet": b"mine"})
    assert "test-2.parquet" in pull(tmp_path, needs("STS12"))[0]
    assert (tmp_path / STS12 / "data/test-2.parquet").read_bytes() == b"mine"


def test_newer_revision_replaces_the_older_with_its_files(stocked, tmp_path):
    pull(tmp_path, needs())
    newer = needs("STS12")
    newer[0].revision = "1" * 40
    files = {path.replace("data", "rows"): content.replace(b"data", b"rows") for path, content in small.sts(1).items()}
    stocked.add(STS12, "1" * 40, files)
    assert pull(tmp_path, newer) == []
    assert read_lock(tmp_path).datasets[STS12].revision == "1" * 40
    assert not (tmp_path / STS12 / "data/test.parquet").exists()


@pytest.mark.usefixtures("stocked")
def test_second_revision_that_another_task_needs_is_refused(tmp_path):
    pull(tmp_path, needs())
    both = needed([mteb.get_task("EmotionClassification"), mteb.get_task("EmotionClassification.v2")])
    assert [need.repository for need in both] == [EMOTION, EMOTION]
    failed = pull(tmp_path, both)
    assert len(failed) == 1
    assert "4f58c6b for EmotionClassification, and EmotionClassification.v2 needs 13535ec" in failed[0]


def test_later_pull_joins_the_subsets_of_a_task(hub, tmp_path):
    metadata = small.task("Tatoeba").metadata
    hub.add(metadata.dataset["path"], metadata.revision, small.tatoeba())
    for subset in ("deu-eng", "fra-eng"):
        pull(tmp_path, needed([mteb.get_task("Tatoeba", hf_subsets=[subset])]))
    entry = read_lock(tmp_path).datasets[metadata.dataset["path"]].tasks["Tatoeba"]
    assert entry.subsets == ["deu-eng", "fra-eng"]
    assert list(entry.statistics["test"]["hf_subset_descriptive_stats"]) == ["deu-eng", "fra-eng"]


def test_parts_of_a_task_that_are_named_apart_are_joined(hub, tmp_path):
    metadata = small.task("Tatoeba").metadata
    hub.add(metadata.dataset["path"], metadata.revision, small.tatoeba())
    both = needed(chosen(["Tatoeba:deu-eng", "Tatoeba:fra-eng", "Tatoeba:deu-eng"]))
    assert [need.names for need in both] == ["Tatoeba"]
    assert pull(tmp_path, both) == []
    assert read_lock(tmp_path).datasets[metadata.dataset["path"]].tasks["Tatoeba"].subsets == ["deu-eng", "fra-eng"]
    hub.repositories.clear()
    (tmp_path / metadata.dataset["path"] / "README.md").unlink()
    assert pull(tmp_path, both)[0].startswith(f"{metadata.dataset['path']}, for Tatoeba: ")


def test_without_a_network_there_is_one_message(tmp_path, monkeypatch, capfd):
    reach(monkeypatch, "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _: None)  # between its tries
    with pytest.raises(UserError, match=r"cannot reach http://127.0.0.1:9(?s:.*)next: check the network"):
        pull(tmp_path, needs())
    assert capfd.readouterr().err == ""


def test_offline_variable_is_named_as_the_cause(tmp_path):
    with pytest.raises(UserError, match="HF_HUB_OFFLINE is set"):
        pull(tmp_path, needs())


def test_data_set_larger_than_the_disk_is_refused_before_it_comes(stocked, tmp_path, monkeypatch):
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 10}))
    with pytest.raises(UserError, match=r"no space left for .*sts12-sts: .* are to come, 10 B are free"):
        pull(tmp_path, needs())
    assert stocked.served == []


@pytest.mark.usefixtures("stocked")
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), RuntimeError("No space left on device")])
def test_disk_that_fills_up_stops_with_one_message(tmp_path, monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(client, "snapshot_download", fail)
    with pytest.raises(UserError, match=f"no space left for {tmp_path / STS12}\n"):
        pull(tmp_path, needs())


@pytest.mark.usefixtures("stocked")
def test_damaged_lock_is_not_overwritten(tmp_path):
    (tmp_path / "mirror.lock.json").write_text("{")
    with pytest.raises(UserError, match="cannot be read"):
        pull(tmp_path, needs())
    assert (tmp_path / "mirror.lock.json").read_text() == "{"
