"""Trains here, with TRL and PEFT: an adapter (LoRA) for a model that the team has.

Needs the extra `[train]`. Everything heavy is imported when a run begins.
"""

import errno
import math
import os
import shutil
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from threading import Event
from typing import Any

from backends.tuning.exporting import preference, prompt_completion
from backends.tuning.run import (
    Hyperparameters,
    Method,
    Progress,
    Run,
    Runs,
    RunState,
    TrainingError,
)
from backends.tuning.trainers.base import Forecast, Report, Task, adapter_folder
from backends.tuning.trainers.hardware import Hardware, Shape, choose, find, memory

INSTALL = (
    'training here needs the extra [train]: pip install "curbside[train]" (choose your '
    "torch first, such as the CPU build, or the one for your CUDA)"
)
LIBRARIES = ("torch", "transformers", "trl", "peft")
CHECKPOINTS = "checkpoints"


class LocalTrainer:
    """LoRA and QLoRA, DPO, continued pre-training; resumes from its checkpoints."""

    def forecast(self, task: Task) -> Forecast:
        """Memory and steps, from the model's configuration alone."""
        with _explained(task.run):
            shape, lengths = self._shape(task.run), self._lengths(task)
            hardware = find()
            chosen = choose(task.run, shape, lengths, hardware)
            need = memory(task.run.method, chosen, shape, hardware)
        steps = _steps(task, chosen)
        lines = [
            f"{shape.parameters / 1e6:,.0f} M parameters; {hardware.words()}",
            f"{steps} steps of {chosen.batch_size}, at most {chosen.max_length} tokens "
            f"each, learning rate {chosen.learning_rate:g}",
            f"about {need / 2**30:.1f} GiB of memory, {hardware.free / 2**30:.1f} free",
        ]
        fits = need <= hardware.free
        if not fits:
            lines.append(_smaller(chosen, hardware))
        return Forecast(tuple(lines), need, sum(lengths), fits=fits)

    def train(self, task: Task, runs: Runs, report: Report, stop: Event) -> Run:
        """See the contract. The adapter lies in the run's folder at the end."""
        run = task.run
        folder = runs.folder(run)
        folder.mkdir(parents=True, exist_ok=True)
        with _explained(run):
            chosen = choose(run, self._shape(run), self._lengths(task), find())
            run = runs.change(
                run,
                state=RunState.RUNNING,
                began=run.began or datetime.now(UTC),
                hyperparameters=chosen,
                versions={name: version(name) for name in LIBRARIES},
                error="",
            )
            trainer = self._trainer(replace(task, run=run), runs)
            _hush(trainer)
            trainer.add_callback(_watcher(runs, run, report, stop))
            before = _evaluated(trainer)
            trainer.train(resume_from_checkpoint=_last_checkpoint(folder))
            if stop.is_set():
                return runs.change(run, state=RunState.CANCELLED)
            metrics = _metrics(before, trainer)
            _save(trainer, adapter_folder(runs, run))
        shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
        return runs.change(
            run,
            state=RunState.SUCCEEDED,
            ended=datetime.now(UTC),
            model=str(adapter_folder(runs, run)),
            metrics=metrics,
            base_revision=_revision(trainer),
        )

    def _shape(self, run: Run) -> Shape:
        from transformers import AutoConfig

        return Shape.of(AutoConfig.from_pretrained(run.base))

    def _lengths(self, task: Task) -> list[int]:
        """Tokens of each example, by the model's own tokenizer and template."""
        tokenizer = _tokenizer(task.run.base)
        if task.run.method is Method.PRETRAIN:
            return [len(tokenizer(text)["input_ids"]) for text in task.texts]
        return [
            len(
                tokenizer.apply_chat_template(each.messages(), return_dict=True)[
                    "input_ids"
                ]
            )
            for each in task.learn
        ]

    def _trainer(self, task: Task, runs: Runs) -> Any:
        run, chosen = task.run, task.run.hyperparameters
        common = _common(runs.folder(run), task, chosen)
        given: dict[str, Any] = {
            "model": _model(run, runs),
            "processing_class": _tokenizer(run.base),
            "train_dataset": _rows(task, held_out=False),
            "eval_dataset": _rows(task, held_out=True),
        }
        if not run.start:
            given["peft_config"] = _lora(chosen)
        if run.method is Method.DPO:
            from trl import DPOConfig, DPOTrainer

            common |= {"beta": chosen.beta, "max_length": chosen.max_length}
            return DPOTrainer(args=DPOConfig(**common), **given)
        from trl import SFTConfig, SFTTrainer

        packed = run.method is Method.PRETRAIN
        common |= {"max_length": chosen.max_length, "packing": packed}
        if packed:
            common |= {"packing_strategy": "wrapped", "eval_packing": False}
        return SFTTrainer(args=SFTConfig(**common), **given)


def _common(folder: Path, task: Task, chosen: Hyperparameters) -> dict[str, Any]:
    """What the arguments of both trainers have in common."""
    hardware = find()
    steps = _steps(task, chosen)
    return {
        "output_dir": str(folder / CHECKPOINTS),
        "per_device_train_batch_size": chosen.batch_size,
        "per_device_eval_batch_size": chosen.batch_size,
        "learning_rate": chosen.learning_rate,
        "lr_scheduler_type": "cosine",
        "warmup_steps": max(1, steps // 20),
        "max_steps": steps,
        "seed": chosen.seed,
        "logging_steps": max(1, steps // 50),
        "eval_strategy": "steps" if task.held_out else "no",
        "eval_steps": max(1, steps // 5),
        "save_strategy": "steps",
        "save_steps": max(1, steps // 5),
        "save_total_limit": 2,
        "use_cpu": not hardware.gpu,
        "bf16": hardware.bf16,
        "fp16": hardware.gpu and not hardware.bf16,
        "gradient_checkpointing": hardware.gpu,
        "report_to": "none",
        "disable_tqdm": True,
    }


def _steps(task: Task, chosen: Hyperparameters) -> int:
    if chosen.max_steps:
        return chosen.max_steps
    count = len(task.learn)
    if task.run.method is Method.PRETRAIN:
        tokens = sum(len(text.encode()) for text in task.texts) // 4
        count = max(1, tokens // chosen.max_length)
    return max(1, math.ceil(count / chosen.batch_size * chosen.epochs))


def _rows(task: Task, *, held_out: bool) -> Any:
    from datasets import Dataset

    if task.run.method is Method.PRETRAIN:
        return (
            None if held_out else Dataset.from_list([{"text": t} for t in task.texts])
        )
    row = preference if task.run.method is Method.DPO else prompt_completion
    lessons = task.held_out if held_out else task.learn
    return Dataset.from_list([row(each) for each in lessons]) if lessons else None


def _model(run: Run, runs: Runs) -> Any:
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


def _lora(chosen: Hyperparameters) -> Any:
    from peft import LoraConfig

    return LoraConfig(
        r=chosen.rank,
        lora_alpha=2 * chosen.rank,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


def _tokenizer(base: str) -> Any:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base)
    if tokenizer.chat_template is None:
        raise TrainingError(
            f"the tokenizer of {base!r} has no chat template, so it cannot be asked in "
            "a chat; use the instruct variant of the model, or add a template"
        )
    return tokenizer


def _watcher(runs: Runs, run: Run, report: Report, stop: Event) -> Any:
    from transformers import TrainerCallback

    class Watch(TrainerCallback):  # type: ignore[misc]
        """Reports, stops when told to, and does not go on with a loss that is none."""

        def on_log(
            self, args: Any, state: Any, control: Any, logs: Mapping[str, Any], **_: Any
        ) -> None:
            loss, held_out = logs.get("loss"), logs.get("eval_loss")
            for value in (loss, held_out):
                if value is not None and not math.isfinite(float(value)):
                    raise TrainingError(
                        f"the loss is {value} at step {state.global_step}: nothing is "
                        "learned any more; lower `learning_rate`, and look for broken "
                        "texts in the dataset"
                    )
            progress = Progress(state.global_step, state.max_steps, loss, held_out)
            runs.note(run, progress)
            report(progress)

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if stop.is_set():
                control.should_save = control.should_training_stop = True

    return Watch()


def _hush(trainer: Any) -> None:
    """What they print, `report` says in our words."""
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)


def _evaluated(trainer: Any) -> dict[str, float]:
    """The held-out loss before anything is learned."""
    if trainer.eval_dataset is None:
        return {}
    return {"held_out_loss_before": float(trainer.evaluate()["eval_loss"])}


def _metrics(before: Mapping[str, float], trainer: Any) -> dict[str, float]:
    metrics = dict(before)
    losses = [log["loss"] for log in trainer.state.log_history if "loss" in log]
    if losses:
        metrics["loss"] = float(losses[-1])
    if trainer.eval_dataset is not None:
        found = trainer.evaluate()
        metrics["held_out_loss"] = float(found["eval_loss"])
        margin = found.get("eval_rewards/margins")
        if margin is not None:
            metrics["held_out_margin"] = float(margin)
    return metrics


def _save(trainer: Any, folder: Path) -> None:
    """The adapter with its tokenizer and template, entirely or not at all."""
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    trainer.model.save_pretrained(str(part), selected_adapters=["default"])
    trainer.processing_class.save_pretrained(str(part))
    # A pickle: nobody should have to trust it.
    (part / "training_args.bin").unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    part.replace(folder)


def _revision(trainer: Any) -> str:
    """The commit of the base on its hub; empty for a folder."""
    return str(getattr(trainer.model.config, "_commit_hash", None) or "")


def _last_checkpoint(folder: Path) -> str | None:
    """The newest checkpoint that was written to its end."""
    checkpoints = sorted(
        (folder / CHECKPOINTS).glob("checkpoint-*"),
        key=lambda path: int(path.name.rpartition("-")[2]),
    )
    # The trainer's state is what is written last.
    whole = [path for path in checkpoints if (path / "trainer_state.json").exists()]
    return str(whole[-1]) if whole else None


def _smaller(chosen: Hyperparameters, hardware: Hardware) -> str:
    ways = []
    if chosen.batch_size > 1:
        ways.append(f"batch_size (now {chosen.batch_size})")
    ways.append(f"max_length (now {chosen.max_length})")
    if hardware.gpu and not chosen.four_bit:
        ways.append("four_bit = true")
    return f"that does not fit; lower {', '.join(ways)}, or take a smaller base"


@contextmanager
def _explained(run: Run) -> Iterator[None]:
    """The one place where the libraries' exceptions become ours."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        _quiet()
        with warnings.catch_warnings(action="ignore", category=FutureWarning):
            yield
    except TrainingError:
        raise
    except ImportError as error:
        raise TrainingError(f"{INSTALL} ({error})") from error
    except MemoryError as error:
        raise TrainingError(_out_of_memory(run)) from error
    except RuntimeError as error:
        if "out of memory" in str(error).lower():
            raise TrainingError(_out_of_memory(run)) from error
        raise TrainingError(f"training failed: {error}") from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise TrainingError(
                "the disk is full; free some space, then go on with "
                f"`curbside tune resume {run.id}`"
            ) from error
        raise TrainingError(
            f"the base model {run.base!r} cannot be loaded: {_first_line(error)}; name "
            "a folder with a model, or a model of the hub that can be reached"
        ) from error
    except ValueError as error:
        raise TrainingError(f"training cannot begin: {_first_line(error)}") from error


def _quiet() -> None:
    """No bars and notices of the libraries between our lines."""
    import datasets
    import transformers

    datasets.disable_progress_bars()
    transformers.utils.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()


def _out_of_memory(run: Run) -> str:
    return "out of memory: " + _smaller(run.hyperparameters, find()).partition("; ")[2]


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:300]
