"""`curbside dataset review`: one example a screen, a key a decision."""

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.datasets import perform, whoami
from bot.cli.terminal import guarded, note
from bot.errors import NotAllowed
from bot.text import visible

if TYPE_CHECKING:
    from rich.console import Console

    from backends.tuning.example import TrainingExample
    from bot.examples import Examples
    from bot.settings import Settings

KEYS = "[a]pprove  [e]dit  [r]eject  [s]kip  [b]ack  [q]uit"

EDITED = """\
{question}
--- answer (all below this line) ---
{answer}
"""


@guarded
def review(
    reviewer: Annotated[
        str, typer.Option(help='Who decides, such as "slack:U0123"; else your login.')
    ] = "",
) -> None:
    """Decide on candidates, with the keyboard: a line of keys works in a script too."""
    from rich.console import Console

    from backends.tuning.example import Status

    async def work(settings: "Settings", examples: "Examples") -> dict[str, int]:
        waiting = await examples.all(Status.CANDIDATE)
        desk = Desk(
            examples, Console(), reviewer or whoami(), settings.tuning.four_eyes
        )
        return await desk.review(waiting)

    counts = perform(work)
    said = ", ".join(f"{count} {what}" for what, count in counts.items()) or "nothing"
    note(f"decided: {said}")


@dataclass
class Desk:
    """Shows candidates and takes decisions; all are stored as they are made."""

    examples: "Examples"
    console: "Console"
    reviewer: str
    four_eyes: bool

    async def review(self, waiting: list["TrainingExample"]) -> dict[str, int]:
        """Go through the candidates; how many of which decision."""
        counts: dict[str, int] = {}
        keys = _keys()
        at = 0
        while at < len(waiting):
            self._show(waiting[at], at + 1, len(waiting))
            key = next(keys, "q")
            if key == "q":
                break
            if key == "b":
                at = max(0, at - 1)
                continue
            if key == "e":
                changed = self._edited(waiting[at])
                if changed and await self._as_shown(waiting, at):
                    await self.examples.save(changed)
                    waiting[at] = await self.examples.get(changed.id) or changed
                continue
            if key in "ar" and not await self._decide(waiting, at, key):
                continue
            if key in "ar":
                word = "approved" if key == "a" else "rejected"
                counts[word] = counts.get(word, 0) + 1
            if key in "ars":
                at += 1
        return counts

    async def _as_shown(self, waiting: list["TrainingExample"], at: int) -> bool:
        """Whether it is still what was shown: others decide, and people forget."""
        now = await self.examples.get(waiting[at].id)
        if now == waiting[at]:
            return True
        if now is None:
            del waiting[at]
            self._warn("it was erased meanwhile")
        else:
            waiting[at] = now
            self._warn(f"it was changed meanwhile and is {now.status}; look again")
        return False

    async def _decide(
        self, waiting: list["TrainingExample"], at: int, key: str
    ) -> bool:
        from backends.tuning.example import Status

        status = Status.APPROVED if key == "a" else Status.REJECTED
        if not await self._as_shown(waiting, at):
            return False
        try:
            waiting[at] = await self.examples.decide(
                waiting[at], status, self.reviewer, four_eyes=self.four_eyes
            )
        except NotAllowed as error:
            self._warn(str(error))
            return False
        return True

    def _warn(self, text: str) -> None:
        self.console.print(text, style="red", markup=False)

    def _edited(self, example: "TrainingExample") -> "TrainingExample | None":
        """The example as it left the editor; None where that is none."""
        text = EDITED.format(question=example.question, answer=example.answer)
        edited = _in_editor(text)
        question, mark, answer = edited.partition("\n--- answer")
        answer = answer.partition("\n")[2]
        if not mark or not question.strip() or not answer.strip():
            self._warn("the line between question and answer is gone")
            return None
        return example.rewritten(question.strip(), answer.strip(), self.reviewer)

    def _show(self, example: "TrainingExample", number: int, count: int) -> None:
        from rich.markdown import Markdown
        from rich.panel import Panel
        from rich.text import Text

        if self.console.is_terminal:
            self.console.clear()
        origin, source = example.provenance.origin, example.provenance.source
        head = f"{number} of {count}: {origin} ({source})"
        self.console.rule(Text(visible(head)))
        for turn in example.history:
            said = visible(f"{turn.question}\n  {turn.answer}")
            self.console.print(said, style="dim", markup=False)
        texts = {
            "question": example.question,
            "it had said": example.rejected,
            "answer": example.answer,
        }
        for title, text in texts.items():
            if text:
                self.console.print(Panel(Markdown(visible(text)), title=title))
        facts = [f"labels: {', '.join(sorted(example.labels))}"]
        if example.scrub.counts:
            found = (f"{n} {kind}" for kind, n in example.scrub.counts.items())
            facts.append(f"scrubbed: {', '.join(found)}")
        self.console.print("; ".join(facts), style="dim", markup=False)
        self.console.print(KEYS, markup=False)


def _in_editor(text: str) -> str:
    """The text as it is after $EDITOR; unchanged when that fails."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "example.md"
        path.write_text(text, encoding="utf-8")
        done = subprocess.run([*shlex.split(editor), str(path)], check=False)
        if done.returncode:
            return text
        return path.read_text(encoding="utf-8")


def _keys() -> Iterator[str]:
    """The keys pressed; from a pipe, the characters that it holds."""
    while True:
        if sys.stdin.isatty():
            key = typer.getchar()
        else:
            key = sys.stdin.read(1)
            if not key:
                return
        if key in ("\x03", "\x04"):
            return
        if key.strip():
            yield key.lower()
