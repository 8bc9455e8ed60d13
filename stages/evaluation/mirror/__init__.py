"""A copy of the data of mteb's tasks in one folder, laid out as on the Hub: evaluation from it needs no network."""
