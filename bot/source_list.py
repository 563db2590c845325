"""The sources of an answer, with the words that they lend it, for one person."""

from collections.abc import Collection

from bot.answers import Cited, KeptAnswer
from bot.words import say


def source_list(kept: KeptAnswer, labels: Collection[str]) -> str:
    """The sources that a place with these labels may see, in Markdown."""
    seen = [each for each in kept.cited if not set(labels).isdisjoint(each.labels)]
    if not seen:
        return say("no_sources")
    return "\n\n".join(map(_entry, seen))


def _entry(cited: Cited) -> str:
    source = cited.source
    page = say("page", number=source.page) if source.page is not None else ""
    where = " › ".join(filter(None, [f"**{source.title}**", source.section, page]))
    lines = [f"[{source.number}] {where}"]
    lines += [f"> {line}" for line in source.quote.splitlines() if line.strip()]
    if source.url.startswith(("http://", "https://")):
        lines.append(f"<{source.url}>")
    return "\n".join(lines)
