"""The second-step prompts of MGH synthesis: what a sample starts from, how it varies, and what it must look like."""
