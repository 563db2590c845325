"""What is taken as a question, who is an admin, and what a place may see."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from bot.model import Author, ConversationId, Message
from bot.settings import Settings
from bot.text import visible
from bot.words import say

PUBLIC = "public"


def clean(message: Message) -> Message:
    """The message without invisible characters and surrounding white space."""
    return replace(message, text=visible(message.text).strip())


def refusal(message: Message, settings: Settings) -> str | None:
    """Why this cannot be answered, said to the person; None for a fair question."""
    if not message.text and not message.attachments:
        return say("empty_question")
    limit = settings.worker.max_question_characters
    if len(message.text) > limit:
        return say("too_long", length=len(message.text), limit=limit)
    return None


def is_admin(author: Author, platform: str, settings: Settings) -> bool:
    """By the platform's own right, by id or by role."""
    return (
        author.is_admin
        or f"{platform}:{author.id}" in settings.admins
        or any(f"{platform}:{role}" in settings.admin_roles for role in author.roles)
    )


def is_reviewer(author: Author, platform: str, settings: Settings) -> bool:
    """Who may correct answers: whom the setting names, by id or role, and admins."""
    names = {f"{platform}:{name}" for name in (author.id, *author.roles)}
    return not names.isdisjoint(settings.reviewers) or is_admin(
        author, platform, settings
    )


def may_teach(author: Author, platform: str, settings: Settings) -> bool:
    """Whether the settings name this very person as a reviewer or an admin.

    The documents are those of all workspaces: a right or a role that one of them gave
    does not count.
    """
    return f"{platform}:{author.id}" in {*settings.reviewers, *settings.admins}


def is_operator(author: Author, platform: str, settings: Settings) -> bool:
    """Whether the settings name this very person: an admin of all workspaces.

    A platform's right, or a role, counts in the workspace that gave it: whoever adds
    the bot to a server of their own must not change what answers in yours.
    """
    return f"{platform}:{author.id}" in settings.admins


def audience(
    conversation: ConversationId,
    labels: Mapping[str, Sequence[str]],
    *,
    guests: bool = False,
) -> frozenset[str]:
    """The labels that a place may see: those of its narrowest entry in the settings.

    A place without an entry, and without a default, sees nothing. Where `guests` from
    outside read along it is never more than what is public.
    """
    places = (
        f"{conversation.platform}:{conversation.workspace}:{conversation.channel}",
        f"{conversation.platform}:{conversation.workspace}",
        conversation.platform,
        "default",
    )
    for place in places:
        if place in labels:
            found = frozenset(labels[place])
            return found & {PUBLIC} if guests else found
    return frozenset()


def narrowest(labels: Iterable[str], places: Mapping[str, Sequence[str]]) -> list[str]:
    """Labels in order, the one that the fewest places of the settings see first.

    A document can be seen with any of its labels: what was said in a place may carry
    one of them, and not `public` only because the place sees that, too.
    """
    seen = Counter(label for each in places.values() for label in set(each))
    return sorted(labels, key=lambda label: (label == PUBLIC, seen[label], label))
