"""Seed texts: short summaries with the longer bodies that go with them."""
