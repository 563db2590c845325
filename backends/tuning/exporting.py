"""Training files for others: vendors' fine-tuning services, and trainers of their own.

Each format is written from the same lessons as our own training, one line for each
answer to learn, so that no file depends on `weight`, which some trainers ignore.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backends.tuning.example import TrainingExample
from backends.tuning.reading import DatasetError
from backends.tuning.rendering import Lesson, Recipe, lesson
from backends.tuning.snapshot import Snapshot

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Format:
    """How lines look, and what to do with the file."""

    row: Callable[[Lesson], Row]
    pairs: bool
    next_steps: str


def openai_chat(lesson: Lesson) -> Row:
    """`messages`, as OpenAI and most others take them."""
    return {"messages": lesson.messages()}


def openai_preference(lesson: Lesson) -> Row:
    """A good and a bad answer to the same prompt."""
    return {
        "input": {"messages": [message.as_dict() for message in lesson.prompt]},
        "preferred_output": [{"role": "assistant", "content": lesson.answer}],
        "non_preferred_output": [{"role": "assistant", "content": lesson.rejected}],
    }


def prompt_completion(lesson: Lesson) -> Row:
    """Conversational prompt and completion: the loss is on the completion alone."""
    return {
        "prompt": [message.as_dict() for message in lesson.prompt],
        "completion": [{"role": "assistant", "content": lesson.answer}],
    }


def preference(lesson: Lesson) -> Row:
    """Prompt, chosen and rejected answer."""
    return {
        "prompt": [message.as_dict() for message in lesson.prompt],
        "chosen": [{"role": "assistant", "content": lesson.answer}],
        "rejected": [{"role": "assistant", "content": lesson.rejected}],
    }


def sharegpt(lesson: Lesson) -> Row:
    """`conversations` of `human` and `gpt`."""
    names = {"user": "human", "assistant": "gpt", "system": "system"}
    return {
        "conversations": [
            {"from": names[message["role"]], "value": message["content"]}
            for message in lesson.messages()
        ]
    }


def few_shot(lesson: Lesson) -> Row:
    """What a `few_shot` profile reads."""
    return {
        "question": lesson.question,
        "answer": lesson.answer,
        "labels": sorted(lesson.labels),
    }


FEW_SHOT = """\
1. Name the file in a profile:
   [backends.by-example]
   kind = "few_shot"
   examples = "{file}"
2. In the chat: use by-example
"""
OPENAI = """\
1. Look at the file once more: what is uploaded has left the house.
2. `curbside tune train --trainer openai` uploads it and starts the job, after showing
   what it will cost; or upload it by hand with purpose `fine-tune`.
"""
TOGETHER = """\
1. `together files check {file}`, then `together files upload {file}`.
2. `together fine-tuning create --training-file FILE-ID --model BASE --lora`
3. Download the adapter (`together fine-tuning download`), or serve it there; then
   `curbside tune register NAME --base-url URL --model MODEL`.
"""
FIREWORKS = """\
1. `firectl dataset create NAME {file}`
2. `firectl sftj create --base-model BASE --dataset NAME --output-model MODEL`
3. Deploy it, then `curbside tune register NAME --base-url URL --model MODEL`.
"""
AXOLOTL = """\
1. In the configuration:
   datasets:
     - path: {file}
       type: chat_template
       field_messages: messages
   adapter: lora, lora_target_linear: true, train_on_inputs: false
2. `axolotl train config.yml`, serve the adapter with vLLM, then
   `curbside tune register NAME --base-url URL --model MODEL`.
"""
LLAMA_FACTORY = """\
1. In `data/dataset_info.json`:
   "curbside": {{"file_name": "{file}", "formatting": "sharegpt",
                "columns": {{"messages": "conversations"}}}}
2. `llamafactory-cli train` with `dataset: curbside`, `finetuning_type: lora`.
3. Serve the adapter, then `curbside tune register NAME --base-url URL --model MODEL`.
"""
UNSLOTH = """\
1. `load_dataset("json", data_files="{file}")`: the columns are `prompt` and
   `completion`; give it to TRL's SFTTrainer with a model of FastLanguageModel.
2. Save the adapter, serve it with vLLM, then
   `curbside tune register NAME --base-url URL --model MODEL`.
"""

FORMATS: dict[str, Format] = {
    "few-shot": Format(few_shot, False, FEW_SHOT),
    "openai": Format(openai_chat, False, OPENAI),
    "openai-dpo": Format(openai_preference, True, OPENAI),
    "together": Format(openai_chat, False, TOGETHER),
    "fireworks": Format(openai_chat, False, FIREWORKS),
    "axolotl": Format(openai_chat, False, AXOLOTL),
    "llama-factory": Format(sharegpt, False, LLAMA_FACTORY),
    "unsloth": Format(prompt_completion, False, UNSLOTH),
    "trl": Format(prompt_completion, False, UNSLOTH),
    "trl-dpo": Format(preference, True, UNSLOTH),
}


def rows(examples: Iterable[TrainingExample], name: str, recipe: Recipe) -> list[Row]:
    """The lines of a format. Raises DatasetError when there is nothing for it."""
    form = FORMATS[name]
    lessons: Sequence[Lesson] = [lesson(each, recipe) for each in examples]
    if form.pairs:
        lessons = [each for each in lessons if each.rejected]
        if not lessons:
            raise DatasetError(
                "no example has a corrected answer to learn a preference from; "
                "corrections in the chat make them"
            )
    return [form.row(each) for each in lessons]


def export(snapshot: Snapshot, name: str, recipe: Recipe, folder: Path) -> list[Path]:
    """Write both parts of a dataset, and a page that says what to do with them."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for part, examples in (
        ("train", snapshot.train),
        ("held-out", snapshot.held_out),
    ):
        if not examples:
            continue
        path = folder / f"{part}.jsonl"
        lines = rows(examples, name, recipe)
        path.write_text(
            "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in lines),
            encoding="utf-8",
        )
        written.append(path)
    page = folder / "NEXT-STEPS.md"
    head = f"# {name}: what to do with these files\n\nDataset {snapshot.hash[:16]}.\n\n"
    steps = FORMATS[name].next_steps.format(file="train.jsonl")
    page.write_text(head + steps, encoding="utf-8")
    return [*written, page]
