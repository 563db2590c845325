"""Files that come with questions: fetched, read within limits, kept for a day."""

import base64
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from backends.base import BackendError, File
from backends.knowledge.loaders import Limits, read_upload
from bot.adapter import Adapter
from bot.errors import AttachmentUnreadable
from bot.model import Attachment, ConversationId, Message, answer_id
from bot.settings import FileSettings
from bot.state.base import Record, Records
from bot.state.entry import person_tag, workspace_tag
from bot.words import say

log = logging.getLogger(__name__)

KIND = "file"
"""What was read of a file; its person is who sent it."""

INDEX = "files"
"""Which files a conversation has: the ids of their records."""

IMAGE = "image/"
IMAGE_BYTES = 5 * 2**20


@dataclass(frozen=True, slots=True)
class Attached:
    """The files of a conversation, and why some of the newest were not read."""

    files: tuple[File, ...] = ()
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """Reads what people attach."""

    records: Records
    adapters: Mapping[str, Adapter]
    settings: FileSettings

    async def read(self, message: Message, *, images: bool) -> Attached:
        """Read the files of a message; those from before in its conversation too.

        Without `images`, pictures are not read, and it is said why.
        """
        unread = []
        for number, attachment in enumerate(message.attachments):
            try:
                if number >= self.settings.most:
                    raise AttachmentUnreadable(
                        say("too_many_files", name=attachment.name, most=number)
                    )
                file = await self._read(message, attachment, images=images)
                await self._keep(message, number, file)
            except (AttachmentUnreadable, BackendError) as error:
                unread.append(str(error))
        files = await self.of(message.conversation)
        shown = [file for file in files if images or not file.image]
        return Attached(tuple(shown), tuple(unread))

    async def of(self, conversation: ConversationId) -> list[File]:
        """The files that a conversation has, the oldest first."""
        oldest = datetime.now(UTC) - self._kept
        files = []
        for id in await self._ids(conversation):
            record = await self.records.get(KIND, id)
            if record is not None and record.at >= oldest:
                files.append(_file(record))
        return files

    async def drop(self, conversation: ConversationId, message_id: str = "") -> None:
        """Forget the files of a message, or of the whole conversation."""
        beginning = answer_id(conversation, message_id) if message_id else ""
        ids = await self._ids(conversation)
        for id in ids:
            if id.startswith(beginning):
                await self.records.remove(KIND, id)

    async def purge(self, now: datetime) -> None:
        """Forget what was kept long enough."""
        for kind in (KIND, INDEX):
            await self.records.purge(kind, now - self._kept)

    @property
    def _kept(self) -> timedelta:
        return timedelta(hours=self.settings.keep_hours)

    async def _read(
        self, message: Message, attachment: Attachment, *, images: bool
    ) -> File:
        picture = attachment.media_type.startswith(IMAGE)
        if picture and not images:
            raise AttachmentUnreadable(say("picture_unread", name=attachment.name))
        limit = round(self.settings.megabytes * 2**20)
        limit = min(limit, IMAGE_BYTES) if picture else limit
        if attachment.size > limit:
            size = limit / 2**20
            raise AttachmentUnreadable(
                say("file_over_limit", name=attachment.name, megabytes=size)
            )
        place = message.conversation
        data = await self.adapters[place.platform].fetch(place, attachment, limit)
        if picture:
            return File(attachment.name, image=data, media_type=attachment.media_type)
        read = await read_upload(
            attachment.name, attachment.media_type, data, Limits(bytes=limit)
        )
        text = read.text[: self.settings.characters]
        return File(attachment.name, text, media_type=attachment.media_type)

    async def _keep(self, message: Message, number: int, file: File) -> None:
        place, now = message.conversation, datetime.now(UTC)
        workspace = workspace_tag(place.platform, place.workspace)
        person = person_tag(place.platform, message.author.id)
        id = f"{answer_id(place, message.id)}:{number}"
        data = {
            "name": file.name,
            "text": file.text,
            "image": base64.b64encode(file.image).decode(),
            "media_type": file.media_type,
        }
        await self.records.put(Record(KIND, id, data, now, person, workspace))
        ids = [each for each in await self._ids(place) if each != id]
        index = {"ids": [*ids, id][-self.settings.most :]}
        await self.records.put(
            Record(INDEX, str(place), index, now, workspace=workspace)
        )

    async def _ids(self, conversation: ConversationId) -> list[str]:
        index = await self.records.get(INDEX, str(conversation))
        return list(index.data["ids"]) if index else []


def _file(record: Record) -> File:
    data = record.data
    return File(
        data["name"],
        data["text"],
        base64.b64decode(data["image"]),
        data["media_type"],
    )
