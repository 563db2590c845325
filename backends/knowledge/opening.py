"""Opens collections by name: in a folder of this machine, or on a Qdrant server."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from backends.base import BackendMisconfigured
from backends.knowledge.folder_lock import FolderLock
from backends.knowledge.server_options import ServerOptions
from backends.knowledge.store import Identity, VectorStore


@dataclass(frozen=True, slots=True)
class Engine:
    """Where collections are kept. What the other engine needs is not imported."""

    data_dir: Path
    url: str | None = None
    api_key: str | None = None
    options: ServerOptions | None = None

    async def open(
        self,
        collection: str,
        identity: Identity,
        *,
        rebuild: bool = False,
        checked: bool = True,
    ) -> VectorStore:
        """See `EdgeStore.open` and `ServerStore.open`."""
        plain = collection.replace("-", "").replace("_", "").isalnum()
        if not plain or "--" in collection:
            raise BackendMisconfigured(
                f"collection {collection!r}: use letters, digits, single - and _ only"
            )
        if self.url:
            from backends.knowledge.server_store import ServerStore

            return await ServerStore.open(
                *(self.url, collection, identity, self.api_key, rebuild),
                options=self.options,
                checked=checked,
            )
        from backends.knowledge.edge_store import EdgeStore

        folder = self._folder(collection)
        return await EdgeStore.open(folder, identity, rebuild, checked=checked)

    def require_free(self, collection: str) -> None:
        """Raise `StoreInUse` when another process holds a collection; opens nothing."""
        folder = self._folder(collection)
        if self.url or not folder.exists():
            return
        lock = FolderLock(folder)
        with suppress(OSError):  # what is wrong with the folder shows when it is opened
            lock.acquire()
        lock.release()

    def _folder(self, collection: str) -> Path:
        return self.data_dir / "knowledge" / collection
