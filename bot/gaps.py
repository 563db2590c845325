"""What documentation is missing: unanswered and badly judged questions, grouped.

Pure functions: the same gaps make the same groups, whatever their order.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backends.overlap import likeness
from bot.state.base import Record

ALIKE = 0.5
"""Two groups become one while their questions are, on average, at least so alike."""

BY_MEANING = 0.7
LOOKED_AT = 500
MOST_GROUPS = 10
LONGEST_QUESTION = 140
MARKUP = re.compile(r"[\\`*_~\[\]<>|#@]")


@dataclass(frozen=True, slots=True)
class Gap:
    """A question that still needs an answer; `reason` is that of its record."""

    id: str
    question: str
    reason: str
    at: datetime
    place: str = ""
    labels: frozenset[str] = frozenset()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Questions that ask for the same; `question` speaks for all of them."""

    question: str
    gaps: tuple[Gap, ...]

    @property
    def reasons(self) -> dict[str, int]:
        """How often each reason is there."""
        return dict(sorted(Counter(gap.reason for gap in self.gaps).items()))

    @property
    def last(self) -> datetime:
        return max(gap.at for gap in self.gaps)


def open_gaps(records: Iterable[Record]) -> list[Gap]:
    """The gaps that nobody has closed."""
    return [
        Gap(
            id=record.id,
            question=str(record.data["question"]),
            reason=str(record.data["reason"]),
            at=record.at,
            place=str(record.data.get("place", "")),
            labels=frozenset(record.data.get("labels", ())),
            note=str(record.data.get("note", "")),
        )
        for record in records
        if record.data.get("state") == "open" and str(record.data["question"]).strip()
    ]


def visible(gaps: Iterable[Gap], audience: frozenset[str]) -> list[Gap]:
    """The gaps that a place may be told of.

    A question may repeat what was read where it was asked, so all labels of that place
    must be among those of the one that is told.
    """
    return [gap for gap in gaps if gap.labels <= audience]


def grouped(gaps: Iterable[Gap], vectors: Any = None) -> list[Group]:
    """Gaps that ask for the same put together, the most asked first.

    `vectors` has a unit vector for the question of each gap, in the order of `gaps`;
    without it words alone decide. Of very many gaps the newest are looked at.
    """
    numbered = sorted(enumerate(gaps), key=lambda pair: (pair[1].at, pair[1].id))
    numbered = numbered[-LOOKED_AT:]
    ordered = [gap for _, gap in numbered]
    near = _alikeness(ordered)
    if vectors is not None:
        places = [place for place, _ in numbered]
        chosen = vectors[places]
        near = (1 - BY_MEANING) * near + BY_MEANING * (chosen @ chosen.T)
    groups = [
        _group([ordered[number] for number in members], members, near)
        for members in _merged(near)
    ]
    return sorted(groups, key=lambda group: (-len(group.gaps), -group.last.timestamp()))


def _alikeness(gaps: Sequence[Gap]) -> Any:
    """How alike the words of each two questions are; the same both ways."""
    import numpy as np

    questions = [gap.question for gap in gaps]
    rows = [likeness(question, questions) for question in questions]
    near = np.array(rows, dtype=np.float64).reshape(len(gaps), len(gaps))
    plain = np.array([question.strip().casefold() for question in questions])
    same = plain[:, None] == plain[None, :]
    return np.maximum((near + near.T) / 2, same)


def _merged(near: Any) -> list[list[int]]:
    """The two most alike groups become one, again and again, while they are alike."""
    import numpy as np

    groups = [[number] for number in range(len(near))]
    likes = np.array(near, dtype=np.float64)
    np.fill_diagonal(likes, -1.0)
    while len(groups) > 1:
        one, other = divmod(int(likes.argmax()), len(groups))
        if likes[one, other] < ALIKE:
            break
        one, other = min(one, other), max(one, other)
        a, b = len(groups[one]), len(groups[other])
        # The mean over all pairs of the two groups' members follows from their means.
        joined = (a * likes[one] + b * likes[other]) / (a + b)
        likes[one], likes[:, one] = joined, joined
        likes[one, one] = -1.0
        likes = np.delete(np.delete(likes, other, axis=0), other, axis=1)
        groups[one] += groups.pop(other)
    return groups


def _group(gaps: Sequence[Gap], members: Sequence[int], near: Any) -> Group:
    """The question nearest to all others of a group speaks for it."""
    totals = near[list(members)][:, list(members)].sum(axis=1)
    best = max(range(len(gaps)), key=lambda n: (round(float(totals[n]), 9), -n))
    ordered = sorted(gaps, key=lambda gap: (gap.at, gap.id))
    return Group(gaps[best].question, tuple(ordered))


def weekly_summary(groups: Sequence[Group]) -> str:
    """What documentation was missing, as Markdown for a channel; empty for nothing."""
    if not groups:
        return ""
    asked = sum(len(group.gaps) for group in groups)
    lines = [
        f"**What the documents did not answer** ({asked} "
        f"{'question' if asked == 1 else 'questions'}, the most asked first)",
        "",
    ]
    for number, group in enumerate(groups[:MOST_GROUPS], 1):
        lines.append(f"{number}. {shown(group.question)} — {told(group)}")
    if len(groups) > MOST_GROUPS:
        lines += ["", f"And {len(groups) - MOST_GROUPS} more: `curbside gaps`."]
    return "\n".join(lines)


def told(group: Group) -> str:
    """How often and why, in a few words."""
    words = {
        "abstained": "without an answer",
        "downvoted": "judged unhelpful",
        "missed": "missed while I was away",
    }
    reasons = ", ".join(
        f"{count} {words.get(reason, reason)}"
        for reason, count in group.reasons.items()
    )
    return f"{reasons}; last on {group.last:%d %b}"


def shown(question: str) -> str:
    """A question as one short line without markup."""
    plain = " ".join(MARKUP.sub(" ", question).split())
    if len(plain) <= LONGEST_QUESTION:
        return plain
    return plain[:LONGEST_QUESTION].rpartition(" ")[0] + " …"
