"""From an example to what a trainer reads, with the prompts that serving uses.

A model is tuned on the very prompts that it will be asked with: both are made by
`backends.prompt.render`, and its fingerprint goes with the model.
"""

from dataclasses import dataclass

from backends.citations import without_markers
from backends.prompt import Ingredients, Message, render
from backends.tuning.example import TrainingExample

WHOLE = 1_000_000
"""A budget that leaves nothing out: what is too long is reported, not cut."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How prompts are made for a run.

    With `with_passages`, the passages of an example are in its prompt (for a hybrid
    profile); without, only the conversation is (for a fine-tuned one).
    """

    system: str = ""
    with_passages: bool = False


@dataclass(frozen=True, slots=True)
class Lesson:
    """A prompt, the answer to learn, and the one to unlearn, if there is one."""

    id: str
    prompt: tuple[Message, ...]
    answer: str
    rejected: str = ""
    question: str = ""
    labels: frozenset[str] = frozenset()

    def messages(self) -> list[dict[str, str]]:
        """Prompt and answer as one conversation."""
        return [
            *(message.as_dict() for message in self.prompt),
            {"role": "assistant", "content": self.answer},
        ]

    def text(self) -> str:
        """All of it, to be counted."""
        return "\n".join([*(m.content for m in self.prompt), self.answer])


def lesson(example: TrainingExample, recipe: Recipe) -> Lesson:
    """What is learned from an example."""
    prompt = render(
        Ingredients(
            question=example.question,
            system=recipe.system or example.system,
            passages=example.passages if recipe.with_passages else (),
            history=example.history,
        ),
        budget=WHOLE,
        history_budget=WHOLE,
    )
    answer, rejected = example.answer, example.rejected
    if not recipe.with_passages:
        # A marker without its passage teaches to cite what is not there.
        answer, rejected = without_markers(answer), without_markers(rejected)
    return Lesson(
        example.id,
        prompt.messages,
        answer,
        rejected,
        question=example.question,
        labels=example.labels,
    )
