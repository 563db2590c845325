"""What TRL's trainers are given: arguments, data, model, adapter."""

import math
from importlib.metadata import version
from pathlib import Path
from typing import Any

from backends.tuning.exporting import preference, prompt_completion
from backends.tuning.run import Hyperparameters, Method, Run, Runs, TrainingError
from backends.tuning.trainers.base import Task, adapter_folder
from backends.tuning.trainers.hardware import find

CHECKPOINTS = "checkpoints"


def arguments(folder: Path, task: Task, chosen: Hyperparameters) -> dict[str, Any]:
    """What the arguments of both trainers have in common."""
    hardware = find()
    count = steps(task, chosen)
    return {
        "output_dir": str(folder / CHECKPOINTS),
        "per_device_train_batch_size": chosen.batch_size,
        "per_device_eval_batch_size": chosen.batch_size,
        "learning_rate": chosen.learning_rate,
        "lr_scheduler_type": "cosine",
        "warmup_steps": max(1, count // 20),
        "max_steps": count,
        "seed": chosen.seed,
        "logging_steps": max(1, count // 50),
        "eval_strategy": "steps" if task.held_out else "no",
        "eval_steps": max(1, count // 5),
        "save_strategy": "steps",
        "save_steps": max(1, count // 5),
        "save_total_limit": 2,
        "use_cpu": not hardware.gpu,
        "bf16": hardware.bf16,
        "fp16": hardware.gpu and not hardware.bf16,
        "gradient_checkpointing": hardware.gpu,
        "report_to": "none",
        "disable_tqdm": True,
    }


def steps(task: Task, chosen: Hyperparameters) -> int:
    if chosen.max_steps:
        return chosen.max_steps
    count = len(task.learn)
    if task.run.method is Method.PRETRAIN:
        tokens = sum(len(text.encode()) for text in task.texts) // 4
        count = max(1, tokens // chosen.max_length)
    return max(1, math.ceil(count / chosen.batch_size * chosen.epochs))


def rows(task: Task, *, held_out: bool) -> Any:
    from datasets import Dataset

    if task.run.method is Method.PRETRAIN:
        return (
            None if held_out else Dataset.from_list([{"text": t} for t in task.texts])
        )
    row = preference if task.run.method is Method.DPO else prompt_completion
    lessons = task.held_out if held_out else task.learn
    return Dataset.from_list([row(each) for each in lessons]) if lessons else None


def model(run: Run, runs: Runs) -> Any:
    """The base, or with `start` the base with that run's adapter, to go on with."""
    from transformers import AutoModelForCausalLM

    hardware = find()
    how: dict[str, Any] = {"dtype": hardware.dtype()}
    if run.hyperparameters.four_bit:
        how["quantization_config"] = _four_bit()
    base = AutoModelForCausalLM.from_pretrained(run.base, **how)
    if not run.start:
        return base
    from peft import PeftModel

    start = runs.get(run.start)
    if start.base != run.base:
        raise TrainingError(
            f"run {start.id} has an adapter for {start.base!r}, not for {run.base!r}; "
            "name its base, or leave `start` out"
        )
    folder = adapter_folder(runs, start)
    return PeftModel.from_pretrained(base, str(folder), is_trainable=True)


def _four_bit() -> Any:
    import torch
    from transformers import BitsAndBytesConfig

    try:
        version("bitsandbytes")
    except ImportError as error:
        raise TrainingError(
            'four_bit needs bitsandbytes: pip install "curbside[train-4bit]"'
        ) from error
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=getattr(torch, find().dtype()),
    )


def lora(chosen: Hyperparameters) -> Any:
    from peft import LoraConfig

    return LoraConfig(
        r=chosen.rank,
        lora_alpha=2 * chosen.rank,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


def tokenizer(base: str) -> Any:
    from transformers import AutoTokenizer

    found = AutoTokenizer.from_pretrained(base)
    if found.chat_template is None:
        raise TrainingError(
            f"the tokenizer of {base!r} has no chat template, so it cannot be asked in "
            "a chat; use the instruct variant of the model, or add a template"
        )
    return found
