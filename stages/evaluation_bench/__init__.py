"""A bench of the evaluation: `python -m stages.evaluation_bench.run`."""
