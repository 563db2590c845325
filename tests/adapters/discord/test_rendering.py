"""Answers as Discord's messages: buttons, calls, links, and what is too long."""

from collections.abc import Callable

import pytest
from servers.discord import DiscordServer
from servers.discord.components import Check, check_form

from adapters.discord.adapter import DiscordAdapter
from adapters.discord.components import modal, rows
from adapters.discord.rendering import MOST_MESSAGES, render
from bot.adapter import Part
from bot.model import (
    Action,
    Answer,
    Button,
    Choice,
    Delivery,
    Form,
    FormField,
    SentPart,
    Source,
)

Delivering = Callable[..., Delivery]

LONG = "\n\n".join(f"Paragraph {n}: " + "word " * 60 for n in range(60))


def button(action: Action, value: str = "a1", **more: str) -> Button:
    return Button(action, action.value.title(), value, **more)


def ids(part: Part) -> list[str]:
    rows = part.extra.get("components", [])
    return [one["custom_id"] for row in rows for one in row["components"]]


def test_buttons_stand_under_the_last_message() -> None:
    buttons = tuple(button(action) for action in list(Action)[:7])
    parts = render(Answer("word " * 600, buttons=buttons, complete=True))

    first, last = parts
    assert ids(first) == []
    assert ids(last)[:2] == ["curbside:good:a1", "curbside:bad:a1"]
    assert [len(row["components"]) for row in last.extra["components"]] == [5, 2]


def test_a_button_that_cannot_be_drawn_does_not_cost_the_answer() -> None:
    buttons = (
        button(Action.GOOD),
        button(Action.GOOD),
        button(Action.SOURCES, "x" * 100),
    )

    (part,) = render(Answer("Because.", buttons=buttons, complete=True))

    assert part.text == "Because."
    assert ids(part) == ["curbside:good:a1"]


def test_names_too_long_for_discord_are_cut() -> None:
    (row,) = rows([Button(Action.GOOD, "l" * 100, "a1")])
    choices = tuple(Choice(str(n), "c" * 120) for n in range(40))
    fields = (
        FormField("a", "l" * 60, hint="h" * 200, initial="i" * 5_000),
        FormField("b", "Which", choices=choices),
    )
    shown = modal(Form(Action.BAD, "t" * 60, "Send", fields, text="x" * 5_000), "id")
    check_form(shown)
    Check().old([row])

    assert row["components"][0]["label"] == "l" * 79 + "…"
    assert len(shown["title"]) == 45
    assert len(shown["components"][2]["component"]["options"]) == 25


def test_a_form_with_too_many_parts_names_the_limit() -> None:
    fields = tuple(FormField(str(n), str(n)) for n in range(6))

    with pytest.raises(ValueError, match="'Long' has 6 parts; Discord takes 5"):
        modal(Form(Action.BAD, "Long", "Send", fields), "id")


def test_only_the_mention_of_an_answer_rings() -> None:
    answer = Answer("<@&12> and @everyone, see <@34>", mention="77", complete=True)

    (part,) = render(answer)

    assert part.text.startswith("<@&77> ")
    assert "<@&12>" not in part.text
    assert part.extra["mention"] == "77"


def test_links_of_cited_documents_and_of_the_place_keep_their_words() -> None:
    text = (
        "[a](https://docs.example/a) [b](https://wiki.example/b) [c](https://c.example)"
    )
    source = Source(1, "Handbook", url="https://docs.example/handbook")

    (part,) = render(Answer(text, (source,), link_hosts=("wiki.example",)))

    assert "[a](<https://docs.example/a>) [b](<https://wiki.example/b>) c ([c.ex" in (
        part.text
    )
    assert "[Handbook](<https://docs.example/handbook>)" in part.text


def test_a_very_long_answer_ends_in_a_file() -> None:
    growing = render(Answer(LONG))
    done = render(Answer(LONG, buttons=(button(Action.GOOD),), complete=True))

    assert len(growing) == len(done) == MOST_MESSAGES
    # What was read while it grew stays where it was.
    assert growing[:-1] == done[:-1]
    assert growing[-1].text.endswith("…")
    assert "file" not in growing[-1].extra
    assert done[-1].extra["file"] == LONG.strip()
    assert ids(done[-1]) == ["curbside:good:a1"]


async def test_a_file_is_sent_once_and_taken_away_again(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
) -> None:
    what = delivering(channel, server.say(ana, channel, "?"))
    *_, last = render(Answer(LONG, buttons=(button(Action.GOOD),), complete=True))

    server.fail("POST", "/messages$", kind="drop_after")
    posted = await adapter.post(what, 0, last)
    (message,) = server.bot_messages(channel)
    (file,) = message.attachments
    assert (file["filename"], file["size"]) == ("answer.md", len(LONG.strip()))
    what = what.with_part(SentPart(0, posted))
    await adapter.edit(what, posted, last)
    assert len(message.attachments) == 1
    await adapter.edit(what, posted, Part("Short."))

    (message,) = server.bot_messages(channel)
    assert message.attachments == []
    assert message.components == []
    assert message.content == "Short."


async def test_a_role_is_rung_by_its_mention_alone(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
) -> None:
    guild = server.state.channel(channel).guild_id
    assert guild is not None
    staff = server.add_role(guild, "staff", mentionable=True)
    other = server.add_role(guild, "other", mentionable=True)
    what = delivering(channel, server.say(ana, channel, "?"))
    text = f"<@&{other}> <@{ana}> @everyone help"

    (part,) = render(Answer(text, mention=str(staff), complete=True))
    await adapter.post(what, 0, part)

    (message,) = server.bot_messages(channel)
    assert message.pinged == {str(staff)}
