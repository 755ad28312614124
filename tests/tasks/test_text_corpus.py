"""Texts of other people's data sets as documents to pretrain on."""

import dataclasses
import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from hone.core.contracts import Corpus
from hone.core.errors import DamagedFile, UsageError
from hone.core.language_model import ModelTokens, tokens_of
from hone.core.random import Stream
from hone.runs.keys import describe, rebuild
from hone.tasks.maths.corpus import TextCorpus, TextSource, by_repeats, texts_of
from tests.language_models import write_language_model

pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> ModelTokens:
    return tokens_of(write_language_model(tmp_path_factory.mktemp("model"), template=None))


def lines(path: Path, rows: list[dict]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def prose(n: int) -> list[dict]:
    return [{"text": f"Text number {i}.", "url": "somewhere"} for i in range(n)]


def solved(n: int) -> list[dict]:
    return [{"question": f"What is {i}?", "code": f"def f():\n    return {i}"} for i in range(n)]


@pytest.fixture
def corpus(tokens: ModelTokens, tmp_path: Path) -> TextCorpus:
    web = texts_of(lines(tmp_path / "web.jsonl", prose(300)))
    code = texts_of(lines(tmp_path / "code.jsonl", solved(400)))
    sources = (TextSource("web", web, 0.25), TextSource("code", code, 0.75))
    return TextCorpus(tokens, 200, sources)


def said(corpus: TextCorpus, n: int, split: str = "train", seed: int = 0) -> list[tuple[str, str]]:
    """Sources and texts of documents."""
    drawn = corpus.documents(split, np.arange(n), Stream.root(seed))  # pyright: ignore[reportArgumentType]
    texts = [corpus.tokens.text(np.array(row)) for row in drawn.tokens.lists()]
    return list(zip(drawn.sources.tolist(), texts, strict=True))


def test_documents_are_whole_texts_and_end(corpus: TextCorpus) -> None:
    assert isinstance(corpus, Corpus)
    drawn = corpus.documents("train", np.arange(200), Stream.root(0))
    ends = drawn.tokens.tokens[np.arange(200), drawn.tokens.lengths - 1]
    assert (ends == corpus.alphabet.end).all()
    assert drawn.tokens.lengths.max() <= corpus.max_tokens
    known = {("web", row["text"]) for row in prose(300)}
    known |= {("code", f"{row['question']}\n\n{row['code']}") for row in solved(400)}
    assert set(said(corpus, 200)) <= known


def test_questions_are_cut_into_tokens_as_in_prompts(corpus: TextCorpus) -> None:
    only = dataclasses.replace(corpus, sources=(TextSource("code", corpus.sources[1].texts, 1.0),))
    for row in only.documents("train", np.arange(20), Stream.root(0)).tokens.lists():
        question, _, _ = corpus.tokens.text(np.array(row)).partition("\n\n")
        prompt = corpus.tokens.response(f"{question}\n\n")
        assert row[: len(prompt)] == prompt


def test_sources_are_drawn_by_weight(corpus: TextCorpus) -> None:
    sources = corpus.documents("train", np.arange(2000), Stream.root(1)).sources
    assert np.isclose((sources == "web").mean(), 0.25, atol=0.03)


def test_draws_are_a_function_of_the_stream(corpus: TextCorpus) -> None:
    assert said(corpus, 50) == said(corpus, 50)
    assert said(corpus, 50) != said(corpus, 50, seed=1)
    assert said(corpus, 50)[:20] == said(corpus, 20)


def test_repeats_are_weights_by_size(corpus: TextCorpus) -> None:
    web, code = (source.texts for source in corpus.sources)
    sources = by_repeats({"web": (web, 8), "code": (code, 1)})
    assert [source.weight for source in sources] == [2400 / 2800, 400 / 2800]
    TextCorpus(corpus.tokens, 64, sources)


def test_held_out_documents_are_others(corpus: TextCorpus) -> None:
    train, held_out = (set(said(corpus, 500, split)) for split in ("train", "validation"))
    assert not train & held_out
    assert 1 <= len(held_out) < 40


def test_long_documents_are_cut_into_pieces(tokens: ModelTokens, tmp_path: Path) -> None:
    rows = [{"text": "".join(f"{i}:{j}, " for j in range(20))} for i in range(100)]
    texts = texts_of(lines(tmp_path / "a.jsonl", rows))
    corpus = TextCorpus(tokens, 32, (TextSource("a", texts, 1.0),))
    pieces = {piece: place for row in rows for place, piece in enumerate(cut(tokens, row["text"]))}
    drawn = corpus.documents("train", np.arange(1000), Stream.root(0)).tokens
    places = [pieces[tuple(row)] for row in drawn.lists()]  # each is a piece of some document
    counts = np.bincount(places)
    assert len(counts) >= 4
    assert counts[:3].min() > 0.7 * counts[:3].max()  # all as likely
    assert drawn.lengths.min() >= 2


def cut(tokens: ModelTokens, text: str) -> list[tuple[int, ...]]:
    """Pieces of 32 that overlap by one token, so that none is only given or predicted twice."""
    whole = [*tokens.response(text.strip()), tokens.end]
    pieces = [tuple(whole[start : start + 32]) for start in range(0, len(whole) - 1, 31)]
    assert [token for piece in pieces for token in piece[1:]] == whole[1:]
    return pieces


def test_texts_are_told_apart_by_their_content(tmp_path: Path) -> None:
    here, there = (texts_of(lines(tmp_path / name / "a.jsonl", prose(300))) for name in "ab")
    assert here == there
    assert describe(here, semantic_only=True) == describe(there, semantic_only=True)
    assert rebuild(json.loads(json.dumps(describe(here)))) == here
    other = prose(300)
    other[7]["text"] += "!"
    assert texts_of(lines(tmp_path / "c.jsonl", other)) != here
    ignored = [row | {"url": "elsewhere"} for row in prose(300)]
    assert texts_of(lines(tmp_path / "d.jsonl", ignored)) == here


def test_texts_are_the_same_in_parquet(
    corpus: TextCorpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.Dataset.from_list(prose(300)).to_parquet(tmp_path / "web.parquet")
    texts = texts_of(tmp_path / "web.parquet")
    assert texts == corpus.sources[0].texts
    found = TextCorpus(corpus.tokens, 200, (TextSource("web", texts, 1.0),))
    assert {text for _, text in said(found, 50)} <= {row["text"] for row in prose(300)}


def test_equal_texts_may_have_other_columns(corpus: TextCorpus, tmp_path: Path) -> None:
    renamed = [{"q": row["question"], "a": row["code"]} for row in solved(400)]
    texts = texts_of(lines(tmp_path / "a.jsonl", renamed), columns=("q", "a"))
    assert texts == corpus.sources[1].texts
    other = dataclasses.replace(corpus, sources=(TextSource("code", texts, 1.0),))
    assert len(said(corpus, 50)) == len(said(other, 50))
    assert all("def f()" in text for _, text in said(other, 50))


def test_columns_are_found_or_named(tmp_path: Path) -> None:
    named = lines(tmp_path / "a.jsonl", [{"a": f"{i}", "b": "so", "c": ""} for i in range(300)])
    assert texts_of(named, columns=("a", "b", "c")).columns == ("a", "b", "c")
    with pytest.raises(UsageError, match="nor a question and a solution, but a, b, c"):
        texts_of(named)
    with pytest.raises(UsageError, match="'d'; known: a, b, c"):
        texts_of(named, columns=("d",))
    assert texts_of(lines(tmp_path / "b.jsonl", solved(300))).columns == ("question", "code")


def test_rows_without_text_are_left_out(corpus: TextCorpus, tmp_path: Path) -> None:
    blank: list[dict] = [{"text": " "}, {"text": None}, {"other": 1}]
    texts = texts_of(lines(tmp_path / "a.jsonl", [*prose(100), *blank, *prose(300)[100:]]))
    assert texts.documents == 300
    assert texts == corpus.sources[0].texts


def test_what_cannot_be_is_refused(corpus: TextCorpus, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="use a hundred or more"):
        texts_of(lines(tmp_path / "few.jsonl", prose(2)))
    (web, code) = corpus.sources
    with pytest.raises(UsageError, match="weight = 0"):
        dataclasses.replace(web, weight=0.0)
    with pytest.raises(UsageError, match="context = 1"):
        dataclasses.replace(corpus, context=1)
    with pytest.raises(UsageError, match="weights that sum to 1"):
        dataclasses.replace(corpus, sources=(web,))
    halves = tuple(TextSource("web", each.texts, 0.5) for each in (web, code))
    with pytest.raises(UsageError, match="each once"):
        dataclasses.replace(corpus, sources=halves)


def test_texts_that_change_later_are_refused(tokens: ModelTokens, tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", prose(310))
    corpus = TextCorpus(tokens, 64, (TextSource("a", texts_of(path), 1.0),))
    lines(path, prose(311))
    with pytest.raises(DamagedFile, match="has changed since"):
        corpus.documents("train", np.arange(1), Stream.root(0))


def test_a_file_is_never_loaded_as_a_whole(tokens: ModelTokens, tmp_path: Path) -> None:
    rows = [{"text": f"{i} {'word ' * 4000}"} for i in range(1000)]
    path = lines(tmp_path / "large.jsonl", rows)
    del rows
    tracemalloc.start()
    corpus = TextCorpus(tokens, 64, (TextSource("a", texts_of(path), 1.0),))
    corpus.documents("train", np.arange(2), Stream.root(0))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < path.stat().st_size / 4
