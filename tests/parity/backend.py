"""What answers in these scenarios: by the words of the question."""

from collections.abc import Callable

from backends.base import Chunk, Citation, End, Passage, Text, Turn

PASSAGE = Passage(
    id="p1",
    document="hours.md",
    title="Opening hours",
    section="Walk-ins",
    text="Walk-ins close at five.",
    uri="https://docs.example.com/hours",
    labels=frozenset({"public"}),
)

TABLE = "| Day | Opens |\n|---|---|\n" + "\n".join(
    f"| day {number} | {number % 12} |" for number in range(8)
)
CODE = "```python\n" + "\n".join(f"line_{n} = {n}" for n in range(20)) + "\n```"
LONG = "\n\n".join(f"Paragraph {number}: " + "word " * 120 for number in range(25))

UNSAFE = (
    "[sign in](https://evil.example/?q=secret) @everyone @here <!channel> "
    "<@U1> <@&1> [hours](https://docs.example.com/hours) hid\u202eden"
)

SAYS: dict[str, str] = {
    "table": TABLE,
    "code": CODE,
    "at length": LONG,
    "unsafe": UNSAFE,
}


def script(name: str) -> Callable[[Turn], list[Chunk | Exception | float]]:
    """A backend by a name: it says who it is, and how much it remembers."""

    def answer(turn: Turn) -> list[Chunk | Exception | float]:
        words = turn.question.lower()
        if "slowly" in words:
            return [Text("So far."), 20.0, Text(" And the rest."), End()]
        if "fails" in words:
            return [ValueError("the backend fails")]
        for key, text in SAYS.items():
            if key in words:
                return [Text(text), *_cited(key), End()]
        if "cited" in words:
            citation = Citation(1, PASSAGE, "Walk-ins close at five.")
            return [Text("They close at five [1]."), citation, End()]
        read = "".join(f" read {file.name}: {file.text}" for file in turn.files)
        text = f"{name} after {len(turn.history)}: {turn.question}{read}"
        return [Text(text), End()]

    return answer


def _cited(key: str) -> list[Chunk]:
    return [Citation(1, PASSAGE, PASSAGE.text)] if key == "unsafe" else []
