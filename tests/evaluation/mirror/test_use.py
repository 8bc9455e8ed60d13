"""Tasks that read the mirror: checked first, with the network off, never stale."""

import io
import os
import pickle
import tarfile

import mteb
import numpy as np
import pytest
from mteb.models.abs_encoder import AbsEncoder
from mteb.models.model_meta import ModelMeta

from stages.evaluation.mirror import files
from stages.evaluation.mirror.adopt import adopt
from stages.evaluation.mirror.lock import Lock, read_lock, write_lock
from stages.evaluation.mirror.needs import needed
from stages.evaluation.mirror.use import Mirror
from stages.evaluation.tasks import OWN_TASKS
from stages.shared.errors import UserError
from tests.evaluation.mirror import small


class Letters(AbsEncoder):
    """Embeds a text by the letters in it, with a little of its length."""

    mteb_model_meta = ModelMeta.create_empty()

    def encode(self, inputs, **_):
        texts = [text for batch in inputs for text in batch["text"]]
        return np.array([[1 + text.count(letter) for letter in "abcdefg01234"] + [len(text)] for text in texts], float)


@pytest.mark.parametrize("name", small.TASKS)
@pytest.mark.usefixtures("no_network")
@pytest.mark.filterwarnings("ignore::UserWarning:mteb")
def test_task_of_each_type_is_scored_from_the_mirror_without_a_network(locked, name):
    mirror = Mirror.open(locked(name))
    task = mirror.attach(small.task(name))
    revision, path = type(task).metadata.revision, type(task).metadata.dataset["path"]
    outcome = mteb.evaluate(Letters(), task, cache=None, co2_tracker=False, show_progress_bar=False)
    result = outcome.task_results[0]
    assert np.isfinite(result.get_score())
    assert result.dataset_revision == revision
    assert (task.metadata.revision, task.metadata.dataset["path"]) == (revision, path)
    assert {row["hf_subset"] for row in result.scores["test"]} == set(small.SUBSETS.get(name, ["default"]))


def test_task_reads_the_mirror_again_after_it_was_unloaded(locked):
    task = Mirror.open(locked("STS12")).attach(small.task("STS12"))
    for _ in range(2):
        task.load_data()
        assert len(task.dataset["test"]) == 4
        assert task.metadata is type(task).metadata
        task.unload_data()


def test_attached_task_survives_pickling(locked):
    task = pickle.loads(pickle.dumps(Mirror.open(locked("STS12")).attach(small.task("STS12"))))
    task.load_data()
    assert len(task.dataset["test"]) == 4


def test_other_tasks_of_the_class_still_read_the_hub(locked):
    before = type(small.task("STS12")).load_data
    Mirror.open(locked("STS12")).attach(small.task("STS12"))
    other = small.task("STS12")
    assert type(other).load_data is before
    assert other.load_data.__func__ is before


def test_all_parts_of_an_aggregate_are_attached_and_checked(fill):
    aggregate = mteb.get_task("CQADupstackRetrieval")
    folder = fill()
    for part in aggregate.tasks:
        small.write(folder / part.metadata.dataset["path"], small.retrieval())
    adopt(folder, needed([aggregate]))
    mirror = Mirror.open(folder)
    mirror.check(aggregate)
    mirror.attach(aggregate)
    try:
        for part in (aggregate.tasks[0], aggregate.tasks[-1]):
            part.load_data()
            assert len(part.dataset["default"]["test"]["corpus"]) == 6
            part.unload_data()
    finally:
        for part in aggregate.tasks:  # they belong to the class
            del part.load_data


@pytest.mark.parametrize("keep_time", [False, True])
def test_data_that_changed_and_were_locked_anew_are_never_served_from_before(locked, keep_time):
    folder = locked("STS12")
    path = folder / "mteb/sts12-sts/data/test.parquet"
    assert scores(folder) == [0.0, 1.0, 2.0, 3.0]
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    path.write_bytes(small.sts(1)["data/test.parquet"])
    if keep_time:
        os.utime(path, ns=times)
        files._digest.cache_clear()  # as another process, that has not hashed it before
    adopt(folder, needed([small.task("STS12")]))
    assert scores(folder) == [1.0, 2.0, 3.0, 4.0]
    path.write_bytes(small.sts()["data/test.parquet"])
    adopt(folder, needed([small.task("STS12")]))
    assert scores(folder) == [0.0, 1.0, 2.0, 3.0]


def test_unpacked_archives_are_never_served_from_before(fill):
    def archive(score):
        content, buffer = small.jsonl([{"sentence1": "a", "sentence2": "b", "score": score}]), io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            member = tarfile.TarInfo("test.jsonl")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        return small.repository({"default": {"test": ("test.jsonl.tar.gz", buffer.getvalue())}})

    folder = fill()
    for score in (1.0, 2.0):
        small.write(folder / "mteb/sts12-sts", archive(score))
        adopt(folder, needed([small.task("STS12")]))
        assert scores(folder) == [score]


def scores(folder):
    task = Mirror.open(folder).attach(small.task("STS12"))
    task.load_data()
    return list(task.dataset["test"]["score"])


@pytest.mark.parametrize(
    ("path", "content", "state"),
    [("data/test.parquet", None, "missing"), ("README.md", b"x", "changed"), ("data/test-1.parquet", b"x", "unknown")],
)
def test_file_that_is_not_as_locked_stops_the_task_and_is_named(locked, path, content, state):
    folder = locked("STS12")
    target = folder / "mteb/sts12-sts" / path
    target.write_bytes(content) if content else target.unlink()
    mirror = Mirror.open(folder)
    message = rf"(?s)1 of the files of mteb/sts12-sts, which STS12 needs.*{path} \({state}\).*next: .* pull {folder}"
    with pytest.raises(UserError, match=message):
        mirror.check(small.task("STS12"))
    with pytest.raises(UserError, match=state):
        mirror.attach(small.task("STS12")).load_data()


def test_change_that_keeps_the_size_is_found(locked):
    folder = locked("EmotionClassification")
    path = folder / "mteb/emotion/data/test.jsonl"
    Mirror.open(folder).check(small.task("EmotionClassification"))
    path.write_bytes(path.read_bytes().replace(b'"label": 0', b'"label": 1', 1))
    with pytest.raises(UserError, match="changed"):
        Mirror.open(folder).check(small.task("EmotionClassification"))


def test_file_is_hashed_once_per_process(locked, monkeypatch):
    folder = locked("STS12")
    files._digest.cache_clear()
    hashed = []
    digest = files._digest
    monkeypatch.setattr(files, "_digest", lambda *state: hashed.append(state) or digest(*state))
    for _ in range(3):
        Mirror.open(folder).check(small.task("STS12"))
    assert digest.cache_info().misses == 2
    assert len(hashed) == 6


def test_task_whose_data_are_not_in_the_mirror_names_what_to_pull(locked):
    folder = locked("STS12")
    with pytest.raises(UserError, match=r"no data for SciFact \(mteb/scifact\)"):
        Mirror.open(folder).check(small.task("SciFact"))


def test_all_tasks_whose_data_are_not_in_the_mirror_have_one_advice(locked):
    mirror = Mirror.open(locked("STS12"))
    advice = set()
    for name in ("SciFact", "Tatoeba", "TwitterURLCorpus"):
        with pytest.raises(UserError) as caught:
            mirror.check(small.task(name))
        advice.add(caught.value.next)
    assert advice == {f"python -m stages.evaluation.mirror pull {mirror.folder}"}


def test_folder_may_begin_at_home(locked, monkeypatch):
    folder = locked("STS12")
    monkeypatch.setenv("HOME", str(folder.parent))
    mirror = Mirror.open("~/mirror")
    assert mirror.folder == folder
    mirror.check(small.task("STS12"))


def test_origin_is_a_folder_unless_all_data_of_the_task_are_the_hubs(fill):
    aggregate = mteb.get_task("CQADupstackRetrieval")
    folder = fill("STS12")
    for part in aggregate.tasks:
        small.write(folder / part.metadata.dataset["path"], small.retrieval())
    adopt(folder, needed([aggregate, small.task("STS12")]))
    assert Mirror.open(folder).origin(aggregate) == "folder"
    lock = read_lock(folder)
    pulled = {name: entry.model_copy(update={"origin": "hub"}) for name, entry in lock.datasets.items()}
    assert Mirror(folder, Lock(datasets=pulled)).origin(aggregate) == "hub"
    last = aggregate.tasks[-1].metadata.dataset["path"]
    mixed = Mirror(folder, Lock(datasets=pulled | {last: lock.datasets[last]}))
    assert [mixed.origin(task) for task in (aggregate, small.task("STS12"))] == ["folder", "hub"]
    assert mixed.origin(small.task("SciFact")) == "folder"  # nobody knows


def test_other_revision_is_refused_with_both_named(locked):
    folder = locked("STS12")
    lock = read_lock(folder)
    entry = lock.datasets["mteb/sts12-sts"].model_copy(update={"revision": "f" * 40})
    write_lock(folder, lock.model_copy(update={"datasets": {"mteb/sts12-sts": entry}}))
    with pytest.raises(
        UserError, match=f"at revision a0d554a[0-9a-f]*, and the mirror .* has {'f' * 40}\n  next: .* pull {folder}, or"
    ):
        Mirror.open(folder).check(small.task("STS12"))


def test_our_own_tasks_need_no_mirror(locked, held_out):
    mirror = Mirror.open(locked("STS12"))
    task = OWN_TASKS["DocsSTS"](held_out)
    mirror.check(task)
    mirror.attach(task)
    assert "load_data" not in vars(task)
    assert mirror.origin(task) == "hub"
