"""A language model in miniature as a folder of Hugging Face files, in Qwen2's shape."""

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from hone.core.random import Stream
from hone.models import checkpoint
from hone.models.config import DecoderConfig
from hone.models.decoder import Decoder
from hone.tasks.field_arithmetic import FieldArithmetic

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
_SPARE = 7  # rows of the embedding that no token has, as Qwen2.5 has them


def write_language_model(
    folder: Path, template: str | None = CHATML, seed: int = 0, context: int = 1024
) -> Path:
    """A decoder with random weights and a byte-level BPE tokenizer of field arithmetic in words."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _trained()
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "clean_up_tokenization_spaces": False,
    }
    if template is not None:
        settings["chat_template"] = template
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    config = DecoderConfig(
        family="qwen2", vocab=tokenizer.get_vocab_size() + _SPARE, width=32, layers=2, heads=4,
        kv_heads=2, head_dim=8, mlp_width=48, context=context, norm="rms", positions="rotary",
        mlp="swiglu", qkv_bias=True, bias=False, tie=True, rope_theta=1e6, norm_eps=1e-6,
    )  # fmt: skip
    decoder = Decoder(config)
    decoder.initialise(torch.Generator().manual_seed(seed))
    checkpoint.save(decoder, folder)
    return folder


def _trained() -> Tokenizer:
    task = FieldArithmetic(11, 2, 3, symbols="fresh")
    problems = task.draw("train", 64, Stream.root(0))
    texts = task.text.prompts(problems) + task.text.demonstrations(problems, "forward")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=_SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer
