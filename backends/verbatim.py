"""Kind `verbatim`: no model; the documents' own sentences, quoted and cited."""

from collections.abc import AsyncGenerator

from pydantic import Field

from backends.abstention import NO_DOCUMENTS, abstain
from backends.attached import with_files
from backends.backing import short_quote
from backends.base import (
    Backend,
    Chunk,
    Citation,
    End,
    EndReason,
    Health,
    Passage,
    Profile,
    Step,
    Text,
    Turn,
)
from backends.citations import parenthesised
from backends.context import Passages
from backends.knowledge.terms import Terms
from backends.options import PassageOptions, read, silence
from backends.quoting import Quotation, quotations
from backends.services import Services
from backends.silence.decision import Silence


class VerbatimOptions(PassageOptions):
    """Options of a `verbatim` profile."""

    # Here no model reads on, so more is asked of the search: of 65 questions that the
    # example handbook answers 60 pass, of 45 others 7.
    abstain_below: float = Field(
        0.45,
        ge=0,
        le=1,
        description="With less support than this nothing is quoted; left out, what"
        " `curbside calibrate` learned decides.",
    )
    sentences: int = Field(4, ge=1, le=12, description="How many are quoted at most.")


class Verbatim:
    """Quotes what the documents say. What it shows is what somebody wrote."""

    def __init__(
        self,
        source: Passages,
        options: VerbatimOptions,
        services: Services,
        silence: Silence,
    ) -> None:
        self._source = source
        self._embed = services.embed
        self._contacts = services.contacts
        self._silence = silence
        self._terms = Terms()
        self._options = options

    async def answer(self, turn: Turn) -> AsyncGenerator[Chunk, None]:
        """The best sentences, the best first, each with its marker."""
        yield Step(self._source.step)
        context = await self._source.gather(turn)
        passages = with_files(context, turn).passages
        options = self._options
        quoted: list[Quotation] = []
        if turn.files or not self._silence.keeps(turn.question, passages):
            quoted = await quotations(
                turn,
                passages,
                options.sentences,
                terms=self._terms,
                embed=self._embed,
            )
        if not quoted:
            yield Text(NO_DOCUMENTS if context.empty else self._abstain(turn, passages))
            yield End(EndReason.ABSTAINED)
            return
        numbers: dict[str, int] = {}
        for quotation in quoted:
            passage = quotation.passage
            first = passage.id not in numbers
            number = numbers.setdefault(passage.id, len(numbers) + 1)
            gap = "\n\n" if number > 1 or not first else ""
            yield Text(f"{gap}{block(quotation.text, number)}")
            if first:
                yield Citation(number, passage, short_quote(quotation.text))
        yield End()

    def _abstain(self, turn: Turn, nearest: tuple[Passage, ...]) -> str:
        return abstain(
            nearest,
            self._options.abstain_text,
            contacts=self._contacts,
            audience=turn.audience,
        )

    async def health(self) -> Health:
        """Whether the documents can be searched."""
        problem = await self._source.check() or self._silence.check()
        return Health(ok=not problem, detail=problem)

    async def aclose(self) -> None:
        """Nothing is held."""


def block(text: str, number: int) -> str:
    """A quotation as a Markdown block; code keeps its lines and fence."""
    lines = parenthesised(text).strip().split("\n")
    if len(lines) == 1:
        return f"> {lines[0]} [{number}]"
    return "\n".join(f"> {line}".rstrip() for line in [*lines, "", f"[{number}]"])


def create(profile: Profile, services: Services) -> Backend:
    """Raises BackendMisconfigured."""
    options = read(profile, VerbatimOptions)
    source = Passages(services, options.collection, options.passages)
    return Verbatim(source, options, services, silence(profile, options, services))
