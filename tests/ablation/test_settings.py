"""The settings of a cell: the repository's with a change, or one message."""

import pytest

from stages.ablation.settings import write_settings
from stages.shared.errors import UserError
from stages.shared.settings import load_settings


@pytest.mark.parametrize(
    ("change", "read", "value"),
    [
        ("pooling=ata", lambda settings: settings.params.pooling, "ata"),
        ("ata.score=linear", lambda settings: settings.params.ata.score, "linear"),
        ("seed=3", lambda settings: settings.params.seed, 3),
        ("training.steps=7", lambda settings: settings.profile.training.steps, 7),
        ("evaluation.baselines=[bm25]", lambda settings: settings.profile.evaluation.baselines, ["bm25"]),
        ("training.lora=null", lambda settings: settings.profile.training.lora, None),
        ("runtime.precision=no", lambda settings: settings.profile.runtime.precision, "no"),
    ],
)
def test_one_setting_is_another(repository, tmp_path, change, read, value):
    write_settings(repository, tmp_path / "cell", [change])
    assert read(load_settings(tmp_path / "cell")) == value


def test_all_others_stay(repository, tmp_path):
    write_settings(repository, tmp_path / "cell", [])
    assert load_settings(tmp_path / "cell") == load_settings(repository)


def test_of_equal_keys_the_last_counts(repository, tmp_path):
    write_settings(repository, tmp_path / "cell", ["training.steps=7", "training.steps=9"])
    assert load_settings(tmp_path / "cell").profile.training.steps == 9


def test_mirror_is_found_from_the_cell_too(repository, tmp_path):
    profile = repository / "profiles/tiny.yaml"
    profile.write_text(profile.read_text().replace("mirror: null", "mirror: ../mirror"))
    write_settings(repository, tmp_path / "cell", [])
    assert load_settings(tmp_path / "cell").profile.evaluation.mirror == str(repository.parent / "mirror")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("pooling", "must be key=value"),
        ("=ata", "must be key=value"),
        ("pooling=atta", r"pooling: given 'atta'; allowed: "),
        ("poling=ata", "do not read it; allowed: ata, attention, .*evaluation"),
        ("profile=small", "do not read it"),
        ("backbone.layers=4", "do not read it"),
        ("training=null", "do not read it"),
        ("pooling.kind=ata", "pooling is 'mean', it has no keys"),
        ("training.stepps=7", r"training\.stepps"),
        ("pooling=[", "is not a value in YAML"),
    ],
)
def test_change_that_cannot_be_is_told(repository, tmp_path, change, message):
    with pytest.raises(UserError, match=message):
        write_settings(repository, tmp_path / "cell", [change])
