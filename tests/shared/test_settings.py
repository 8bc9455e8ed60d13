"""The settings files: the committed ones load, and each kind of mistake is named."""

import pytest
import yaml

from stages.shared.errors import UserError
from stages.shared.settings import load_settings

PARAMS, TINY = "params.yaml", "profiles/tiny.yaml"
HUB_SOURCE = {
    "kind": "hub",
    "path": "owner/data",
    "config": None,
    "revision": "0123456",
    "train_split": "train",
    "held_out_split": "test",
    "columns": {"summary": "query", "body": "passage"},
    "max_rows": 10,
}
ABSENT = object()


def change(path, key, value):
    """Set the dotted `key` of a YAML file; ABSENT takes the key out."""
    values = yaml.safe_load(path.read_text())
    *parents, last = key.split(".")
    place = values
    for parent in parents:
        place = place[parent]
    if value is ABSENT:
        del place[last]
    else:
        place[last] = value
    path.write_text(yaml.safe_dump(values))


def message(root):
    with pytest.raises(UserError) as caught:
        load_settings(root)
    return str(caught.value)


def test_committed_settings_load_and_start_from_the_tiny_profile_with_mean_pooling(settings):
    assert (settings.params.profile, settings.params.pooling) == ("tiny", "mean")
    assert settings.profile.llm.endpoint.kind == "local"
    assert settings.profile.runtime.offline


@pytest.mark.parametrize(
    ("file", "key", "value", "told"),
    [
        # unknown key
        (PARAMS, "poolin", "ata", ["poolin: unknown key, given 'ata'", "did you mean pooling?", "curriculum"]),
        (PARAMS, "ata.scor", "linear", ["ata.scor: unknown key", "did you mean score?", "detach, score"]),
        (PARAMS, "latent.head", 8, ["latent.head: unknown key", "did you mean heads?", "heads, size"]),
        (TINY, "training.stepz", 5, ["training.stepz: unknown key, given 5", "did you mean steps?", "learning_rate"]),
        (
            TINY,
            "llm.prices",
            {"m": {"promt": 1.0, "completion": 1.0, "batch": 1.0}},
            ["llm.prices.m.promt: unknown key", "did you mean prompt?", "llm.prices.m.prompt: missing; needs"],
        ),
        (TINY, "prompts.long_words", [[9, 5]], ["prompts.long_words.0: 9 is more than 5", "[fewest, most]"]),
        (TINY, "prompts.languages", {"English": 1.0}, ["prompts.languages", "English"]),
        (TINY, "corpus.source.revision", "0123456", ["corpus.source.revision: unknown key", "held_out, kind"]),
        # wrong literal
        (PARAMS, "pooling", "max", ["pooling: given 'max'", "'mean', 'last', 'latent' or 'ata'"]),
        (PARAMS, "ata.score", "log", ["ata.score: given 'log'", "'log1p' or 'linear'"]),
        (TINY, "runtime.device", "tpu", ["runtime.device: given 'tpu'", "'cpu' or 'cuda'"]),
        # out of range
        (PARAMS, "seed", -1, ["seed: given -1", "greater than or equal to 0"]),
        (PARAMS, "latent.size", 0, ["latent.size: given 0", "greater than or equal to 1"]),
        (PARAMS, "latent.heads", 0, ["latent.heads: given 0", "greater than or equal to 1"]),
        (TINY, "training.steps", 0, ["training.steps: given 0", "greater than or equal to 1"]),
        (TINY, "llm.endpoint.fault_share", 1.5, ["llm.endpoint.fault_share: given 1.5", "less than or equal to 1"]),
        (TINY, "evaluation.tasks", [], ["evaluation.tasks: given []", "at least 1 item"]),
        # wrong type
        (PARAMS, "seed", "zero", ["seed: given 'zero'", "a valid integer"]),
        (PARAMS, "latent.size", 5.5, ["latent.size: given 5.5", "a valid integer"]),
        (PARAMS, "ata.detach", "yes please", ["ata.detach: given 'yes please'", "a valid boolean"]),
        (TINY, "training.lora", 8, ["training.lora: given 8", "Lora"]),
        # missing key
        (PARAMS, "latent", ABSENT, ["latent: missing; needs Latent"]),
        (PARAMS, "attention", ABSENT, ["attention: missing", "'bidirectional', 'causal'"]),
        (TINY, "training.steps", ABSENT, ["training.steps: missing; needs int"]),
        (TINY, "corpus.source.train", ABSENT, ["corpus.source.train: missing"]),
        (TINY, "evaluation", ABSENT, ["evaluation: missing; needs Evaluation"]),
        (TINY, "training.lora", {"rank": 8, "alpha": 16}, ["training.lora.dropout: missing"]),
        # wrong kind of a union
        (TINY, "backbone.kind", "local", ["backbone.kind: given 'local'", "'scratch', 'hub'"]),
        (TINY, "llm.endpoint.kind", "azure", ["llm.endpoint.kind: given 'azure'", "'local', 'openai'"]),
        (TINY, "corpus.source.kind", ABSENT, ["corpus.source.kind: missing", "'packages', 'hub', 'files'"]),
        # a rule across keys
        (TINY, "corpus.source.held_out", ["numpy"], ["corpus.source", "numpy stands in both train and held_out"]),
    ],
)
def test_mistake_is_told_with_file_key_value_and_what_is_allowed(repository, file, key, value, told):
    change(repository / file, key, value)
    text = message(repository)
    assert text.startswith(f"{file}: ")
    for part in told:
        assert part in text


def test_all_mistakes_of_a_file_are_told_at_once(repository):
    change(repository / PARAMS, "pooling", "max")
    change(repository / PARAMS, "seed", -1)
    assert len(message(repository).splitlines()) == 2


def test_key_of_another_union_member_is_unknown_where_it_stands(repository):
    change(repository / TINY, "corpus.source", {**HUB_SOURCE, "max_per_package": 5})
    text = message(repository)
    assert "corpus.source.max_per_package: unknown key" in text
    assert "held_out_split" in text


def test_every_kind_of_source_loads(repository):
    change(repository / TINY, "corpus.source", HUB_SOURCE)
    assert load_settings(repository).profile.corpus.source.path == "owner/data"


def test_profile_that_does_not_exist_is_told_with_those_that_do(repository):
    change(repository / PARAMS, "profile", "huge")
    (repository / "profiles" / "big.yaml").touch()
    text = message(repository)
    assert "params.yaml: profile: given 'huge'" in text
    assert "profiles/huge.yaml does not exist" in text
    allowed = text.splitlines()[0].rpartition("allowed: ")[2].split(", ")
    assert allowed == sorted(path.stem for path in (repository / "profiles").glob("*.yaml"))


@pytest.mark.parametrize("file", [PARAMS, TINY])
@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"seed: [1, 2", "is not valid YAML"),
        (b"seed: \xff\xfe", "is not valid YAML"),
        (b"", "must hold keys and values, given NoneType"),
        (b"- seed", "must hold keys and values, given list"),
    ],
)
def test_file_that_is_no_mapping_is_named(repository, file, content, told):
    (repository / file).write_bytes(content)
    assert message(repository).startswith(f"{file} {told}")


def test_absent_params_file_is_named_with_the_folder_to_run_from(tmp_path):
    text = message(tmp_path)
    assert f"params.yaml does not exist in {tmp_path}" in text
    assert "top folder" in text


def test_profile_that_dvc_has_rewritten_reads_the_same(repository, settings):
    from dvc.utils.serialize import modify_yaml

    with modify_yaml("profiles/tiny.yaml") as values:  # what `dvc exp run -S profiles/tiny.yaml:...` does
        values["llm"]["seed"] = 5
    assert "precision: no " in (repository / "profiles/tiny.yaml").read_text()
    profile = load_settings().profile
    assert profile.llm.seed == 5
    assert profile.runtime == settings.profile.runtime
    assert profile.training == settings.profile.training
