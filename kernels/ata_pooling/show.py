"""Draw the tokens of a text shaded by the weight that mean, last-token and ATA pooling give them.

The paper expects ATA to find anchor tokens: the first word, punctuation, the last token of the template.
"""

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

from ata_pooling import shading

EPILOG = """examples:
  python -m ata_pooling.show "A cat, asleep." --model data/encoder
  python -m ata_pooling.show "A cat." "Dogs bark!" --model Qwen/Qwen3-0.6B --attention causal --html weights.html
  cat text.txt | python -m ata_pooling.show - --model data/encoder --color always | less -R
"""


class Trouble(Exception):
    """A message for the person at the terminal."""


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line. Exits with 2 and one line about what is wrong with it."""
    parser = argparse.ArgumentParser(
        prog="python -m ata_pooling.show",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("texts", nargs="+", metavar="TEXT", help="a text in quotes, or - for standard input")
    add("--model", required=True, metavar="PATH_OR_ID", help="folder of a trained encoder or of a model, or a Hub id")
    add("--attention", choices=("bidirectional", "causal"), help="default: encoder.json's, else bidirectional")
    add("--score", choices=("log1p", "linear"), help="f in ATA's scores; default: encoder.json's, else log1p")
    add("--max-length", type=int, default=512, metavar="N", help="tokens read of a text; default: %(default)s")
    add("--top", type=int, default=5, metavar="N", help="list ATA's N heaviest tokens; default: %(default)s")
    add("--color", choices=("auto", "always", "never"), default="auto", help="default: auto, in a terminal only")
    add("--html", type=Path, metavar="FILE", help="write a page with the same figure, too")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0, or 2 after one line on standard error that says what to do."""
    options = parse(arguments)
    try:
        _show(options)
    except Trouble as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader, head or less, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python flushes into the pipe at its exit
    return 0


def _show(options: argparse.Namespace) -> None:
    texts = [sys.stdin.read().strip() if text == "-" else text for text in options.texts]
    if any(not text.strip() for text in texts):
        raise Trouble("a text is empty: give a text in quotes, or - and a text on standard input")
    saved = _saved_settings(Path(options.model))
    attention = options.attention or saved.get("attention", "bidirectional")
    score = options.score or saved.get("ata_score", "log1p")
    drawn = _weights(options.model, texts, attention, score, options.max_length)
    title = f"{options.model}, {attention} attention, score {score}"
    if options.html:
        try:
            options.html.write_text(shading.html_page(drawn, title), encoding="utf-8")
        except OSError as error:
            raise Trouble(f"cannot write {options.html}: {error.strerror}; give --html another file") from error
    sys.stdout.reconfigure(errors="replace")  # a terminal that lacks a character still shows the rest
    colour = options.color == "always" or (
        options.color == "auto" and sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    )
    print(title + ("\n" + shading.colour_legend() if colour else ": weights as multiples of an even share 1/K"))
    for text in drawn:
        print(f"\n{len(text.tokens)} tokens")
        width = shutil.get_terminal_size().columns
        print(shading.colour_lines(text, width) if colour else shading.plain_table(text), end="")
        if options.top > 0:
            print(shading.heaviest(text, options.top), end="")
    if options.html:
        print(f"\nwritten: {options.html}")


def _weights(name: str, texts: list[str], attention: str, score: str, max_length: int) -> list[shading.TokenWeights]:
    # At first use: transformers takes seconds to import, and --help should not.
    import transformers
    from transformers import AutoModel, AutoTokenizer

    from ata_pooling.models import UnsupportedModel, keep_last_attention
    from ata_pooling.token_weights import token_weights

    needed = (
        "ATA pooling needs the last layer of a decoder such as Llama, Mistral, Qwen or Gemma 3; give another --model"
    )
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    try:
        model, tokenizer = AutoModel.from_pretrained(name), AutoTokenizer.from_pretrained(name)
    except Exception as error:  # files in any state: each of the libraries that read them has errors of its own
        raise Trouble(
            f"cannot load the model {name} ({_first_line(error)}); give a folder with config.json, weights and "
            "tokenizer, or a Hub id, which needs the network, and HF_TOKEN if the model is gated"
        ) from error
    if model.config.is_encoder_decoder:
        raise Trouble(f"{type(model).__name__} is an encoder-decoder; {needed}")
    try:
        keep_last_attention(model, causal=attention == "causal")
    except (ValueError, KeyError) as error:  # the latter for models that know no other attention than their own
        raise Trouble(
            f"cannot have the attention of {type(model).__name__} ({_first_line(error)}); {needed}"
        ) from error
    try:
        return token_weights(model, tokenizer, texts, score=score, max_length=max_length)
    except UnsupportedModel as error:
        raise Trouble(f"{error}; {needed}") from error
    except ValueError as error:
        raise Trouble(_first_line(error)) from error


def _saved_settings(folder: Path) -> dict[str, str]:
    """How the encoder in `folder` was trained; empty for any other model."""
    path = folder / "encoder.json"
    if not path.exists():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise Trouble(f"{path} is no JSON object; train the encoder again, or remove that file") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


if __name__ == "__main__":
    sys.exit(main())
