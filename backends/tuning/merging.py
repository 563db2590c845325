"""An adapter put into its base: one model, for servers that take no adapters."""

import shutil
from pathlib import Path

from backends.tuning.card import card
from backends.tuning.run import Run, Runs, RunState, TrainingError
from backends.tuning.trainers.base import adapter_folder
from backends.tuning.trainers.explaining import explained


def merge(runs: Runs, run: Run, folder: Path) -> Path:
    """Write the merged model of a run to a folder. Raises TrainingError."""
    if run.trainer != "local" or run.state is not RunState.SUCCEEDED:
        raise TrainingError(f"run {run.id} has no adapter here that could be merged")
    if folder.exists() and any(folder.iterdir()):
        raise TrainingError(f"{folder} is not empty; name another folder")
    with explained(run):
        from peft import PeftModel
        from transformers import AutoModelForCausalLM, AutoTokenizer

        adapter = str(adapter_folder(runs, run))
        base = AutoModelForCausalLM.from_pretrained(run.base, dtype="auto")
        model = PeftModel.from_pretrained(base, adapter).merge_and_unload()
        part = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        model.save_pretrained(str(part))
        AutoTokenizer.from_pretrained(adapter).save_pretrained(str(part))
        (part / "README.md").write_text(card(run) + "\n", encoding="utf-8")
        if folder.exists():
            folder.rmdir()
        part.replace(folder)
    return folder
