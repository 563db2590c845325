"""Which sentences are quoted."""

import numpy as np
from numpy.typing import NDArray

from backends.base import BackendUnavailable, Passage, PastTurn, Turn
from backends.knowledge.terms import Terms
from backends.quoting import quotations

TERMS = Terms()


def passage(id: str, text: str, section: str = "") -> Passage:
    return Passage(id=id, document=id, title="Handbook", section=section, text=text)


HOURS = passage("1", "We open at eight. On Fridays we close early. Bring a card.")
PETS = passage("2", "They wait outside. Guide dogs may come in.", section="Dogs")


async def quoted(question: str, *passages: Passage, **options: object) -> list[str]:
    turn = Turn(question, history=options.pop("history", ()))  # type: ignore[arg-type]
    limit = options.pop("limit", 3)
    found = await quotations(turn, passages, limit, terms=TERMS, **options)  # type: ignore[arg-type]
    return [each.text for each in found]


async def test_the_sentence_with_the_questions_words_comes_first() -> None:
    texts = await quoted("When do you close on Fridays?", HOURS, PETS)

    assert texts[0] == "On Fridays we close early."


async def test_nothing_is_quoted_without_a_word_in_common() -> None:
    assert await quoted("Zebras?", HOURS, PETS) == []
    assert await quoted("Zebras?") == []


async def test_a_heading_tells_what_a_sentence_is_about() -> None:
    texts = await quoted("Where do dogs wait?", PETS)

    assert "They wait outside." in texts


async def test_a_sentence_far_behind_the_best_is_left_out() -> None:
    texts = await quoted("When do you close early on Fridays?", HOURS)

    assert texts == ["On Fridays we close early."]


async def test_there_are_no_more_than_wanted() -> None:
    texts = await quoted("When do you open, when do you close?", HOURS, limit=1)

    assert len(texts) == 1


async def test_a_follow_up_takes_words_from_the_question_before() -> None:
    history = (PastTurn("When do you close?", "At six."),)

    texts = await quoted("And on Fridays?", HOURS, history=history)

    assert texts[0] == "On Fridays we close early."


async def outside(texts: list[str]) -> NDArray[np.float32]:
    """An embedding in which only being outside matters."""
    return np.array([["outside" in t or "wait" in t] for t in texts], np.float32)


async def test_meaning_decides_among_sentences_with_the_words() -> None:
    texts = await quoted("Do dogs wait?", PETS, embed=outside)

    assert texts[0] == "They wait outside."


async def test_words_do_where_meaning_is_not_to_be_had() -> None:
    async def down(texts: list[str]) -> NDArray[np.float32]:
        raise BackendUnavailable("no embeddings today")

    texts = await quoted("When do you close on Fridays?", HOURS, embed=down)

    assert texts[0] == "On Fridays we close early."
