"""Tokens as a model counts them, by its own tokenizer."""

from collections.abc import Callable

from backends.tuning.trainers.explaining import explained_base


def counter(base: str) -> Callable[[str], int]:
    """Counts tokens as this model does. Raises TrainingError when it is not there."""
    with explained_base(base):
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(base)
    return lambda text: len(tokenizer(text)["input_ids"])
