"""A run for people: its card, and its loss curves as text."""

from collections.abc import Sequence
from dataclasses import asdict

from backends.tuning.run import Progress, Run

WIDTH = 60
HEIGHT = 12


def card(run: Run) -> str:
    """All that decided a run, in Markdown."""
    chosen = {key: value for key, value in asdict(run.hyperparameters).items() if value}
    facts = {
        "base": f"{run.base} {run.base_revision}".strip(),
        "method": run.method.value,
        "trainer": run.trainer,
        "state": f"{run.state.value}{f': {run.error}' if run.error else ''}",
        "dataset": run.dataset_hash[:16],
        "prompts": f"{run.fingerprint}{' with passages' if run.with_passages else ''}",
        "went on from": run.start,
        "settings": ", ".join(f"{key} {value:g}" for key, value in chosen.items()),
        "libraries": ", ".join(f"{name} {v}" for name, v in run.versions.items()),
        "took": f"{run.seconds:,.0f} s" if run.began else "",
        "cost": run.cost,
        "model": run.model,
    }
    lines = [f"- {name}: {value}" for name, value in facts.items() if value]
    lines += [f"- {name}: {value:.4g}" for name, value in run.metrics.items()]
    return "\n".join([f"# {run.name} ({run.id})", "", *lines])


def curves(points: Sequence[Progress]) -> str:
    """The losses over the steps: `*` what is learned from, `o` what is held out."""
    marks = [
        (point.step, value, mark)
        for point in points
        for value, mark in ((point.loss, "*"), (point.held_out_loss, "o"))
        if value is not None
    ]
    if len(marks) < 2:
        return ""
    steps = max(step for step, _, _ in marks) or 1
    low = min(value for _, value, _ in marks)
    high = max(value for _, value, _ in marks)
    rows = [[" "] * (WIDTH + 1) for _ in range(HEIGHT + 1)]
    for step, value, mark in marks:
        height = (value - low) / (high - low) if high > low else 0.0
        rows[HEIGHT - round(height * HEIGHT)][round(step / steps * WIDTH)] = mark
    lines = ["".join(row).rstrip() for row in rows]
    axis = f"{'':8}+{'-' * WIDTH} step {steps}"
    named = {0: f"{high:8.3f}", HEIGHT: f"{low:8.3f}"}
    body = [f"{named.get(at, ' ' * 8)}|{line}" for at, line in enumerate(lines)]
    return "\n".join(["", *body, axis, "* learned from   o held out"])
