"""Saying honestly that the documents do not hold the answer."""

from collections.abc import Iterable, Mapping, Sequence

from backends.base import Passage
from backends.citations import parenthesised
from backends.prompt import NOT_IN_DOCUMENTS, one_line

NOTHING_FOUND = "I found nothing about this in the documents."
NO_DOCUMENTS = (
    "There are no documents yet that I could answer from. An admin adds some with "
    "`curbside ingest FOLDER`, or names them in the setting `documents`."
)
MOST_TITLES = 3


def abstain(
    nearest: Sequence[Passage],
    sentence: str = "",
    *,
    contacts: Mapping[str, str] | None = None,
    audience: frozenset[str] = frozenset(),
) -> str:
    """What somebody says who does not know: so, what comes closest, and who may know.

    `contacts` names people for labels; those of labels outside the audience stay out.
    """
    said = [sentence or NOTHING_FOUND]
    titles = list(dict.fromkeys(_titles(nearest)))[:MOST_TITLES]
    if titles:
        said.append(f"Closest to it: {'; '.join(titles)}.")
    if people := _people(nearest, contacts or {}, audience):
        said.append(f"Who may know: {'; '.join(people)}.")
    return "\n\n".join(said)


def _people(
    nearest: Sequence[Passage], contacts: Mapping[str, str], audience: frozenset[str]
) -> list[str]:
    """The contacts for what comes closest; with nothing close, those of the place."""
    for passage in nearest:
        if labels := passage.labels & audience & contacts.keys():
            return [contacts[label] for label in sorted(labels)]
    return [contacts[label] for label in sorted(audience & contacts.keys())]


def _titles(passages: Iterable[Passage]) -> Iterable[str]:
    for passage in passages:
        title = parenthesised(one_line(passage.title or passage.document)).rstrip(".")
        if title:
            yield f"*{title}*" if "*" not in title else title


class AbstentionWatch:
    """Holds the start of an answer back until it cannot be the fixed sentence any more.

    The fixed sentence is for us, not for people: they get `abstain` in its place.
    """

    def __init__(self, sentence: str = NOT_IN_DOCUMENTS) -> None:
        self._sentence = _plain(sentence)
        self._held = ""
        self._open = True
        self.abstained = False

    def feed(self, delta: str) -> str:
        """What may be shown now."""
        if self.abstained:
            return ""
        if not self._open:
            return delta
        self._held += delta
        said = _plain(self._held)
        if self._sentence.startswith(said):
            self.abstained = said == self._sentence
            return ""
        if said.startswith(self._sentence):
            self.abstained = True
            return ""
        self._open = False
        return self._held

    def finish(self) -> str:
        """What was held back and turned out to be an answer."""
        if self.abstained or not self._open:
            return ""
        # A model often leaves the full stop out.
        if _plain(self._held) == self._sentence.rstrip("."):
            self.abstained = True
            return ""
        return self._held


def _plain(text: str) -> str:
    """Letters and stops only: models add quotation marks and asterisks of their own."""
    return one_line(text.strip(" \t\r\n\"'*_`“”>").casefold())
