"""A language model's folder of Hugging Face files: its tokens, and how it is spoken to.

Nothing here needs transformers before a text is to be turned into tokens or back.
"""

import hashlib
import shutil
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from hone.core.errors import DamagedFile, UsageError
from hone.core.files import read_object

TOKENIZER_FILES = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "merges.txt", "tokenizer.model", "chat_template.jinja",
)  # fmt: skip


@dataclass(frozen=True)
class ModelTokens:
    """The tokens of a language model: those of its tokenizer, and the spare rows of its embedding.

    Attributes:
        size: rows of the embedding.
        digest: of the tokenizer's files; what the tokens are, wherever the files lie.
        folder: where they lie.
    """

    size: int
    digest: str
    folder: str = field(compare=False, metadata={"semantic": False})

    def __len__(self) -> int:
        return self.size

    @property
    def end(self) -> int:
        """The id that ends a response: of a chat model, that of a turn."""
        return _tokenizer(self.folder).eos_token_id

    @property
    def padding(self) -> int:
        """The id that the model's config names for padding; we never read it."""
        found = _tokenizer(self.folder).pad_token_id
        return self.end if found is None else found

    def text(self, tokens: np.ndarray) -> str:
        """What a row of tokens says, special tokens left out."""
        return _tokenizer(self.folder).decode(tokens, skip_special_tokens=True)

    def prompt(self, text: str) -> list[int]:
        """A user's turn in the model's chat template, up to where the answer begins.

        A model without a template gets the text and a line's end.
        """
        tokenizer = _tokenizer(self.folder)
        if tokenizer.chat_template is None:
            return tokenizer(f"{text}\n")["input_ids"]
        turn = [{"role": "user", "content": text}]
        written = tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)
        return tokenizer(written, add_special_tokens=False)["input_ids"]

    def response(self, text: str) -> list[int]:
        """The tokens of an answer, its end not included."""
        return _tokenizer(self.folder)(text, add_special_tokens=False)["input_ids"]

    def offsets(self, tokens: np.ndarray) -> Int[np.ndarray, "time 2"]:
        """First character of `text(tokens)` and one past the last, of every token.

        Found by decoding, as sampled tokens need not be those that the text would be cut into.
        """
        lengths = [len(_piece(self.folder, int(token))) for token in tokens]
        if sum(lengths) != len(self.text(tokens)):  # a token's text depends on what is before it
            ends = [len(self.text(tokens[:place])) for place in range(len(tokens) + 1)]
            lengths = np.maximum(np.diff(ends), 0)
        ends = np.cumsum(lengths)
        return np.stack([ends - lengths, ends], axis=1)


def tokens_of(folder: Path) -> ModelTokens:
    """The tokens of the model in a folder.

    Raises:
        UsageError: there is no such folder.
        DamagedFile: it holds no model or no tokenizer.
    """
    if not folder.is_dir():
        raise UsageError(
            f"{folder} is not a folder; name one with a model's config.json, weights and tokenizer"
        )
    size = read_object(folder / "config.json").get("vocab_size")
    if not isinstance(size, int):
        raise DamagedFile(f"{folder / 'config.json'} has no vocab_size; download the model again")
    return ModelTokens(size, tokenizer_digest(folder), str(folder.resolve()))


def tokenizer_digest(folder: Path) -> str:
    """Equal for equal tokenizers.

    Raises:
        DamagedFile: there is none.
    """
    found = [folder / name for name in TOKENIZER_FILES if (folder / name).is_file()]
    if not found:
        raise DamagedFile(f"{folder} has no tokenizer.json; download the model again")
    digest = hashlib.sha256()
    for file in found:
        digest.update(f"{file.name} {file.stat().st_size}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:20]


def copy_tokenizer(source: Path, folder: Path) -> None:
    """Copy the tokenizer's files that there are."""
    for name in TOKENIZER_FILES:
        if (source / name).is_file():
            shutil.copyfile(source / name, folder / name)


@cache
def _tokenizer(folder: str) -> Any:
    """The tokenizer of a folder, as transformers loads it: no code of the folder's is run."""
    try:
        from transformers import AutoTokenizer
    except ImportError:
        raise UsageError(
            "language models need transformers; install it with: pip install 'hone-lab[hf]'"
        ) from None
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise DamagedFile(f"{folder} has no tokenizer that can be read: {error}") from error


@cache
def _piece(folder: str, token: int) -> str:
    """What a token says by itself."""
    return _tokenizer(folder).decode([token], skip_special_tokens=True)
