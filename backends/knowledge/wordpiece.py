"""Cuts text into the word pieces that BERT-like models know, in plain Python."""

import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

CLS, SEP, UNKNOWN = "[CLS]", "[SEP]", "[UNK]"
LONGEST_WORD = 100
CACHED_WORDS = 20_000
CONTROL = {code: None for code in (*range(32), 127) if chr(code) not in "\t\n\r"}

# The blocks that BERT's own tokenizer separates character by character.
CJK = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


class WordPiece:
    """The uncased BERT tokenizer: same pieces as the reference implementation."""

    def __init__(self, vocabulary: Iterable[str]) -> None:
        self.ids = {piece: number for number, piece in enumerate(vocabulary)}
        self._cache: dict[str, tuple[int, ...]] = {}

    @classmethod
    def from_file(cls, path: Path) -> "WordPiece":
        return cls(path.read_text(encoding="utf-8").rstrip("\n").split("\n"))

    def encode(self, text: str, limit: int) -> list[int]:
        """The ids of `text` between the two markers, at most `limit` of them in all."""
        ids = [self.ids[CLS]]
        for word in words(text):
            ids.extend(self._pieces(word))
            if len(ids) >= limit:
                del ids[limit - 1 :]
                break
        ids.append(self.ids[SEP])
        return ids

    def _pieces(self, word: str) -> tuple[int, ...]:
        found = self._cache.get(word)
        if found is None:
            found = tuple(self._split(word))
            if len(self._cache) >= CACHED_WORDS:
                self._cache.clear()
            self._cache[word] = found
        return found

    def _split(self, word: str) -> list[int]:
        """Greedy, longest piece first; one unknown part makes the word unknown."""
        unknown = [self.ids[UNKNOWN]]
        if len(word) > LONGEST_WORD:
            return unknown
        pieces: list[int] = []
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            for end in range(len(word), start, -1):
                piece = self.ids.get(prefix + word[start:end])
                if piece is not None:
                    break
            else:
                return unknown
            pieces.append(piece)
            start = end
        return pieces


def words(text: str) -> Iterator[str]:
    """Lower-case words and punctuation marks, without accents and controls."""
    text = text.translate(CONTROL) if text.isascii() else _plain(text)
    for token in text.lower().split():
        if token.isalnum():
            yield token
        else:
            yield from _split_punctuation(token)


def _plain(text: str) -> str:
    kept = []
    for character in text:
        code = ord(character)
        if code in (0, 0xFFFD) or _is_control(character):
            continue
        if any(first <= code <= last for first, last in CJK):
            kept.append(f" {character} ")
        else:
            kept.append(character)
    decomposed = unicodedata.normalize("NFD", "".join(kept))
    return "".join(c for c in decomposed if unicodedata.category(c) != "Mn")


def _is_control(character: str) -> bool:
    return character not in "\t\n\r" and unicodedata.category(character)[0] == "C"


def _split_punctuation(token: str) -> Iterator[str]:
    start = 0
    for position, character in enumerate(token):
        if _is_punctuation(character):
            if start < position:
                yield token[start:position]
            yield character
            start = position + 1
    if start < len(token):
        yield token[start:]


def _is_punctuation(character: str) -> bool:
    if character.isascii():
        return character.isprintable() and not character.isalnum()
    return unicodedata.category(character)[0] == "P"
