"""MGH step 2: have the LLM answer every prompt, keep what passes the checks, and the rest with its reason."""

from collections import Counter

from stages.llm.answers import MGH, MghSample, response_format
from stages.llm.client import LlmRequest, ask_all
from stages.llm.endpoint import open_endpoint
from stages.llm.ledger import Ledger
from stages.shared.entry import run_stage
from stages.shared.errors import UserError
from stages.shared.files import write_json
from stages.shared.records import ChatRequest, Rejection, Sample, read_records, write_records
from stages.shared.seeds import derive_seed
from stages.shared.settings import Settings
from stages.synthesis.checks import REASONS, check


def main(settings: Settings) -> None:
    llm = settings.profile.llm
    prompts = read_records("data/prompts/requests.parquet", ChatRequest)
    requests = [
        LlmRequest(
            prompt.prompt,
            response_format(MghSample, MGH, prompt.kind),
            derive_seed(llm.seed, "synthesis", prompt.id),
        )
        for prompt in prompts
    ]
    with Ledger() as ledger, open_endpoint(llm) as endpoint:
        answers = ask_all(requests, endpoint, llm, ledger)
    results = [check(prompt, answer.text) for prompt, answer in zip(prompts, answers, strict=True)]
    samples = [result for result in results if isinstance(result, Sample)]
    rejections = [result for result in results if isinstance(result, Rejection)]
    if not samples:
        reasons = Counter(rejection.reason for rejection in rejections).most_common()
        raise UserError(
            f"none of {len(results)} answers of {endpoint.model} passed the checks: {reasons}",
            next="choose a model that follows a JSON schema, or raise llm.max_tokens if the answers are cut",
        )
    write_records("data/synthesis/samples.parquet", Sample, samples)
    write_records("data/synthesis/rejected.parquet", Rejection, rejections)
    reasons = Counter(rejection.reason for rejection in rejections)
    metrics = {
        "answers": len(answers),
        "samples": len(samples),
        "rejected": {reason: reasons[reason] for reason in REASONS},
        "per_kind": dict(sorted(Counter(sample.kind for sample in samples).items())),
        "tokens": {
            "prompt": sum(answer.prompt_tokens for answer in answers),
            "completion": sum(answer.completion_tokens for answer in answers),
        },
    }
    write_json("reports/metrics/synthesis.json", metrics)


if __name__ == "__main__":
    run_stage(main, "synthesis", __doc__)
