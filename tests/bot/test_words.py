"""The catalogue of the bot's own words."""

import re
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from bot.words import languages, say, speaking

ROOT = Path(__file__).parents[2]
PLACEHOLDER = re.compile(r"{(\w+)")


def catalogue(language: str) -> dict[str, object]:
    text = files("bot.words").joinpath(f"{language}.toml").read_text("utf-8")
    return tomllib.loads(text)


def keys_in_the_code() -> set[str]:
    sources = [*ROOT.glob("bot/**/*.py"), *ROOT.glob("adapters/**/*.py")]
    said = re.compile(r"\bsay\(\s*\"(\w+)\"")
    return {key for path in sources for key in said.findall(path.read_text("utf-8"))}


def test_english_holds_every_text_that_is_said() -> None:
    assert keys_in_the_code() - set(catalogue("en")) == set()


@pytest.mark.parametrize("language", languages())
def test_a_language_has_the_values_of_the_english_text(language: str) -> None:
    english = catalogue("en")
    for key, text in catalogue(language).items():
        values = set(PLACEHOLDER.findall(str(text)))
        assert values <= set(PLACEHOLDER.findall(str(english[key]))), key


def test_a_locale_that_we_do_not_speak_is_answered_in_english() -> None:
    english = say("stopped")
    with speaking("xx-YY"):
        assert say("stopped") == english


def test_the_language_ends_with_its_context() -> None:
    with speaking("en-GB"):
        assert say("stopped") == "Stopped."
    assert say("stopped") == "Stopped."


def test_an_unknown_key_is_an_error() -> None:
    with pytest.raises(KeyError):
        say("no_such_text")
