"""A bench of training and encoding: `python -m stages.training_bench.run`."""
