"""Options: what is read, where keys go, and complaints that name the fix."""

from pathlib import Path
from typing import Any

import pytest

from backends.base import BackendMisconfigured, Profile
from backends.options import (
    ModelOptions,
    PassageOptions,
    TunedOptions,
    chat_model,
    check_fingerprint,
    manner,
    read,
)
from backends.prompt import fingerprint
from backends.rag import RagOptions
from backends.services import ModelDefaults, Services
from backends.silence.decision import Silence
from backends.support.watch import Policy
from backends.testing import FixedSearch, services_for_tests

HOUSE = ModelDefaults("http://house/v1", "house-model", "sk-house")


def profile(**options: Any) -> Profile:
    return Profile("handbook", "rag", options, memory_tokens=123)


def services(model: ModelDefaults = HOUSE) -> Services:
    return services_for_tests(FixedSearch(), model)


def complaint(**options: Any) -> str:
    with pytest.raises(BackendMisconfigured) as caught:
        read(profile(**options), RagOptions)
    return str(caught.value)


def test_everything_has_a_default() -> None:
    options = read(profile(), RagOptions)

    assert (options.model, options.collection, options.passages) == ("", "", 6)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"pasages": 3}, ["`pasages`", "did you mean `passages`?"]),
        ({"zzz": 1}, ["`zzz`", "known are", "base_url"]),
        ({"passages": 0}, ["`passages`", "greater than or equal to 1"]),
        ({"passages": "many"}, ["`passages`", "valid integer"]),
        ({"base_url": "house:8000"}, ["`base_url`", "http://"]),
        ({"abstain_below": 2}, ["`abstain_below`", "less than or equal to 1"]),
        ({"api_key": "sk-secret"}, ["`api_key`", 'api_key_env = "NAME"']),
        ({"temperature": 9, "max_tokens": 0}, ["`temperature`", "`max_tokens`"]),
    ],
    ids=str,
)
def test_complaints_name_profile_key_and_fix(
    options: dict[str, Any], words: list[str]
) -> None:
    said = complaint(**options)

    assert said.startswith("[backends.handbook]: ")
    for word in words:
        assert word in said
    assert "secret" not in said


def test_a_missing_option_is_named() -> None:
    with pytest.raises(BackendMisconfigured, match="`model` is missing; set it"):
        read(profile(), TunedOptions)


def test_the_model_is_the_programs_unless_named() -> None:
    endpoint = chat_model(profile(), ModelOptions(), services()).endpoint

    assert endpoint.base_url == "http://house/v1"
    assert endpoint.model == "house-model"
    assert endpoint.api_key == "sk-house"
    assert endpoint.name == "[backends.handbook]"


def test_another_model_of_the_same_server_uses_its_key() -> None:
    options = ModelOptions(model="other", base_url="http://house/v1/")

    endpoint = chat_model(profile(), options, services()).endpoint

    assert (endpoint.model, endpoint.api_key) == ("other", "sk-house")


def test_another_server_sees_neither_key_nor_model_of_the_house() -> None:
    options = ModelOptions(base_url="http://127.0.0.1:8000/v1")

    endpoint = chat_model(profile(), options, services()).endpoint

    assert (endpoint.model, endpoint.api_key) == ("", None)


def test_a_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNED_KEY", "sk-tuned")
    options = ModelOptions(base_url="http://other/v1", api_key_env="TUNED_KEY")

    assert chat_model(profile(), options, services()).endpoint.api_key == "sk-tuned"


def test_an_unset_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TUNED_KEY", raising=False)
    options = ModelOptions(api_key_env="TUNED_KEY")

    with pytest.raises(BackendMisconfigured, match="TUNED_KEY, which is not set"):
        chat_model(profile(), options, services())


def test_without_any_server_it_says_what_to_set() -> None:
    with pytest.raises(BackendMisconfigured, match="set `base_url` here"):
        chat_model(profile(), ModelOptions(), services(ModelDefaults()))


def test_a_key_alone_means_the_official_server() -> None:
    default = services(ModelDefaults(api_key="sk"))

    assert chat_model(profile(), ModelOptions(), default).endpoint.base_url is None


def test_options_become_the_manner_of_asking() -> None:
    options = RagOptions(
        system_prompt="You are Robin.",
        max_tokens=9,
        temperature=0.5,
        prompt_tokens=900,
        abstain_below=0.4,
        abstain_text="Keine Ahnung.",
    )

    asked = manner(profile(), options, services())

    assert (asked.system, asked.prompt_tokens) == ("You are Robin.", 900)
    assert (asked.sampling.max_tokens, asked.sampling.temperature) == (9, 0.5)
    assert (asked.silence, asked.abstain_text) == (Silence(0.4), "Keine Ahnung.")
    assert asked.support is Policy.MARK
    assert asked.history_tokens == 123


def test_a_model_tuned_on_other_prompts_is_not_asked() -> None:
    same = TunedOptions(model="m", prompt_fingerprint=fingerprint())
    check_fingerprint(profile(), same)
    check_fingerprint(profile(), TunedOptions(model="m"))

    with pytest.raises(BackendMisconfigured, match="tuned on prompts 0123"):
        check_fingerprint(
            profile(), same.model_copy(update={"prompt_fingerprint": "0123"})
        )


def test_options_cannot_be_changed_later() -> None:
    with pytest.raises(ValueError, match="frozen"):
        PassageOptions().passages = 3  # type: ignore[misc]


def test_the_test_services_have_a_folder() -> None:
    assert isinstance(services().data_dir, Path)
