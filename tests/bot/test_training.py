"""What a training must not do, before anything is trained."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backends.tuning.run import Hyperparameters, Method, Runs, TrainingError
from bot.models import TunedModel
from bot.settings import Settings
from bot.training import Wish, begin, with_models


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
