"""`python -m stages.evaluation.export` as a person meets it."""

import errno

import pytest

from stages.encoder import EncoderConfig
from stages.evaluation.export.__main__ import main
from stages.shared import runtime
from tests.evaluation.export.conftest import save_encoder


@pytest.fixture(autouse=True)
def _arithmetic_of_the_tests(monkeypatch):
    """Threads and kernels are set for a whole process, and these tests share theirs with others."""
    for name in ("pin", "pin_torch"):
        monkeypatch.setattr(runtime, name, lambda *_args, **_kwargs: None)


@pytest.fixture
def project(repository, backbone):
    """A project whose training has run."""
    save_encoder(EncoderConfig("ata", "bidirectional"), repository / "data/encoder", backbone)
    return repository


def test_export_says_what_to_do_with_it(project, capsys):
    assert main(["model"]) == 0
    out = capsys.readouterr().out
    assert "model: bidirectional attention, ata pooling" in out
    assert "SentenceTransformer('model', trust_remote_code=True)" in out
    assert "note: no scores in the model card" in out
    assert (project / "model/README.md").exists()
    assert main(["model"]) == 1
    assert main(["model", "--overwrite", "--encoder", "data/encoder"]) == 0


def test_what_cannot_be_done_is_one_message(project, capsys):
    assert main(["model", "--adapter"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: export: --adapter: data/encoder holds a whole model")
    assert "\n  next: " in error
    assert "Traceback" not in error
    assert not (project / "model").exists()


@pytest.mark.usefixtures("repository")
def test_missing_encoder_is_told(capsys):
    assert main(["model"]) == 1
    assert "data/encoder does not exist\n  next: run `dvc repro`" in capsys.readouterr().err


def test_outside_of_the_repository_the_settings_are_missed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["model"]) == 1
    assert "params.yaml does not exist" in capsys.readouterr().err


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "model/x"),
            1,
            "error: export: no space left for model/x\n  next: free some space",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "data/encoder/model.safetensors"),
            1,
            "error: export: Permission denied: data/encoder/model.safetensors\n  next: see whether you may read",
        ),
        (KeyboardInterrupt(), 130, "export: stopped; nothing was written"),
    ],
)
def test_disk_permissions_and_ctrl_c_end_without_a_traceback(monkeypatch, capsys, error, status, message):
    def stopped(*_args, **_kwargs):
        raise error

    monkeypatch.setattr("stages.evaluation.export.write.write_export", stopped)
    assert main(["model"]) == status
    assert message in capsys.readouterr().err


def test_help_names_every_option(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert all(option in out for option in ("FOLDER", "--encoder", "--adapter", "--overwrite", "trust_remote_code"))
