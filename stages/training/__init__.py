"""Contrastive training of the encoder: InfoNCE, graded negatives, curriculum."""
