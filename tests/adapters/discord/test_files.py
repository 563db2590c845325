"""Files that come with messages: read with a cap, or declined with a reason."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from servers.discord import DiscordServer
from servers.intake import Box

from adapters.discord.adapter import DiscordAdapter
from bot.errors import AttachmentUnreadable
from bot.model import Attachment, Message, Said

Opened = Callable[..., Any]
Listening = Callable[..., Any]

LIMIT = 2**20
MUCH = 2**21


@pytest.fixture
async def hearing(
    adapter: DiscordAdapter, listening: Listening
) -> AsyncIterator[DiscordAdapter]:
    async with listening(adapter):
        yield adapter


async def heard(server: DiscordServer, box: Box) -> Message:
    await server.wait_for(lambda: box.of(Said))
    return box.of(Said)[-1].message


async def test_a_file_is_read(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int, box: Box
) -> None:
    files = (("notes.txt", b"the key"), ("big.txt", b"x" * MUCH))
    server.say(ana, channel, "what is this?", mention_bot=True, files=files)
    message = await heard(server, box)
    notes, big = message.attachments

    data = await hearing.fetch(message.conversation, notes, LIMIT)
    with pytest.raises(AttachmentUnreadable, match="larger than 1 MB"):
        await hearing.fetch(message.conversation, big, LIMIT)

    assert data == b"the key"


async def test_a_file_larger_than_it_says_is_not_read_to_its_end(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int, box: Box
) -> None:
    server.say(ana, channel, "?", mention_bot=True, files=(("a.txt", b"x" * MUCH),))
    message = await heard(server, box)
    (file,) = message.attachments
    pretending = Attachment(file.name, file.media_type, 5, file.url)

    with pytest.raises(AttachmentUnreadable, match="larger than 1 MB"):
        await hearing.fetch(message.conversation, pretending, LIMIT)


async def test_an_address_that_has_expired_is_renewed(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int, box: Box
) -> None:
    asked = server.say(ana, channel, "?", mention_bot=True, files=(("a.txt", b"key"),))
    message = await heard(server, box)
    server.advance(2 * 24 * 3600)
    (file,) = message.attachments

    assert await hearing.fetch(message.conversation, file, LIMIT) == b"key"
    server.delete(asked)
    nowhere = file.url.replace("/attachments/", "/attachments/1/1/")
    gone = Attachment("b.txt", "", 3, nowhere)
    with pytest.raises(AttachmentUnreadable, match=r"b\.txt is not there"):
        await hearing.fetch(message.conversation, gone, LIMIT)


async def test_what_cannot_be_read_is_declined_politely(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int, box: Box
) -> None:
    place = server.dm_channel(ana)
    server.speak(ana, place)
    spoken = await heard(server, box)
    server.say(ana, place, "", sticker="Wave")
    await server.wait_for(lambda: len(box.of(Said)) == 2)
    sticker = await heard(server, box)

    assert spoken.attachments[0].name == "voice-message.ogg"
    with pytest.raises(AttachmentUnreadable, match="something to listen to"):
        await hearing.fetch(spoken.conversation, spoken.attachments[0], LIMIT)
    assert sticker.attachments[0].name == "Wave (sticker)"
    with pytest.raises(AttachmentUnreadable, match="picture"):
        await hearing.fetch(sticker.conversation, sticker.attachments[0], LIMIT)


async def test_only_files_of_discord_are_fetched(adapter: DiscordAdapter) -> None:
    from bot.model import ConversationId

    file = Attachment("a.txt", "text/plain", 3, "http://169.254.169.254/secret")

    with pytest.raises(AttachmentUnreadable):
        await adapter.fetch(ConversationId("discord", "1", "2"), file, LIMIT)


async def test_trouble_with_the_files_is_said(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int, box: Box
) -> None:
    server.say(ana, channel, "?", mention_bot=True, files=(("a.txt", b"key"),))
    message = await heard(server, box)
    await server.stop()

    with pytest.raises(AttachmentUnreadable, match="later"):
        await hearing.fetch(message.conversation, message.attachments[0], LIMIT)


async def test_a_forwarded_message_is_read_as_a_quotation(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int, box: Box
) -> None:
    told = server.say(ana, channel, "first line\nsecond", files=(("a.txt", b"key"),))
    server.forward(ana, told, server.dm_channel(ana))
    message = await heard(server, box)

    assert message.text == "> first line\n> second"
    assert [file.name for file in message.attachments] == ["a.txt"]
