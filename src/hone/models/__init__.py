"""What answers: decoders, their checkpoints and tokenizers. Light: nothing here imports torch."""

from hone.models.config import DecoderConfig, gpt2_style, mistral_style, parameters

__all__ = ["DecoderConfig", "gpt2_style", "mistral_style", "parameters"]
