"""Write the trained encoder as a folder that SentenceTransformer(FOLDER) loads anywhere, with a model card.

The folder is checked before it is there: its embeddings must equal the encoder's. ATA and latent pooling are no part of
sentence-transformers, so such a folder brings its own code, and its users pass trust_remote_code=True.
"""

import argparse
import errno
import sys
from pathlib import Path

from stages.shared import runtime
from stages.shared.errors import UserError
from stages.shared.settings import load_settings

EPILOG = """examples:
  python -m stages.evaluation.export my-encoder
  python -m stages.evaluation.export my-encoder --overwrite
  python -m stages.evaluation.export my-adapter --adapter    # its base stays on the Hub; needs training.export: adapter
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; the exit status: 0, 1 with one clear message, 130 on Ctrl-C."""
    given = _parser().parse_args(arguments)
    try:
        settings = load_settings()
        runtime.pin(settings.profile.runtime)
        from stages.evaluation.export.write import write_export

        runtime.pin_torch(settings.profile.runtime, seed=0)
        options = {"adapter": given.adapter, "overwrite": given.overwrite}
        print(_told(given.folder, write_export(given.encoder, given.folder, settings, **options)))
        return 0
    except UserError as error:
        print(f"error: export: {error}", file=sys.stderr)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        what = "no space left for" if full else f"{error.strerror or error}:"
        advice = "free some space, or name a folder on another disk" if full else "see whether you may read or write it"
        print(f"error: export: {what} {error.filename or given.folder}\n  next: {advice}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nexport: stopped; nothing was written.", file=sys.stderr)
        return 130
    return 1


def _told(folder: Path, export) -> str:
    facts = export.facts
    trust = ", trust_remote_code=True" if facts.code else ""
    lines = [
        f"{folder}: {facts.config.attention} attention, {facts.config.pooling} pooling, {facts.parameters:,} weights",
        f"  load     SentenceTransformer({str(folder)!r}{trust})",
        f"  checked  its embeddings are the encoder's, at a cosine distance of at most {export.distance:.1g}",
        "  read     README.md, the model card, before you publish it",
        *(f"note: {note}" for note in export.notes),
    ]
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m stages.evaluation.export",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("folder", type=Path, metavar="FOLDER", help="what is written: a new or empty folder")
    add(
        "--encoder", type=Path, default=Path("data/encoder"), metavar="PATH", help="saved encoder; default: %(default)s"
    )
    add("--adapter", action="store_true", help="write LoRA's adapter alone, bound to its base; default: merged")
    add("--overwrite", action="store_true", help="replace FOLDER if it is an earlier export and nothing else is in it")
    return parser


if __name__ == "__main__":
    sys.exit(main())
