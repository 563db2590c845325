"""Small facts about text that both sides of the conversation need."""

import math
import unicodedata

# Emoji are built with the last two; all else that is not seen is taken out.
_KEPT = {"\n", "\t", "\u200d", "\ufe0f"}


def visible(text: str) -> str:
    """`text` without control, bidirectional and invisible characters.

    They can hide words from a reader or smuggle them to a model.
    """
    if text.isascii() and text.isprintable():
        return text
    # An answer is cleaned each time it is shown: look at each character once.
    hidden = {char for char in set(text) if _hidden(char)}
    return "".join(c for c in text if c not in hidden) if hidden else text


def _hidden(char: str) -> bool:
    return char not in _KEPT and _invisible(char)


def _invisible(char: str) -> bool:
    if char.isascii():
        return not char.isprintable()
    return (
        unicodedata.category(char) in ("Cc", "Cf", "Co", "Cs")
        or "\ufe00" <= char <= "\ufe0e"
        or "\U000e0100" <= char <= "\U000e01ef"
    )


def estimate_tokens(text: str) -> int:
    """Tokens that a text takes at most: a third of its UTF-8 bytes, rounded up.

    Never below the count of the usual vocabularies on chat, prose, code, German and
    Japanese, 8 to 49 % above it.
    """
    return math.ceil(len(text.encode()) / 3)
