"""Files that people attach, fetched from a local Slack."""

from dataclasses import replace

import pytest
from servers.intake import Box
from servers.slack import SlackServer

from adapters.slack.adapter import SlackAdapter
from bot.errors import AttachmentUnreadable
from bot.model import Attachment, ConversationId, Said

pytest_plugins = ("servers.slack.fixtures",)

HERE = ConversationId("slack", "T00000001", "C1", "1.1")
LIMIT = 1_000


async def attached(
    slack: SlackServer,
    box: Box,
    name: str = "plan.txt",
    content: bytes = b"Open at nine.",
    media_type: str = "text/plain",
) -> Attachment:
    """A file as the adapter hands it in with a question."""
    (ada,) = [user.id for user in slack.workspace.users.values() if user.name == "ada"]
    file = slack.upload(ada, name, content, media_type)
    slack.say(ada, slack.open_im(ada), "what does it say?", files=[file])
    await slack.wait_for(lambda: box.of(Said))
    return box.of(Said)[0].message.attachments[0]


async def test_a_file_is_fetched_with_our_token(
    slack: SlackServer, adapter: SlackAdapter, box: Box, ada: str
) -> None:
    file = await attached(slack, box)

    assert (file.name, file.media_type, file.size) == ("plan.txt", "text/plain", 13)
    assert await adapter.fetch(HERE, file, LIMIT) == b"Open at nine."


@pytest.mark.parametrize("size", [2_000, 0], ids=["said", "not said"])
async def test_a_file_that_is_too_large_is_not_read(
    slack: SlackServer, adapter: SlackAdapter, box: Box, ada: str, size: int
) -> None:
    file = replace(await attached(slack, box, content=b"x" * 2_000), size=size)

    with pytest.raises(AttachmentUnreadable, match="I read up to 1,000"):
        await adapter.fetch(HERE, file, LIMIT)


@pytest.mark.parametrize("media_type", ["application/pdf", "text/html"])
async def test_the_page_for_signing_in_is_no_file(
    slack: SlackServer, adapter: SlackAdapter, box: Box, ada: str, media_type: str
) -> None:
    file = await attached(slack, box, "a.pdf", b"%PDF-", media_type)
    slack.scopes.discard("files:read")

    with pytest.raises(AttachmentUnreadable, match="files:read"):
        await adapter.fetch(HERE, file, LIMIT)


async def test_a_page_of_somebodys_is_one(
    slack: SlackServer, adapter: SlackAdapter, box: Box, ada: str
) -> None:
    file = await attached(slack, box, "a.html", b"<p>nine</p>", "text/html")

    assert await adapter.fetch(HERE, file, LIMIT) == b"<p>nine</p>"


async def test_a_file_of_another_workspace_is_asked_for(
    slack: SlackServer, adapter: SlackAdapter, box: Box, ada: str
) -> None:
    file = await attached(slack, box)
    (id_,) = slack.web_api.files.files
    by_id = replace(file, url=f"slack-file:{id_}")

    assert await adapter.fetch(HERE, by_id, LIMIT) == b"Open at nine."
    slack.web_api.files.files.clear()
    for gone in (file, by_id):
        with pytest.raises(AttachmentUnreadable, match="not there any more"):
            await adapter.fetch(HERE, gone, LIMIT)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/f",
        "http://files.slack.com/f",
        "https://files.slack.com.evil.example/f",
        "https://evilslack.com/f",
        "file:///etc/passwd",
    ],
)
async def test_the_token_goes_to_slack_alone(adapter: SlackAdapter, url: str) -> None:
    with pytest.raises(AttachmentUnreadable):
        await adapter.fetch(HERE, Attachment("f", url=url), LIMIT)


async def test_a_message_has_an_address(adapter: SlackAdapter) -> None:
    assert adapter.link(HERE, "1.000001") == (
        "https://local.slack.test/archives/C1/p1000001?thread_ts=1.1"
    )
    assert adapter.link(replace(HERE, workspace="T9"), "1.000001") == ""


async def test_channels_are_called_as_people_call_them(
    slack: SlackServer, adapter: SlackAdapter, ada: str, general: str
) -> None:
    assert adapter.name(replace(HERE, channel=general)) == ""
    slack.open_home(ada)
    await slack.wait_for(lambda: slack.home(ada))

    assert adapter.name(replace(HERE, channel=general)) == "#general"
    assert adapter.name(replace(HERE, channel="D1")) == "private messages with me"
