"""The forecast of a run's memory, and the settings chosen for data and machine."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from backends.tuning.run import Hyperparameters, Method, Run
from backends.tuning.trainers.hardware import Hardware, Shape, choose, memory

GIB = 2**30
CPU = Hardware(False, "the CPU", 8 * GIB, bf16=False)
GPU = Hardware(True, "a GPU", 24 * GIB, bf16=True)

# An 8 B model, by its published configuration.
EIGHT_B = Shape(
    parameters=8_190_000_000,
    linear=6_950_000_000,
    adapted=2_700_000,
    layers=36,
    heads=32,
    hidden=4_096,
    vocabulary=151_936,
    context=40_960,
)


def shape(hidden: int, layers: int) -> Shape:
    """A Llama with 1,000 tokens and an inner width of three times its hidden one."""
    linear = layers * (4 * hidden**2 + 9 * hidden**2)
    return Shape(
        parameters=linear + 1_000 * hidden,
        linear=linear,
        adapted=layers * (4 * 2 * hidden + 3 * 4 * hidden),
        layers=layers,
        heads=8,
        hidden=hidden,
        vocabulary=600,
        context=1_024,
    )


@pytest.mark.parametrize(
    ("hidden", "layers", "batch", "length", "measured"),
    [
        (256, 4, 4, 244, 697),
        (512, 8, 4, 244, 1_329),
        (512, 8, 8, 244, 2_032),
        (512, 8, 8, 644, 4_484),
        (768, 12, 4, 344, 3_037),
    ],
)
def test_the_forecast_is_near_what_was_measured_on_a_cpu(
    hidden: int, layers: int, batch: int, length: int, measured: int
) -> None:
    chosen = Hyperparameters(batch_size=batch, max_length=length)
    need = memory(Method.SFT, chosen, shape(hidden, layers), CPU) / 2**20
    assert need == pytest.approx(measured, rel=0.15)


def test_four_bits_take_much_less() -> None:
    chosen = Hyperparameters(batch_size=1, max_length=1_024)
    whole = memory(Method.SFT, chosen, EIGHT_B, GPU)
    small = memory(Method.SFT, replace(chosen, four_bit=True), EIGHT_B, GPU)
    assert 16 * GIB < whole < 22 * GIB
    assert small < 0.6 * whole


def run(**given: Any) -> Run:
    values: dict[str, Any] = {
        "id": "r",
        "name": "n",
        "trainer": "local",
        "method": Method.SFT,
        "base": "b",
        "dataset": "",
        "dataset_hash": "",
        "fingerprint": "",
        "created": datetime.now(UTC),
    }
    return Run(**(values | given))


def test_what_is_left_open_is_chosen() -> None:
    chosen = choose(run(), shape(256, 4), [100] * 50, CPU)
    assert chosen.max_length == 100
    assert chosen.batch_size == 8
    assert chosen.epochs == 5
    assert chosen.learning_rate == 2e-4


def test_what_is_given_stays() -> None:
    given = Hyperparameters(
        epochs=1, learning_rate=1e-5, batch_size=2, max_length=64, seed=3
    )
    chosen = choose(run(hyperparameters=given), shape(256, 4), [100] * 50, CPU)
    assert chosen == given


def test_the_batch_shrinks_until_it_fits() -> None:
    small = replace(GPU, free=21 * GIB)
    lengths = [1_024] * 300
    assert choose(run(), EIGHT_B, lengths, small).batch_size == 1
    assert choose(run(), EIGHT_B, lengths, replace(GPU, free=80 * GIB)).batch_size == 8


def test_preferences_are_learned_more_slowly_and_take_more() -> None:
    lengths = [200] * 50
    sft = choose(run(), shape(512, 8), lengths, CPU)
    dpo = choose(run(method=Method.DPO), shape(512, 8), lengths, CPU)
    assert dpo.learning_rate < sft.learning_rate
    assert memory(Method.DPO, dpo, shape(512, 8), CPU) > memory(
        Method.SFT, sft, shape(512, 8), CPU
    )


def test_nothing_is_longer_than_the_model_can_read() -> None:
    assert choose(run(), shape(256, 4), [9_000], CPU).max_length == 1_024
