"""Calls to a language model over the OpenAI protocol: answer schemas, client, ledger, and a local endpoint for tiny."""
