"""A bench of the synthesis client: `python -m stages.synthesis_bench.run`."""
