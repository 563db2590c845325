"""An answer as Discord's messages: text, sources, buttons, a file when it is long."""

from adapters.discord.bodies import COMPONENTS, FILE, MENTION
from adapters.discord.components import rows
from adapters.discord.markdown import LIMIT, host_of, to_messages
from adapters.shared import compose, visible
from bot.adapter import Part
from bot.model import Answer
from bot.words import say

GROWING = " …"
"""Stands at the end of an answer that is not whole yet."""

MOST_MESSAGES = 5
"""An answer that takes more messages ends in a file with the whole of it."""


def render(answer: Answer) -> list[Part]:
    """The answer in as many messages as it takes, its buttons under the last."""
    whole = visible(compose(answer))
    call = f"<@&{answer.mention}> " if answer.mention else ""
    texts = to_messages(whole, LIMIT - len(call), hosts=hosts_of(answer))
    extras: list[dict[str, object]] = [{} for _ in texts[:MOST_MESSAGES]]
    if len(texts) > MOST_MESSAGES:
        # Only the last message changes then: none is taken away from who reads it.
        key = "rest_in_file" if answer.complete else "rest_comes"
        texts = [*texts[: MOST_MESSAGES - 1], say(key)]
        if answer.complete:
            extras[-1][FILE] = whole
    if not answer.complete:
        texts[-1] += GROWING
    if answer.mention:
        texts[0] = call + texts[0]
        extras[0][MENTION] = answer.mention
    if buttons := rows(answer.buttons):
        extras[-1][COMPONENTS] = buttons
    # An empty message is refused: an answer without a word is three dots.
    return [
        Part(text.strip() or GROWING.strip(), extra)
        for text, extra in zip(texts, extras, strict=True)
    ]


def hosts_of(answer: Answer) -> set[str]:
    """The hosts whose links may stand behind words: those cited, those of the place."""
    cited = {host_of(source.url) for source in answer.sources if source.url}
    return (cited | set(answer.link_hosts)) - {""}
