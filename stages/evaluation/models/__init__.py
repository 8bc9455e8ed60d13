"""What is scored: our encoder, its untrained start and other baselines, as mteb models."""
