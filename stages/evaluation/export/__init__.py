"""The trained encoder as a folder that sentence-transformers loads anywhere, with a model card."""
