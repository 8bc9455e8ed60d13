"""A local endpoint that speaks the OpenAI protocol and answers from the corpus. It is not a language model."""
