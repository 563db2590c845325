"""What the training libraries raise, in our words: what to change, and how to go on."""

import errno
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from backends.tuning.run import Hyperparameters, Run, TrainingError
from backends.tuning.trainers.hardware import Hardware, find

INSTALL = (
    'training here needs the extra [train]: pip install "curbside[train]" (choose your '
    "torch first, such as the CPU build, or the one for your CUDA)"
)


@contextmanager
def explained(run: Run) -> Iterator[None]:
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
        raise TrainingError(_no_base(run.base, error)) from error
    except ValueError as error:
        raise TrainingError(f"training cannot begin: {_first_line(error)}") from error


@contextmanager
def explained_base(base: str) -> Iterator[None]:
    """The same, for a model that is only loaded."""
    try:
        _quiet()
        yield
    except ImportError as error:
        raise TrainingError(f"{INSTALL} ({error})") from error
    except (OSError, ValueError) as error:
        raise TrainingError(_no_base(base, error)) from error


def _no_base(base: str, error: Exception) -> str:
    return (
        f"the base model {base!r} cannot be loaded: {_first_line(error)}; name a "
        "folder with a model, or a model of the hub that can be reached"
    )


def _quiet() -> None:
    """No bars and notices of the libraries between our lines."""
    import datasets
    import transformers

    datasets.disable_progress_bars()
    transformers.utils.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()


def _out_of_memory(run: Run) -> str:
    return "out of memory: " + smaller(run.hyperparameters, find()).partition("; ")[2]


def smaller(chosen: Hyperparameters, hardware: Hardware) -> str:
    """What to lower when memory does not suffice."""
    ways = []
    if chosen.batch_size > 1:
        ways.append(f"batch_size (now {chosen.batch_size})")
    ways.append(f"max_length (now {chosen.max_length})")
    if hardware.gpu and not chosen.four_bit:
        ways.append("four_bit = true")
    return f"that does not fit; lower {', '.join(ways)}, or take a smaller base"


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:300]
