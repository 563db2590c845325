"""What a site asks of programs: its robots.txt."""

from typing import ClassVar, Self

from yarl import URL

from backends.knowledge.sources.base import SourceUnavailable

MOST_DELAY = 60.0


class Robots:
    """The rules of one site for us."""

    MAX_BYTES: ClassVar[int] = 500 * 2**10
    AGENT: ClassVar[str] = "curbside"

    def __init__(self, text: str) -> None:
        try:
            from protego import Protego
        except ImportError as error:
            raise SourceUnavailable(
                "web sites are read with packages that are not installed; "
                "pip install 'curbside[sources]'"
            ) from error
        self._rules = Protego.parse(text)

    @classmethod
    def none(cls) -> Self:
        return cls("")

    @classmethod
    def read(cls, data: bytes) -> Self:
        return cls(data.decode("utf-8", "replace"))

    def allows(self, url: URL) -> bool:
        return bool(self._rules.can_fetch(str(url), self.AGENT))

    @property
    def delay(self) -> float:
        """Seconds between two requests, as the site wishes, within reason."""
        return min(float(self._rules.crawl_delay(self.AGENT) or 0), MOST_DELAY)
