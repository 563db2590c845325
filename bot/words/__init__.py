"""The bot's own words, a file for each language beside this one.

What is said follows `speaking`: the language of the place, or of the person. A language
without a file, or a text that its file lacks, is English.
"""

import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.resources import files

ENGLISH = "en"

_language: ContextVar[str] = ContextVar("language", default=ENGLISH)


@contextmanager
def speaking(locale: str) -> Iterator[None]:
    """Speak the language of a locale such as "de" or "pt-BR" in this context."""
    token = _language.set(_nearest(locale))
    try:
        yield
    finally:
        _language.reset(token)


def say(key: str, **values: object) -> str:
    """The words for `key`, with the values put in.

    A text with several forms is chosen by the value `count`. KeyError for unknown keys.
    """
    text = _words(_language.get()).get(key)
    if text is None:
        text = _words(ENGLISH)[key]
    if isinstance(text, Mapping):
        text = text["one" if values["count"] == 1 else "other"]
    return text.format(**values)


def languages() -> list[str]:
    """The languages that there are words of."""
    names = (entry.name for entry in files(__name__).iterdir())
    return sorted(name[:-5] for name in names if name.endswith(".toml"))


@cache
def _nearest(locale: str) -> str:
    """The language for a locale: its own, that of its first part, or English."""
    known = {name.lower(): name for name in languages()}
    wanted = locale.replace("_", "-").lower()
    return known.get(wanted) or known.get(wanted.partition("-")[0]) or ENGLISH


@cache
def _words(language: str) -> Mapping[str, str | Mapping[str, str]]:
    text = files(__name__).joinpath(f"{language}.toml").read_text("utf-8")
    return tomllib.loads(text)
