"""Scores of the encoder and its baselines, measured with mteb on held-out documentation and on mteb's own tasks."""
