"""Negatives by level N1..N4, checked by an independent scorer (paper, table of mean similarity by level)."""
