"""The source that a table of options asks for."""

from pathlib import Path

from backends.knowledge.sources.base import FOLDER_LABELS, STAFF, Source
from backends.knowledge.sources.files import LocalFiles
from backends.knowledge.sources.options import SourceOptions


def open_source(name: str, options: SourceOptions) -> Source:
    """The source by the kind of its URL. Nothing is read yet.

    What only other kinds need is not imported: a bot without web sites does not pay.
    """
    url, labels = options.url, frozenset(options.labels)
    if url.startswith(("http://", "https://")):
        from backends.knowledge.sources.fetching import FetchLimits
        from backends.knowledge.sources.web import SiteLimits, WebSite

        limits = SiteLimits(options.pages, FetchLimits(delay=options.delay))
        return WebSite(
            name,
            url,
            labels or STAFF,
            limits,
            allow_private=options.allow_private,
        )
    local = url.removeprefix("file://")
    if "://" in local or "::" in local:
        from backends.knowledge.sources.remote import RemoteFiles

        return RemoteFiles(name, url, labels)
    return LocalFiles(
        [Path(local).expanduser()],
        name=name,
        folder_labels={} if labels else FOLDER_LABELS,
        default_labels=labels or STAFF,
    )
