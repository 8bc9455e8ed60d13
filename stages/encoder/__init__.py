"""The text encoder that training, evaluation and export share: a decoder, its tokenizer, a pooling."""

from stages.encoder.encoder import Encoder, EncoderConfig

__all__ = ["Encoder", "EncoderConfig"]
