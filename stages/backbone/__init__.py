"""The model that training starts from, and its tokenizer."""
