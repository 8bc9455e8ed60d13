"""`python -m ata_pooling.show`: what it prints, and what it says when something is wrong."""

import io
import json
import re

import pytest
from ata_pooling import show
from transformers import BloomConfig, BloomModel, Gemma2Config, Gemma2Model, T5Config, T5Model

TEXT = "Compute the matrix, then stop."
SIZES = {"vocab_size": 320, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4}


@pytest.fixture
def model(backbone):
    return str(backbone / "model")


@pytest.fixture
def run(capsys):
    """`run(*arguments)`: exit code, standard output and standard error."""

    def call(*arguments):
        code = show.main(list(arguments))
        output = capsys.readouterr()
        return code, output.out, output.err

    return call


def test_every_token_has_a_row_and_the_heaviest_are_listed(run, model):
    code, out, err = run(TEXT, "Another.", "--model", model, "--top", "3")
    assert (code, err) == (0, "")
    assert "bidirectional attention, score log1p" in out
    assert out.count("heaviest for ata") == 2
    assert "\x1b" not in out
    assert len(re.findall("^ +[0-9.]+x ", out, re.MULTILINE)) == 2 * 3
    assert "".join(re.findall("^(\\S+) +1.00", out, re.MULTILINE)).startswith("<s>Compute·the")


def test_colour_is_for_terminals_unless_asked_for(run, model, monkeypatch):
    assert "\x1b[38;2;" in run(TEXT, "--model", model, "--color", "always")[1]
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[38;2;" in run(TEXT, "--model", model)[1]
    assert "\x1b" not in run(TEXT, "--model", model, "--color", "never")[1]
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in run(TEXT, "--model", model)[1]


def test_attention_and_score_change_the_weights(run, model):
    outputs = {
        run(TEXT, "--model", model, "--attention", attention, "--score", score)[1].partition("\n")[2]
        for attention in ("bidirectional", "causal")
        for score in ("log1p", "linear")
    }
    assert len(outputs) == 4


def test_trained_encoders_own_settings_are_the_default_and_options_win(run, backbone, tmp_path):
    from stages.encoder import Encoder, EncoderConfig

    Encoder.from_backbone(backbone, EncoderConfig("mean", "causal", ata_score="linear")).save(tmp_path)
    assert "causal attention, score linear" in run(TEXT, "--model", str(tmp_path))[1]
    assert "causal attention, score log1p" in run(TEXT, "--model", str(tmp_path), "--score", "log1p")[1]


def test_text_comes_from_standard_input(run, model, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{TEXT}\n"))
    assert run("-", "--model", model) == run(TEXT, "--model", model)


def test_page_is_written_beside_the_terminals_output(run, model, tmp_path):
    page = tmp_path / "weights.html"
    code, out, _ = run(TEXT, "--model", model, "--html", str(page))
    assert code == 0
    assert f"written: {page}" in out
    assert page.read_text(encoding="utf-8").count("<dt>ata</dt>") == 1


def refused(run, *arguments):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize("text", ["", " \n "])
def test_empty_text_is_refused(run, model, text):
    assert "a text is empty: give" in refused(run, text, "--model", model)


def test_empty_standard_input_is_refused(run, model, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    assert "a text is empty" in refused(run, "-", "--model", model)


def test_model_that_is_nowhere_is_refused_with_what_to_give(run, tmp_path):
    for name in ("nobody/nothing", str(tmp_path), str(tmp_path / "absent")):
        err = refused(run, TEXT, "--model", name)
        assert f"cannot load the model {name} (" in err
        assert "give a folder with config.json" in err


def test_truncated_weights_are_refused(run, backbone, tmp_path):
    for file in (backbone / "model").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes()[: 1000 if file.suffix == ".safetensors" else None])
    assert "cannot load the model" in refused(run, TEXT, "--model", str(tmp_path))


UNSUPPORTED = {
    "caps its attention logits": (Gemma2Model, Gemma2Config(**SIZES, intermediate_size=48, num_key_value_heads=4)),
    "cannot have the attention of BloomModel": (BloomModel, BloomConfig(vocab_size=320, hidden_size=32, n_layer=1)),
    "is an encoder-decoder": (T5Model, T5Config(vocab_size=320, d_model=32, d_kv=8, d_ff=48, num_layers=1)),
}


@pytest.mark.parametrize("reason", UNSUPPORTED)
def test_model_without_such_attention_is_refused_with_what_works(run, tokenizer, tmp_path, reason):
    model_class, config = UNSUPPORTED[reason]
    model_class(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    err = refused(run, TEXT, "--model", str(tmp_path))
    assert reason in err
    assert "such as Llama, Mistral, Qwen" in err


def test_damaged_encoder_file_is_refused(run, tmp_path):
    (tmp_path / "encoder.json").write_text(json.dumps([1]))
    assert "encoder.json is no JSON object" in refused(run, TEXT, "--model", str(tmp_path))


def test_length_without_room_for_text_is_refused(run, model):
    assert "allowed: 3 or more" in refused(run, TEXT, "--model", model, "--max-length", "2")


def test_page_that_cannot_be_written_is_refused(run, model, tmp_path):
    err = refused(run, TEXT, "--model", model, "--html", str(tmp_path / "absent/page.html"))
    assert "No such file or directory; give --html another file" in err


@pytest.mark.parametrize("arguments", [[], [TEXT], [TEXT, "--model", "m", "--score", "sum"]])
def test_wrong_command_line_ends_with_2_and_the_usage(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        show.main(arguments)
    assert ended.value.code == 2
    assert "usage: python -m ata_pooling.show" in capsys.readouterr().err


def test_help_says_what_the_paper_expects_and_gives_examples(capsys):
    with pytest.raises(SystemExit):
        show.main(["--help"])
    out = capsys.readouterr().out
    assert "first word, punctuation, the last token of the template" in out
    assert "--model data/encoder" in out
