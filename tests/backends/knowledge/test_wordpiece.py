"""The tokenizer gives the pieces that the reference implementation gives."""

import pytest

from backends.knowledge.minilm import find_weights
from backends.knowledge.wordpiece import WordPiece, words


@pytest.fixture(scope="module")
def tokenizer() -> WordPiece:
    return WordPiece.from_file(find_weights() / "vocab.txt")


# Ids as the reference tokenizer of bert-base-uncased prints them.
@pytest.mark.parametrize(
    ("text", "ids"),
    [
        pytest.param("", [101, 102], id="nothing"),
        pytest.param("hello world", [101, 7592, 2088, 102], id="words"),
        pytest.param("Hello, WORLD!", [101, 7592, 1010, 2088, 999, 102], id="case"),
        pytest.param("unaffable", [101, 14477, 20961, 3468, 102], id="pieces"),
        pytest.param("x" * 101, [101, 100, 102], id="too long a word"),
        pytest.param("hello ☃", [101, 7592, 100, 102], id="unknown"),
    ],
)
def test_gives_the_reference_ids(
    tokenizer: WordPiece, text: str, ids: list[int]
) -> None:
    assert tokenizer.encode(text, 256) == ids


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Café Ünïted", ["cafe", "united"], id="accents"),
        pytest.param("don't e-mail", ["don", "'", "t", "e", "-", "mail"], id="marks"),
        pytest.param("今日は", ["今", "日", "は"], id="cjk"),
        pytest.param("a\u200bb\x00c\ufffdd\x07e", ["abcde"], id="control"),
        pytest.param("a\tb\u00a0c\u3000d", ["a", "b", "c", "d"], id="spaces"),
        pytest.param("5€ «hm»", ["5€", "«", "hm", "»"], id="symbols"),
    ],
)
def test_cuts_words(text: str, expected: list[str]) -> None:
    assert list(words(text)) == expected


def test_cuts_off_what_the_model_cannot_read(tokenizer: WordPiece) -> None:
    ids = tokenizer.encode("clinic " * 500, 256)

    assert len(ids) == 256
    assert (ids[0], ids[-1]) == (101, 102)


def test_forgets_words_when_the_cache_is_full(
    tokenizer: WordPiece, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backends.knowledge.wordpiece.CACHED_WORDS", 2)

    once = tokenizer.encode("one two three four five", 256)

    assert tokenizer.encode("one two three four five", 256) == once
