"""Which words are commands, and who may give them."""

import pytest

from bot.admin import Command, is_stop, parse
from bot.model import Author, ConversationId
from bot.policies import audience, is_admin
from bot.settings import Settings


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("use rag", Command("use", "rag")),
        ("/use house-voice here", Command("use", "house-voice")),
        ("Use rag default", Command("use", "rag", "default")),
        ("use rag server", Command("use", "rag", "workspace")),
        ("use rag thread", Command("use", "rag", "thread")),
        ("use rag --share 20", Command("use", "rag", share=20)),
        ("use rag workspace —share=5%", Command("use", "rag", "workspace", 5)),
        ("undo", Command("undo")),
        ("forget me", Command("forget me")),
        ("forget-me", Command("forget me")),
        (" Status! ", Command("status")),
        ("status\u200b", Command("status")),
    ],
)
def test_commands(text: str, command: Command) -> None:
    assert parse(text) == command


@pytest.mark.parametrize(
    "text",
    [
        "use of gloves when cleaning?",
        "help me with a sharps injury",
        "status of the referral for Mrs. Lark?",
        "reset the fridge alarm how?",
        "",
        "what backends are there",
    ],
)
def test_questions_are_no_commands(text: str) -> None:
    assert parse(text) is None


def test_stop_is_a_word_of_its_own() -> None:
    assert is_stop(" Stop. ")
    assert is_stop("stop\u200b")
    assert not is_stop("stop the bleeding how?")


@pytest.mark.parametrize(
    ("author", "yes"),
    [
        (Author("1", is_admin=True), True),
        (Author("2"), True),
        (Author("3", roles=frozenset({"Staff"})), True),
        (Author("4", roles=frozenset({"Guest"})), False),
    ],
    ids=["platform's right", "id", "role", "nobody"],
)
def test_who_is_an_admin(author: Author, yes: bool) -> None:
    settings = Settings(admins=["discord:2"], admin_roles=["discord:Staff"])

    assert is_admin(author, "discord", settings) is yes
    assert not is_admin(Author("2"), "slack", settings)


def test_the_narrowest_place_says_what_may_be_seen() -> None:
    labels = {
        "default": ["public"],
        "slack": ["public", "staff"],
        "slack:T1:C9": ["board"],
    }

    def seen(*place: str) -> frozenset[str]:
        return audience(ConversationId(*place), labels)

    assert seen("discord", "g", "c") == {"public"}
    assert seen("slack", "T1", "C1") == {"public", "staff"}
    assert seen("slack", "T1", "C9", "thread") == {"board"}
    assert audience(ConversationId("x", "y", "z"), {}) == frozenset()
