"""Step 1 of MGH synthesis: the LLM names tasks that text embeddings could serve (paper, section on synthesis)."""
