"""Tokenizers as Hugging Face files: of an alphabet, one symbol, one token; of a model, its own."""

import json
import re
from pathlib import Path
from typing import Any

from hone.core.alphabet import Alphabet, Vocabulary
from hone.core.errors import DamagedFile, HoneError, require
from hone.core.language_model import ModelTokens, copy_tokenizer, tokenizer_digest


def write_tokenizer(vocabulary: Vocabulary, folder: Path) -> None:
    """Writes the files that transformers reads.

    An alphabet's texts are symbols between spaces, or symbols side by side; of those, the longest
    that fits is read first.

    Raises:
        UsageError: symbols stand between spaces, and one holds white space, which would split it.
    """
    if isinstance(vocabulary, Alphabet):
        _write_alphabet(vocabulary, folder)
    else:
        assert isinstance(vocabulary, ModelTokens)
        copy_tokenizer(Path(vocabulary.folder), folder)


def describes(folder: Path, vocabulary: Vocabulary) -> bool:
    """Whether a folder's tokenizer has these tokens."""
    if isinstance(vocabulary, Alphabet):
        return read_alphabet(folder) == vocabulary
    assert isinstance(vocabulary, ModelTokens)
    return tokenizer_digest(folder) == vocabulary.digest


def _write_alphabet(alphabet: Alphabet, folder: Path) -> None:
    for symbol in alphabet.symbols if alphabet.joiner else ():
        require(symbol.split() == [symbol], "symbol", symbol, "symbols without white space")
    _write(folder / "tokenizer.json", _word_level(alphabet))
    _write(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "clean_up_tokenization_spaces": False,
            "eos_token": alphabet.eos,
            "pad_token": alphabet.pad,
        },
    )


def read_alphabet(folder: Path) -> Alphabet:
    """The alphabet that `write_tokenizer` has written.

    Raises:
        DamagedFile: a file is missing or does not describe an alphabet.
    """
    path = folder / "tokenizer.json"
    try:
        tokenizer = _read(path)
        ids: dict[str, int] = tokenizer["model"]["vocab"]
        joiner = " " if tokenizer["decoder"] is None else ""
        symbols = tuple(sorted(ids, key=ids.__getitem__))
        if [ids[symbol] for symbol in symbols] != list(range(len(symbols))):
            raise ValueError("token ids have gaps")
        path = folder / "tokenizer_config.json"
        special = _read(path)
        return Alphabet(symbols, special["eos_token"], special["pad_token"], joiner)
    except (OSError, ValueError, KeyError, TypeError, HoneError) as error:
        raise DamagedFile(f"{path} cannot be read as an alphabet: {error!r}") from error


def _word_level(alphabet: Alphabet) -> dict[str, Any]:
    """The format of the `tokenizers` library, version 1.0; an unknown word is an error there."""
    special = sorted({alphabet.eos, alphabet.pad}, key=alphabet.id)
    longest_first = sorted(alphabet.symbols, key=len, reverse=True)
    symbol_by_symbol = {
        "type": "Split",
        "pattern": {"Regex": "|".join(map(re.escape, longest_first))},
        "behavior": "Isolated",
        "invert": False,
    }
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": alphabet.id(symbol), "content": symbol, "single_word": False,
                "lstrip": False, "rstrip": False, "normalized": False, "special": True,
            }
            for symbol in special
        ],
        "normalizer": None,
        "pre_tokenizer": {"type": "WhitespaceSplit"} if alphabet.joiner else symbol_by_symbol,
        "post_processor": None,
        "decoder": None if alphabet.joiner else {"type": "Fuse"},
        "model": {
            "type": "WordLevel",
            "vocab": {symbol: id for id, symbol in enumerate(alphabet.symbols)},
            "unk_token": "",
        },
    }  # fmt: skip


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))
