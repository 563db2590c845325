"""Settings say which key is wrong, where it was set and what would do."""

import os
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import Field, SecretStr

from bot.errors import ConfigurationError
from bot.settings import Section, Settings, load_section, load_settings


class Parrot(Section):
    """A section as an adapter declares it."""

    table: ClassVar[str] = "parrot"

    token: SecretStr
    perches: list[str] = Field(default_factory=list)
    volume: int = Field(3, ge=0, le=11, description="How loud.")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder and an environment without settings of ours."""
    for name in list(os.environ):
        if name.startswith("CURBSIDE_") or name == "OPENAI_API_KEY":
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(text: str, name: str = "curbside.toml") -> None:
    Path(name).write_text(text, encoding="utf-8")


def complaint(*tables: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(frozenset(tables))
    return str(caught.value)


def test_needs_no_file() -> None:
    settings = load_settings()

    assert settings.data_dir == Path("curbside-data")
    assert settings.worker.concurrency == 64


def test_the_environment_wins_over_dotenv_and_dotenv_over_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write('data_dir = "file"\nqdrant_url = "http://file"\nlog_level = "ERROR"')
    write("CURBSIDE_DATA_DIR=dotenv\nCURBSIDE_QDRANT_URL=http://dotenv", ".env")
    monkeypatch.setenv("CURBSIDE_DATA_DIR", "environment")

    settings = load_settings()

    assert settings.data_dir == Path("environment")
    assert settings.qdrant_url == "http://dotenv"
    assert settings.log_level == "ERROR"


def test_a_table_may_be_set_by_key_in_three_places(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write("[worker]\nconcurrency = 1\nattempts = 2")
    write("CURBSIDE_WORKER_ATTEMPTS=3", ".env")
    monkeypatch.setenv("CURBSIDE_WORKER_LEASE_SECONDS", "7.5")

    worker = load_settings().worker

    assert (worker.concurrency, worker.attempts, worker.lease_seconds) == (1, 3, 7.5)


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    write('redis_url = "redis://file"')
    write("CURBSIDE_MODEL_BASE_URL=", ".env")
    monkeypatch.setenv("CURBSIDE_REDIS_URL", "")

    settings = load_settings()

    assert settings.redis_url == SecretStr("redis://file")
    assert settings.model.base_url is None


@pytest.mark.parametrize("text", ['["slack:U1", "discord:2"]', "slack:U1, discord:2"])
def test_a_list_in_a_variable_is_json_or_comma_separated(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CURBSIDE_ADMINS", text)

    assert load_settings().admins == ["slack:U1", "discord:2"]


def test_an_audience_can_come_from_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    write('[audience]\nslack = ["staff"]')
    monkeypatch.setenv("CURBSIDE_AUDIENCE_DISCORD", "public,press")

    assert load_settings().audience == {
        "slack": ["staff"],
        "discord": ["public", "press"],
    }


def test_profiles_can_come_from_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURBSIDE_BACKENDS", '{"faq": {"kind": "verbatim"}}')

    assert load_settings().backends == {"faq": {"kind": "verbatim"}}


@pytest.mark.parametrize("place", ["environment", ".env"])
def test_the_customary_key_is_the_model_key(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if place == ".env":
        write("OPENAI_API_KEY=sk-1", ".env")
    else:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-1")

    assert load_settings().model.api_key == SecretStr("sk-1")


def test_our_own_key_wins_over_the_customary_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    monkeypatch.setenv("CURBSIDE_MODEL_API_KEY", "sk-2")

    assert load_settings().model.api_key == SecretStr("sk-2")


def test_reads_a_file_with_a_byte_order_mark() -> None:
    write('\ufefflog_level = "DEBUG"')

    assert load_settings().log_level == "DEBUG"


def test_dotenv_may_name_the_file() -> None:
    write("CURBSIDE_CONFIG=other.toml", ".env")
    write('log_level = "DEBUG"', "other.toml")

    assert load_settings().log_level == "DEBUG"


FILES = {
    "typo at the top": (
        'redis_ulr = "redis://h"',
        ["curbside.toml", "'redis_ulr'", "did you mean 'redis_url'?"],
    ),
    "unknown at the top": ("colour = 1", ["'colour'", "known keys: data_dir"]),
    "typo of a table": ("[wroker]\nattempts = 1", ["did you mean 'worker'?"]),
    "typo of an adapter's table": ("[parot]\nvolume = 1", ["did you mean 'parrot'?"]),
    "typo in a table": (
        "[worker]\nconcurency = 5",
        ["'worker.concurency'", "[worker]", "did you mean 'concurrency'?"],
    ),
    "word for a number": (
        '[worker]\nconcurrency = "lots"',
        ["'worker.concurrency'", "curbside.toml [worker]", "valid integer", "'lots'"],
    ),
    "too small": (
        "[worker]\nattempts = 0",
        ["'worker.attempts'", "greater than or equal to 1", "it is 0", "default is 4"],
    ),
    "not one of": (
        'log_level = "LOUD"',
        ["'log_level' from curbside.toml", "'DEBUG', 'INFO'", "it is 'LOUD'"],
    ),
    "number for text": ("collection = 3", ["'collection'", "valid string", "it is 3"]),
    "text for a list": ('admins = "slack:U1"', ["'admins'", "valid list"]),
    "value for a table": ("worker = 5", ["'worker'", "must be a table, written"]),
    "value in an audience": (
        "[audience]\nslack = 5",
        ["'audience.slack' from curbside.toml [audience]", "valid list"],
    ),
    "profile that is no table": (
        '[backends]\nfaq = "rag"',
        ["'backends.faq' from curbside.toml [backends]", "dictionary"],
    ),
    "two profiles of one name": (
        '[backends.faq]\nkind = "rag"\n[backends.faq]\nkind = "verbatim"',
        ["two tables of the same name?", "faq", "line 3", "mend"],
    ),
    "key twice": (
        'log_level = "INFO"\nlog_level = "INFO"',
        ["same key twice", "not valid TOML"],
    ),
    "no quotes": ("data_dir = here", ["not valid TOML", "line 1"]),
    "unclosed table": ("[worker\nattempts = 1", ["not valid TOML", "line 1"]),
}


@pytest.mark.parametrize("case", FILES)
def test_says_what_is_wrong_in_the_file(case: str) -> None:
    text, expected = FILES[case]
    write(text)

    message = complaint("parrot")

    for part in expected:
        assert part in message


VARIABLES = {
    "typo": (
        ("CURBSIDE_REDIS_ULR", "redis://h"),
        ["CURBSIDE_REDIS_ULR", "did you mean CURBSIDE_REDIS_URL?"],
    ),
    "typo of a table": (
        ("CURBSIDE_WORKR_ATTEMPTS", "2"),
        ["did you mean CURBSIDE_WORKER_ATTEMPTS?"],
    ),
    "typo in a table": (
        ("CURBSIDE_WORKER_ATTEMPS", "2"),
        ["CURBSIDE_WORKER_ATTEMPS", "unknown key", "did you mean 'attempts'?"],
    ),
    "typo of the file": (
        ("CURBSIDE_CONFG", "x.toml"),
        ["did you mean CURBSIDE_CONFIG?"],
    ),
    "word for a number": (
        ("CURBSIDE_WORKER_CONCURRENCY", "lots"),
        ["'worker.concurrency' from", "CURBSIDE_WORKER_CONCURRENCY", "'lots'"],
    ),
    "not one of": (("CURBSIDE_LOG_LEVEL", "LOUD"), ["CURBSIDE_LOG_LEVEL", "'INFO'"]),
    "text for a table": (
        ("CURBSIDE_MODEL", "qwen3-8b"),
        ["'model' from", "CURBSIDE_MODEL", "must be JSON"],
    ),
    "missing file": (
        ("CURBSIDE_CONFIG", "gone.toml"),
        ["CURBSIDE_CONFIG", "'gone.toml'", "does not exist", "curbside init gone.toml"],
    ),
}


@pytest.mark.parametrize("place", ["environment variable", ".env"])
@pytest.mark.parametrize("case", VARIABLES)
def test_says_what_is_wrong_in_a_variable(
    case: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (name, value), expected = VARIABLES[case]
    if place == ".env":
        write(f"# ours\n{name}={value}\n", ".env")
    else:
        monkeypatch.setenv(name, value)

    message = complaint()

    assert place in message
    for part in expected:
        assert part in message


def test_lets_variables_pass_that_resemble_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # What Kubernetes sets in every container, for services of these names.
    for service in ("", "MODEL_", "WORKER_", "REDIS_", "PARROT_"):
        for key in ("SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP"):
            monkeypatch.setenv(f"CURBSIDE_{service}{key}", "8000")
        for key in ("PORT", "PORT_8000_TCP", "PORT_8000_TCP_PROTO"):
            monkeypatch.setenv(f"CURBSIDE_{service}{key}", "tcp://10.0.0.1:8000")
        monkeypatch.setenv(f"CURBSIDE_{service}PORT_8000_TCP_ADDR", "10.0.0.1")
    monkeypatch.setenv("CURBSIDE_PARROT_TOKEN", "x")

    assert load_settings(frozenset({"parrot"})) == Settings()
    assert load_section(Parrot).volume == 3


def test_lets_the_variables_of_other_tables_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CURBSIDE_LOG_LEVELS", "x")

    load_settings(frozenset({"log"}))
    with pytest.raises(ConfigurationError, match="CURBSIDE_LOG_LEVEL"):
        load_settings()


def test_every_problem_is_named_at_once() -> None:
    write('log_level = "LOUD"\n[worker]\nattempts = 0\nconcurrency = 0')

    message = complaint()

    assert len(message.splitlines()) == 3


def test_a_secret_is_never_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    write("redis_url = 12345678")
    assert "12345678" not in complaint()

    write("[model]\napi_key = 87654321")
    assert "87654321" not in complaint()

    write("[model]\nbase_url = 999111")
    assert "999111" not in complaint()


def test_says_which_line_of_dotenv_cannot_be_read() -> None:
    write("CURBSIDE_LOG_LEVEL=INFO\n'what is this\n", ".env")

    message = complaint()

    assert ".env, line 2" in message
    assert "NAME=value" in message


def test_says_that_dotenv_is_not_text() -> None:
    Path(".env").write_bytes(b"CURBSIDE_LOG_LEVEL=\xff")

    assert ".env cannot be read" in complaint()


def test_says_that_the_file_is_not_text() -> None:
    Path("curbside.toml").write_bytes(b"log_level = '\xff'")

    assert "curbside.toml cannot be read" in complaint()


def test_a_folder_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURBSIDE_CONFIG", ".")

    assert "cannot be read" in complaint()


def test_a_section_reads_its_table_and_its_variables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write('[parrot]\ntoken = "file"\nvolume = 4')
    write("CURBSIDE_PARROT_VOLUME=5", ".env")
    monkeypatch.setenv("CURBSIDE_PARROT_PERCHES", "oak,elm")

    parrot = load_section(Parrot)

    assert parrot.token.get_secret_value() == "file"
    assert (parrot.volume, parrot.perches) == (5, ["oak", "elm"])


def test_given_values_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURBSIDE_PARROT_VOLUME", "5")

    assert load_section(Parrot, token="t", volume=1).volume == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[parrot]\nvolume = 1", "'parrot.token' is missing"),
        ("[parrot]\nvolume = 1", "CURBSIDE_PARROT_TOKEN"),
        ("parrot = 1", "written [parrot]"),
        (
            '[parrot]\ntokn = "x"',
            "unknown key 'tokn' in [parrot]; did you mean 'token'?",
        ),
        ('[parrot]\ntoken = "x"\nvolume = 12', "'parrot.volume' from curbside.toml"),
    ],
)
def test_a_section_says_what_is_wrong(text: str, expected: str) -> None:
    write(text)

    with pytest.raises(ConfigurationError) as caught:
        load_section(Parrot)

    assert expected in str(caught.value)


def test_a_section_knows_its_misspelt_variables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CURBSIDE_PARROT_TOKE", "x")

    with pytest.raises(
        ConfigurationError, match=r"did you mean CURBSIDE_PARROT_TOKEN\?"
    ):
        load_section(Parrot)
