"""The second-step prompts of MGH synthesis: a task, a seed text, and what the sample must look like."""
