"""Trains here, with TRL and PEFT: an adapter (LoRA) for a model that the team has.

Needs the extra `[train]`. Everything heavy is imported when a run begins.
"""

import math
import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from threading import Event
from typing import Any

from backends.tuning.card import card
from backends.tuning.run import (
    Method,
    Progress,
    Run,
    Runs,
    RunState,
    TrainingError,
)
from backends.tuning.trainers.base import Forecast, Report, Task, adapter_folder
from backends.tuning.trainers.explaining import explained, smaller
from backends.tuning.trainers.hardware import Shape, choose, find, memory
from backends.tuning.trainers.materials import (
    CHECKPOINTS,
    arguments,
    lora,
    model,
    rows,
    steps,
    tokenizer,
)

LIBRARIES = ("torch", "transformers", "trl", "peft")


class LocalTrainer:
    """LoRA and QLoRA, DPO, continued pre-training; resumes from its checkpoints."""

    def forecast(self, task: Task) -> Forecast:
        """Memory and steps, from the model's configuration alone."""
        with explained(task.run):
            shape, lengths = self._shape(task.run), self._lengths(task)
            hardware = find()
            chosen = choose(task.run, shape, lengths, hardware)
            need = memory(task.run.method, chosen, shape, hardware)
        count = steps(task, chosen)
        lines = [
            f"{shape.parameters / 1e6:,.0f} M parameters; {hardware.words()}",
            f"{count} steps of {chosen.batch_size}, at most {chosen.max_length} tokens "
            f"each, learning rate {chosen.learning_rate:g}",
            f"about {need / 2**30:.1f} GiB of memory, {hardware.free / 2**30:.1f} free",
        ]
        fits = need <= hardware.free
        if not fits:
            lines.append(smaller(chosen, hardware))
        return Forecast(tuple(lines), need, sum(lengths), fits=fits)

    def train(self, task: Task, runs: Runs, report: Report, stop: Event) -> Run:
        """See the contract. The adapter lies in the run's folder at the end."""
        run = task.run
        folder = runs.folder(run)
        folder.mkdir(parents=True, exist_ok=True)
        with explained(run):
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
        done = runs.change(
            run,
            state=RunState.SUCCEEDED,
            ended=datetime.now(UTC),
            model=str(adapter_folder(runs, run).resolve()),
            metrics=metrics,
            base_revision=_revision(trainer),
        )
        page = adapter_folder(runs, run) / "README.md"
        page.write_text(card(done) + "\n", encoding="utf-8")
        return done

    def _shape(self, run: Run) -> Shape:
        from transformers import AutoConfig

        return Shape.of(AutoConfig.from_pretrained(run.base))

    def _lengths(self, task: Task) -> list[int]:
        """Tokens of each example, by the model's own tokenizer and template."""
        reader = tokenizer(task.run.base)
        if task.run.method is Method.PRETRAIN:
            return [len(reader(text)["input_ids"]) for text in task.texts]
        return [
            len(
                reader.apply_chat_template(each.messages(), return_dict=True)[
                    "input_ids"
                ]
            )
            for each in task.learn
        ]

    def _trainer(self, task: Task, runs: Runs) -> Any:
        run, chosen = task.run, task.run.hyperparameters
        common = arguments(runs.folder(run), task, chosen)
        given: dict[str, Any] = {
            "model": model(run, runs),
            "processing_class": tokenizer(run.base),
            "train_dataset": rows(task, held_out=False),
            "eval_dataset": rows(task, held_out=True),
        }
        if not run.start:
            given["peft_config"] = lora(chosen)
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
