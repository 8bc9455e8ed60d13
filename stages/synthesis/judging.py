"""The judge pass: a second model grades the negatives of a share of the samples; its agreement is a metric."""

from stages.llm.model import open_model
from stages.shared.records import Sample, iter_records
from stages.shared.settings import Profile
from stages.synthesis.judge import agreement, is_judged, judge_request
from stages.synthesis.results import SAMPLES


def judge_samples(profile: Profile, spent: float) -> dict:
    """Ask the profile's judge: `agreement` and what it cost, {} without one. `spent`: dollars that synthesis cost."""
    synthesis = profile.synthesis
    if synthesis.judge is None:
        return {}
    chosen = [row for row in iter_records(SAMPLES, Sample) if is_judged(row, synthesis.judge.share)]
    llm = profile.llm.model_copy(update={"temperature": 0.0})
    left = None if synthesis.max_cost is None else max(synthesis.max_cost - spent, 1e-9)
    with open_model(llm, synthesis.mode, endpoint=synthesis.judge.endpoint, max_cost=left) as model:
        answers = model.ask_all([judge_request(sample, llm.seed) for sample in chosen], "judge")
    paid = {"tokens": model.account.tokens, "dollars": model.account.dollars}
    return agreement(chosen, answers, llm.seed) | paid
