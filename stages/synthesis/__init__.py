"""Step 2 of MGH synthesis: the LLM writes a query, a positive and four graded negatives; answers are checked."""
