"""Examples to train on, kept as records: from feedback, reviewed, forgotten."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from backends.base import EndReason, Passage, PastTurn
from backends.tuning.example import (
    Origin,
    Provenance,
    Review,
    ScrubReport,
    Status,
    TrainingExample,
    example_id,
)
from backends.tuning.names import find_names
from backends.tuning.scrub import Scrubber
from backends.tuning.snapshot import as_data, from_data
from bot.answers import CORRECTION, FEEDBACK, Answers, Cited, KeptAnswer
from bot.errors import NotAllowed
from bot.settings import Settings
from bot.state.base import Record, Records
from bot.state.listing import all_records

KIND = "example"
"""A record of this kind holds a `TrainingExample`; its id is the example's."""

MARKER = re.compile(r"\[(\d{1,3})\]")


@dataclass(frozen=True, slots=True)
class Examples:
    """The examples of a team. What is stored was scrubbed first."""

    records: Records
    scrubber: Scrubber
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def all(
        self, status: Status | None = None, *, workspace: str = ""
    ) -> list[TrainingExample]:
        """The examples, the oldest first; of one status and workspace, if given."""
        found = [
            from_data(record.data)
            async for record in all_records(self.records, KIND, workspace)
        ]
        wanted = [each for each in found if status in (None, each.status)]
        return sorted(wanted, key=lambda each: (each.created, each.id))

    async def get(self, id: str) -> TrainingExample | None:
        record = await self.records.get(KIND, id)
        return None if record is None else from_data(record.data)

    async def add(self, example: TrainingExample) -> bool:
        """Store an example, scrubbed, unless its id is there; whether it was stored."""
        return await self._put(self._scrubbed(example), only_new=True)

    async def save(self, example: TrainingExample) -> None:
        """Store an example in the place of the former one, scrubbed."""
        await self._put(self._scrubbed(example))

    async def decide(
        self,
        example: TrainingExample,
        status: Status,
        reviewer: str,
        *,
        four_eyes: bool = False,
        note: str = "",
    ) -> TrainingExample:
        """Approve or reject an example. Raises NotAllowed for one's own answer."""
        own = reviewer == example.provenance.author
        if four_eyes and own and status is Status.APPROVED:
            raise NotAllowed(
                "four_eyes is on: somebody else must approve an answer of yours"
            )
        decided = replace(
            example, status=status, review=Review(reviewer, self.now(), note)
        )
        await self._put(decided)
        return decided

    async def collect(self) -> int:
        """Make candidates of corrections and of answers that people liked.

        How many are new. Twice makes them once; what was decided stays decided.
        """
        answers = Answers(self.records)
        new = 0
        async for record in all_records(self.records, CORRECTION):
            kept = await answers.get(record.id)
            new += await self.add(_corrected(record, kept))
        async for record in all_records(self.records, FEEDBACK):
            if record.data["verdict"] != "good":
                continue
            kept = await answers.get(str(record.data["answer"]))
            if kept is not None and _can_be_learned(kept):
                new += await self.add(_approved(kept))
        return new

    async def scrub_again(self) -> int:
        """Scrub what is stored anew; how many changed, and are candidates again."""
        changed = 0
        for example in await self.all():
            clean = self._scrubbed(example)
            if clean.content_hash != example.content_hash:
                await self._put(replace(clean, status=Status.CANDIDATE))
                changed += 1
        return changed

    async def forget(self, person: str) -> list[str]:
        """Erase the examples that a person's words are in; their ids."""
        gone = []
        for example in await self.all():
            if person in (example.provenance.author, *example.provenance.people):
                await self.records.remove(KIND, example.id)
                gone.append(example.id)
        return gone

    def _scrubbed(self, example: TrainingExample) -> TrainingExample:
        past = [
            part for turn in example.history for part in (turn.question, turn.answer)
        ]
        own = [example.question, example.answer, example.rejected, example.system]
        done = self.scrubber.scrub([*own, *past])
        question, answer, rejected, system, *before = done.texts
        history = tuple(
            PastTurn(asked, said, "")
            for asked, said in zip(before[::2], before[1::2], strict=True)
        )
        counts = dict(example.scrub.counts)
        for kind, count in done.counts.items():
            counts[kind] = counts.get(kind, 0) + count
        return replace(
            example,
            question=question,
            answer=answer,
            rejected=rejected,
            system=system,
            history=history,
            scrub=ScrubReport(counts, self.scrubber.version),
        )

    async def _put(self, example: TrainingExample, *, only_new: bool = False) -> bool:
        people = example.provenance.people
        record = Record(
            KIND,
            example.id,
            dict(as_data(example)),
            example.created,
            people[0] if people else example.provenance.author,
            example.provenance.workspace,
        )
        return await self.records.put(record, only_new=only_new)


def scrubber_of(settings: Settings) -> Scrubber:
    """The scrubber that the settings ask for. Raises ConfigurationError."""
    tuning = settings.tuning
    names = find_names() if tuning.find_names else None
    return Scrubber(tuple(tuning.roster), names)


def _corrected(record: Record, kept: KeptAnswer | None) -> TrainingExample:
    data = record.data
    answer, passages = _cited(str(data["good"]), kept)
    return TrainingExample(
        id=example_id("correction", record.id, str(data["good"])),
        question=str(data["question"]),
        answer=answer,
        passages=passages,
        rejected=str(data["bad"]),
        provenance=Provenance(
            Origin.CORRECTED,
            source=f"answer:{record.id}",
            author=str(data["reviewer"]),
            author_role="reviewer",
            people=(record.person,),
            workspace=record.workspace,
        ),
        created=record.at,
        labels=_labels(kept) or frozenset(data["labels"]),
    )


def _approved(kept: KeptAnswer) -> TrainingExample:
    answer, passages = _cited(kept.text, kept)
    return TrainingExample(
        id=example_id("answer", kept.id, kept.text),
        question=kept.question,
        answer=answer,
        passages=passages,
        provenance=Provenance(
            Origin.APPROVED,
            source=f"answer:{kept.id}",
            author=f"profile:{kept.profile}",
            people=(kept.person,),
            workspace=kept.workspace,
        ),
        created=kept.at,
        labels=_labels(kept) or frozenset(kept.labels),
    )


def _cited(text: str, kept: KeptAnswer | None) -> tuple[str, tuple[Passage, ...]]:
    """An answer with its markers counted from 1, and the passages they mean."""
    cited = {each.source.number: each for each in (kept.cited if kept else ())}
    used = [int(number) for number in MARKER.findall(text) if int(number) in cited]
    order = {number: at for at, number in enumerate(dict.fromkeys(used), 1)}

    def renumbered(marker: re.Match[str]) -> str:
        at = order.get(int(marker[1]))
        return f"[{at}]" if at else ""

    passages = tuple(_passage(cited[number]) for number in order)
    return MARKER.sub(renumbered, text), passages


def _passage(cited: Cited) -> Passage:
    source = cited.source
    return Passage(
        id=cited.passage,
        document=cited.document,
        title=source.title,
        section=source.section,
        text=source.quote,
        labels=frozenset(cited.labels),
    )


def _labels(kept: KeptAnswer | None) -> frozenset[str]:
    """Those of the cited documents: a place may see more than an answer tells."""
    cited = kept.cited if kept else ()
    return frozenset(label for each in cited for label in each.labels)


def _can_be_learned(kept: KeptAnswer) -> bool:
    """Half an answer, or one that a reviewer wrote over, is not what was liked."""
    whole = kept.reason in (EndReason.COMPLETE, EndReason.ABSTAINED)
    return whole and not kept.corrected_by
