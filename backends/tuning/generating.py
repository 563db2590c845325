"""The base model and its adapters, for the small server: generates, one at a time."""

import json
import threading
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backends.tuning.run import TrainingError
from backends.tuning.trainers.explaining import explained_base
from backends.tuning.trainers.hardware import find
from backends.tuning.trainers.materials import tokenizer

JSON = dict[str, Any]
LONGEST = 1_024
"""Tokens of an answer, unless it was asked for fewer."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A chat request, checked."""

    model: str
    messages: list[JSON]
    stream: bool
    max_tokens: int
    temperature: float
    seed: int | None
    usage: bool


@dataclass
class Generator:
    """The base model with its adapters. Its calls block; one at a time."""

    base: str
    name: str = "base"
    adapters: dict[str, str] = field(default_factory=dict)
    _model: Any = None
    _tokenizer: Any = None

    def load(self) -> None:
        """Load the base. Raises TrainingError."""
        with explained_base(self.base):
            from transformers import AutoModelForCausalLM

            hardware = find()
            self._tokenizer = tokenizer(self.base)
            self._model = AutoModelForCausalLM.from_pretrained(
                self.base, dtype=hardware.dtype()
            ).to("cuda" if hardware.gpu else "cpu")
            self._model.eval()

    def models(self) -> list[str]:
        """What can be asked for."""
        return [self.name, *self.adapters]

    def add(self, name: str, folder: str) -> None:
        """Load an adapter under a name. Raises TrainingError when it does not fit."""
        from peft import PeftModel

        if name in self.models():
            raise TrainingError(f"{name!r} is loaded already; unload it first")
        _check_adapter(Path(folder), self.base)
        try:
            if self.adapters:
                self._model.load_adapter(folder, adapter_name=name)
            else:
                self._model = PeftModel.from_pretrained(
                    self._model, folder, adapter_name=name
                )
        except (OSError, RuntimeError, ValueError, KeyError) as error:
            raise TrainingError(
                f"{folder} is no adapter for {self.base!r}: {str(error)[:200]}"
            ) from error
        self._model.eval()
        self.adapters[name] = folder

    def drop(self, name: str) -> None:
        """Unload an adapter."""
        if name not in self.adapters:
            raise TrainingError(f"{name!r} is not loaded; loaded: {self.models()}")
        del self.adapters[name]
        if self.adapters:
            self._model.delete_adapter(name)
        else:
            self._model = self._model.unload()

    def answer(
        self, asked: Asked, say: Callable[[str], None], stopped: threading.Event
    ) -> JSON:
        """Generate; `say` gets the text as it comes. The counts of tokens and why it
        ended: `stop` or `length`."""
        import torch
        from transformers import StoppingCriteriaList

        if asked.seed is not None:
            torch.manual_seed(asked.seed)
        prompt = self._tokenizer.apply_chat_template(
            asked.messages,
            add_generation_prompt=True,
            return_tensors="pt",
            return_dict=True,
        ).to(self._model.device)
        told = _Teller(self._tokenizer, say)
        how: JSON = {"max_new_tokens": asked.max_tokens, "do_sample": False}
        if asked.temperature > 0:
            how |= {"do_sample": True, "temperature": asked.temperature}
        with torch.no_grad(), self._chosen(asked.model):
            found = self._model.generate(
                **prompt,
                **how,
                streamer=told,
                pad_token_id=self._tokenizer.pad_token_id
                or self._tokenizer.eos_token_id,
                stopping_criteria=StoppingCriteriaList([lambda *_: stopped.is_set()]),
            )
        length = found.shape[1] - prompt["input_ids"].shape[1]
        return {
            "prompt_tokens": prompt["input_ids"].shape[1],
            "completion_tokens": length,
            "finish": "length" if length >= asked.max_tokens else "stop",
        }

    def _chosen(self, model: str) -> Any:
        """The adapter of that name switched on, or none for the base."""
        if model in self.adapters:
            self._model.set_adapter(model)
            return nullcontext()
        return self._model.disable_adapter() if self.adapters else nullcontext()


class _Teller:
    """A streamer of whole characters: half of one is held back."""

    def __init__(self, tokenizer: Any, say: Callable[[str], None]) -> None:
        self._tokenizer, self._say = tokenizer, say
        self._tokens: list[int] = []
        self._said = 0
        self._prompt = True

    def put(self, value: Any) -> None:
        if self._prompt:
            self._prompt = False
            return
        self._tokens.extend(value.reshape(-1).tolist())
        text = self._text()
        if not text.endswith("\ufffd"):
            self._tell(text)

    def end(self) -> None:
        self._tell(self._text())

    def _text(self) -> str:
        return str(self._tokenizer.decode(self._tokens, skip_special_tokens=True))

    def _tell(self, text: str) -> None:
        if len(text) > self._said:
            self._say(text[self._said :])
            self._said = len(text)


def _check_adapter(folder: Path, base: str) -> None:
    """Raises TrainingError for what is no adapter, or one of another base."""
    try:
        config = json.loads((folder / "adapter_config.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(f"{folder} holds no adapter: {error}") from error
    tuned = str(config.get("base_model_name_or_path") or "")
    same = tuned == base or Path(tuned).name == Path(base).name
    if tuned and not same:
        raise TrainingError(
            f"the adapter in {folder} was trained for {tuned!r}, not for {base!r}; "
            "serve it with its own base"
        )
