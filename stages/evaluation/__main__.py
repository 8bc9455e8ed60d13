"""Score the trained encoder and baselines on held-out documents and on mteb's tasks."""

from pathlib import Path

from stages.shared.entry import run_stage
from stages.shared.launch import relaunch
from stages.shared.settings import Settings

FOLDER = Path("data/evaluation")


def main(settings: Settings) -> None:
    from stages.evaluation.curve import Copies, check_curve
    from stages.evaluation.registry import check_names

    options = settings.profile.evaluation
    # Before there are several processes, each of which would tell.
    check_names(options.tasks, options.instructions)
    check_curve(options)
    relaunch(settings, "evaluation", shards=False)
    from stages.evaluation.documents import choose
    from stages.evaluation.models.roster import Roster
    from stages.evaluation.tasks.base import HELD_OUT
    from stages.evaluation.whole import evaluate
    from stages.shared.records import Document, read_records
    from stages.shared.runtime import pin_torch
    from stages.shared.seeds import derive_seed

    pin_torch(settings.profile.runtime, derive_seed(0, "evaluation"))  # not params.seed: all runs sit the same test
    documents = choose(read_records(HELD_OUT, Document), options.max_documents)
    copies = Copies.read()
    roster = Roster(settings, [document.body for document in documents[:64]], copies.steps)
    if not roster.team.first:
        roster.team.serve()
        return
    try:
        evaluate(roster, copies, documents, settings, FOLDER)
    except Exception:
        roster.team.dismiss()
        raise
    roster.team.dismiss()


if __name__ == "__main__":
    run_stage(main, "evaluation", __doc__)
