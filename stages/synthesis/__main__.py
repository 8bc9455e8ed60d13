"""MGH step 2: have the LLM answer every prompt, keep what passes the checks, and the rest with its reason."""

from stages.llm.model import open_model
from stages.shared.entry import TIMINGS, run_stage
from stages.shared.files import write_json
from stages.shared.settings import Settings
from stages.synthesis.jobs import SynthesisJobs
from stages.synthesis.judging import judge_samples
from stages.synthesis.plan import print_plan
from stages.synthesis.results import write_results


def main(settings: Settings) -> None:
    profile, synthesis = settings.profile, settings.profile.synthesis
    jobs = SynthesisJobs(profile)
    limits = {"max_cost": synthesis.max_cost, "max_tokens": synthesis.max_tokens}
    with open_model(profile.llm, synthesis.mode, **limits) as model:
        try:
            model.fill(jobs)
        finally:  # what happened on the way, also when it did not reach the end
            write_json(f"{TIMINGS}/synthesis_requests.json", model.account.report())
        metrics = write_results(jobs, model, synthesis.near_duplicate)
        metrics["judge"] = judge_samples(profile, model.account.dollars)
    write_json("reports/metrics/synthesis.json", metrics)


if __name__ == "__main__":
    run_stage(main, "synthesis", __doc__, plan=print_plan)
