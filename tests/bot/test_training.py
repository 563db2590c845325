"""What a training must not do, before anything is trained."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backends.prompt import fingerprint
from backends.tuning.example import (
    Origin,
    Provenance,
    Split,
    Status,
    TrainingExample,
    example_id,
)
from backends.tuning.run import Hyperparameters, Method, Runs, TrainingError
from backends.tuning.snapshot import freeze
from bot.models import TunedModel
from bot.settings import Settings
from bot.training import Wish, begin, deploy, undeploy, with_models


async def test_a_model_that_is_a_profile_is_not_trained_over(tmp_path: Path) -> None:
    settings = Settings.model_validate({"data_dir": tmp_path})
    text = tmp_path / "handbook.md"
    text.write_text("The gate opens at six. " * 50)
    model = TunedModel("house", "base", datetime.now(UTC), served_as="house")
    runs = Runs(tmp_path / "runs")
    wish = Wish(
        "house", "base", Method.PRETRAIN, "openai", None, (text,), "", "",
        with_passages=False, hyperparameters=Hyperparameters(),
    )  # fmt: skip
    await with_models(settings, lambda models: models.put(model))

    with pytest.raises(TrainingError, match="house-2"):
        await begin(settings, runs, wish)
    assert runs.all() == []

    run, _, _ = await begin(settings, runs, replace(wish, name="house-2"))
    assert run.name == "house-2"


def an_example(number: int, system: str = "") -> TrainingExample:
    asked = f"Who has key number {number} of the house?"
    return TrainingExample(
        id=example_id(asked),
        question=asked,
        answer=f"Ask for key {number} at desk {number}, please.",
        provenance=Provenance(Origin.IMPORTED),
        created=datetime.now(UTC),
        system=system,
        status=Status.APPROVED,
        split=Split.TRAIN,
    )


def frozen(folder: Path, examples: list[TrainingExample]) -> Wish:
    return Wish(
        "house", "base", Method.SFT, "openai", freeze(examples, folder).folder, (), "",
        "", with_passages=False, hyperparameters=Hyperparameters(),
    )  # fmt: skip


async def test_what_is_served_is_the_prompt_that_examples_brought_along(
    tmp_path: Path,
) -> None:
    settings = Settings.model_validate({"data_dir": tmp_path})
    runs = Runs(tmp_path / "runs")
    wish = frozen(tmp_path, [an_example(number, "Be kind.") for number in range(12)])

    run, task, _ = await begin(settings, runs, wish)
    assert run.system == "Be kind."
    assert task.learn[0].prompt[0].content.startswith("Be kind.")
    assert run.fingerprint == fingerprint("Be kind.")

    run, task, _ = await begin(settings, runs, replace(wish, system="Be brief."))
    assert run.system == "Be brief."
    assert task.learn[0].prompt[0].content.startswith("Be brief.")


async def test_examples_with_different_prompts_want_one_to_be_named(
    tmp_path: Path,
) -> None:
    settings = Settings.model_validate({"data_dir": tmp_path})
    runs = Runs(tmp_path / "runs")
    some = [an_example(number, "Be kind.") for number in range(12)]
    wish = frozen(tmp_path, [*some, an_example(12)])

    with pytest.raises(TrainingError, match="--system"):
        await begin(settings, runs, wish)


async def test_documents_that_are_away_do_not_keep_from_learning_answers(
    tmp_path: Path,
) -> None:
    away = {"data_dir": tmp_path, "documents": [tmp_path / "away"]}
    wish = frozen(tmp_path, [an_example(number) for number in range(12)])

    run, _, _ = await begin(Settings.model_validate(away), Runs(tmp_path / "r"), wish)

    assert run.name == "house"


async def test_a_server_that_is_gone_does_not_keep_its_model_a_profile(
    tmp_path: Path,
) -> None:
    settings = Settings.model_validate({"data_dir": tmp_path})
    model = TunedModel(
        "house", "base", datetime.now(UTC), adapter="house", served_as="house",
        base_url="http://127.0.0.1:9/v1",
    )  # fmt: skip
    await with_models(settings, lambda models: models.put(model))

    with pytest.raises(TrainingError, match="does not answer"):
        await undeploy(settings, "house")

    assert await with_models(settings, lambda models: models.tables()) == {}


async def test_what_was_taken_away_comes_back_by_the_vendors_name(
    tmp_path: Path,
) -> None:
    settings = Settings.model_validate({"data_dir": tmp_path})
    made = TunedModel("house", "gpt", datetime.now(UTC), served_as="ft:gpt:house:1")
    await with_models(settings, lambda models: models.put(made))

    await undeploy(settings, "house")
    await undeploy(settings, "house")
    assert await with_models(settings, lambda models: models.tables()) == {}
    again = await deploy(settings, "house", "", "", "", None, load=True)

    assert again.served_as == "ft:gpt:house:1"
