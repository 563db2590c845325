"""Slack as a platform: renders answers, posts and edits them, finds them again."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from adapters.shared import compose, visible
from adapters.slack.listening import Listener
from adapters.slack.markdown import to_messages
from adapters.slack.settings import SCOPES, SlackSettings
from adapters.slack.web import SlackRefused, SlackWeb
from bot.adapter import AdapterHealth, Intake, Part
from bot.errors import ConfigurationError, DeliveryError, MessageGone
from bot.model import Answer, Delivery

log = logging.getLogger(__name__)

EVENT_TYPE = "curbside_answer"
"""What the metadata of our answers is called."""

GROWING = " …"
"""Stands at the end of an answer that is not whole yet."""

EDITS_PER_MINUTE = 45
"""A little less than the fifty that Slack takes of one method and workspace."""

LOOK_AGAIN_SECONDS = 1.0
"""A post whose reply was lost may still be on its way into the history."""

HEALTH_SECONDS = 5.0

# Said with each text: Slack is to show what we send, and to guess nothing into it.
AS_IT_IS = {"parse": "none", "link_names": False}


class SlackAdapter:
    """One workspace, by the app's bot token; listening wants the app token too."""

    platform = "slack"

    def __init__(
        self,
        settings: SlackSettings,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.edit_interval = settings.edit_seconds
        self._settings = settings
        self._sleep = sleep
        self._web = SlackWeb(settings)
        self._edited: dict[str, float] = {}
        self._removed: deque[str] = deque(maxlen=1_000)

    async def open(self) -> None:
        """Open the session and ask who we are."""
        await self._web.open()

    async def aclose(self) -> None:
        """Close the session."""
        await self._web.aclose()

    async def listen(self, intake: Intake) -> None:
        """Take events in over Socket Mode until cancelled."""
        token = self._settings.app_token
        if token is None:
            raise ConfigurationError(
                "setting 'slack.app_token' is missing; make an app-level token with "
                "the scope connections:write, and set CURBSIDE_SLACK_APP_TOKEN"
            )
        listener = Listener(self._web, intake, self._settings, self._removed)
        await listener.run(token.get_secret_value())

    def render(self, answer: Answer) -> list[Part]:
        """The answer as mrkdwn, in as many messages as it takes."""
        texts = to_messages(visible(compose(answer)))
        if not answer.complete:
            texts[-1] += GROWING
        # An empty message is refused: an answer without a word is three dots.
        return [Part(text.strip() or GROWING.strip()) for text in texts]

    async def post(self, delivery: Delivery, index: int, part: Part) -> str:
        """Post a part; its key travels in the metadata of the message."""
        posted = await self._web.write(
            "chat.postMessage",
            channel=delivery.conversation.channel,
            thread_ts=delivery.conversation.thread or None,
            text=part.text,
            metadata=_metadata(delivery.key(index)),
            unfurl_links=False,
            unfurl_media=False,
            **AS_IT_IS,
        )
        return str(posted["ts"])

    async def find(self, delivery: Delivery, index: int) -> str | None:
        """Look for a part's key in the thread; twice, for Slack may be late."""
        found = await self._look(delivery, delivery.key(index))
        if found is None:
            await self._sleep(LOOK_AGAIN_SECONDS)
            found = await self._look(delivery, delivery.key(index))
        return found

    async def edit(self, delivery: Delivery, message_id: str, part: Part) -> None:
        """Replace the text of a message; its key stays with it."""
        self._pace(message_id)
        keys = [delivery.key(p.index) for p in delivery.parts if p.id == message_id]
        await self._web.write(
            "chat.update",
            channel=delivery.conversation.channel,
            ts=message_id,
            text=part.text,
            metadata=_metadata(keys[0]) if keys else None,
            **AS_IT_IS,
        )

    async def remove(self, delivery: Delivery, message_id: str) -> None:
        """Delete a message of ours."""
        # Slack tells us of this too, and then it must not look like a person's wish.
        self._removed.append(message_id)
        channel = delivery.conversation.channel
        try:
            await self._web.write("chat.delete", channel=channel, ts=message_id)
        except MessageGone:
            log.debug("%s was gone already", message_id)

    async def working(self, delivery: Delivery, step: str) -> None:
        """The line under the thread; Slack takes it away when we post."""
        place = delivery.conversation
        if not place.thread:
            return
        try:
            await self._web.write(
                "assistant.threads.setStatus",
                channel_id=place.channel,
                thread_ts=place.thread,
                status=f"is {step or 'thinking'} …",
            )
        except DeliveryError as error:
            log.debug("no status line in %s: %s", place, error)

    async def health(self) -> AdapterHealth:
        """Try both tokens; name the scopes that are missing."""
        problems: list[str] = []
        detail = ""
        try:
            async with asyncio.timeout(HEALTH_SECONDS):
                me = await self._web.identify(again=True)
                detail = f"{me.name} in {me.team or me.team_id}"
                problems += self._missing_scopes()
                token = self._settings.app_token
                if token is None:
                    problems.append(
                        "CURBSIDE_SLACK_APP_TOKEN is not set: nothing can be heard"
                    )
                else:
                    await self._web.check_socket(token.get_secret_value())
        except TimeoutError:
            problems.append(f"Slack did not answer in {HEALTH_SECONDS:.0f} seconds")
        except DeliveryError as error:
            problems.append(str(error))
        return AdapterHealth(not problems, detail, tuple(problems))

    def _missing_scopes(self) -> list[str]:
        missing = ", ".join(sorted(SCOPES - self._web.scopes))
        if not missing:
            return []
        return [
            f"the bot token lacks the scopes {missing}; add them under OAuth & "
            "Permissions, then install the app again"
        ]

    def _pace(self, message_id: str) -> None:
        """Slow all growing answers down when many grow at the same time.

        The limit is the workspace's, not the message's.
        """
        now = time.monotonic()
        self._edited[message_id] = now
        recent = {key: at for key, at in self._edited.items() if now - at < 10}
        self._edited = recent
        share = len(recent) * 60 / EDITS_PER_MINUTE
        self.edit_interval = max(self._settings.edit_seconds, share)

    async def _look(self, delivery: Delivery, key: str) -> str | None:
        me = await self._web.identify()
        async for message in self._history(delivery):
            metadata = message.get("metadata") or {}
            if (
                message.get("user") == me.user_id
                and metadata.get("event_type") == EVENT_TYPE
                and metadata.get("event_payload", {}).get("key") == key
            ):
                return str(message["ts"])
        return None

    async def _history(self, delivery: Delivery) -> AsyncIterator[dict[str, Any]]:
        """What was said since the question, where the answer belongs."""
        place = delivery.conversation
        method = "conversations.history"
        where = {"channel": place.channel, "oldest": delivery.question_id}
        if place.thread:
            method = "conversations.replies"
            where["ts"] = place.thread
        cursor = None
        while True:
            try:
                page = await self._web.read(
                    method, include_all_metadata=True, limit=200, cursor=cursor, **where
                )
            except SlackRefused as error:
                if error.code == "thread_not_found":
                    return
                raise
            for message in page["messages"]:
                yield message
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return


def _metadata(key: str) -> dict[str, Any]:
    return {"event_type": EVENT_TYPE, "event_payload": {"key": key}}
