"""From the ledger's answers to the files of the stage and its metrics, in one pass over the requests."""

from collections import Counter, defaultdict

from stages.llm.account import cost
from stages.llm.model import LanguageModel
from stages.llm.requests import Answer
from stages.shared.errors import UserError
from stages.shared.records import KINDS, SOURCES, RecordWriter, Rejection, Sample
from stages.shared.settings import Price
from stages.synthesis.checks import NEAR_DUPLICATE, REASONS
from stages.synthesis.diversity import Diversity
from stages.synthesis.jobs import SynthesisJobs

SAMPLES, REJECTED = "data/synthesis/samples.parquet", "data/synthesis/rejected.parquet"


def write_results(jobs: SynthesisJobs, model: LanguageModel, near_duplicate: float) -> dict:
    """Write samples and rejected answers, and return the metrics. Raises UserError when no answer passed."""
    from stages.synthesis.duplicates import NearDuplicates  # loads numpy, which must come after runtime.pin

    tally, earlier = Tally(model.account.price), NearDuplicates(near_duplicate)
    with RecordWriter(SAMPLES, Sample) as samples, RecordWriter(REJECTED, Rejection) as rejected:
        for answer, result in jobs.results(model):
            if isinstance(result, Sample) and (twin := earlier.seen(result)):
                detail = f"its query and positive are nearly those of sample {twin}"
                result = Rejection(result.request_id, result.kind, result.attempt, NEAR_DUPLICATE, detail, answer.text)
            tally.add(answer, result)
            (samples if isinstance(result, Sample) else rejected).write(result)
        if not len(samples):
            reasons = ", ".join(f"{reason} {count}" for reason, count in tally.reasons.most_common())
            raise UserError(
                f"none of {tally.answers:,} answers of {model.endpoint.model} passed the checks: {reasons}",
                next="choose a model that follows a JSON schema, or raise llm.max_tokens if the answers are cut",
            )
    return tally.metrics()


class Tally:
    """Counts over answers and what became of them."""

    def __init__(self, price: Price | None):
        self.answers, self.reasons = 0, Counter()
        self._price, self._diversity = price, Diversity()
        self._samples, self._sources, self._repairs, self._attempts = Counter(), Counter(), Counter(), Counter()
        self._tokens = {"prompt": Counter(), "completion": Counter()}
        self._dollars: dict[str, float] = defaultdict(float)

    def add(self, answer: Answer, result: Sample | Rejection) -> None:
        self.answers += 1
        self._tokens["prompt"][result.kind] += answer.prompt_tokens
        self._tokens["completion"][result.kind] += answer.completion_tokens
        self._dollars[result.kind] += cost(self._price, answer)
        if isinstance(result, Rejection):
            self.reasons[result.reason] += 1
            return
        self._samples[result.kind] += 1
        self._sources[result.source] += 1
        self._attempts[result.attempt] += 1
        self._repairs.update(result.repairs)
        self._diversity.add(result)

    def metrics(self) -> dict:
        """What `dvc metrics diff` compares; tokens and dollars are those of all answers, paid in this run or before."""
        kinds, samples = (
            [kind for kind in KINDS if self._tokens["prompt"][kind] or self._samples[kind]],
            sum(self._samples.values()),
        )
        tokens = {
            name: {"total": sum(of.values())} | {kind: of[kind] for kind in kinds} for name, of in self._tokens.items()
        }
        dollars = {"total": sum(self._dollars.values())} | {kind: self._dollars[kind] for kind in kinds}
        near = self.reasons[NEAR_DUPLICATE]
        return {
            "answers": self.answers,
            "samples": samples,
            "samples_per_answer": samples / self.answers,
            "rejected": {reason: self.reasons[reason] for reason in REASONS},
            "repaired": dict(sorted(self._repairs.items())),
            "per_kind": {kind: self._samples[kind] for kind in kinds},
            "per_source": {source: self._sources[source] for source in SOURCES},
            "per_attempt": {str(attempt): count for attempt, count in sorted(self._attempts.items())},
            "near_duplicate_share": near / (samples + near) if samples else 0.0,
            "diversity": self._diversity.metrics(),
            "tokens": tokens,
            "dollars": dollars if self._price else {},
        }
