"""The generations of a collection on a Qdrant server, and how they are laid out.

A collection `documents` is an alias; what it stands for is `documents--1`, or a later
generation. One that was built beside it takes its place when the alias is turned. A
collection of an earlier version of ours has no alias, until it is made anew.
"""

import re
from collections.abc import Awaitable
from typing import Any, Protocol, TypeVar

from qdrant_client import AsyncQdrantClient, models

from backends.knowledge.server_options import ServerOptions
from backends.knowledge.store import (
    DENSE,
    IDENTITY_ID,
    KEYWORDS,
    SPARSE,
    Identity,
    StoreUnavailable,
    identity_payload,
)

T = TypeVar("T")


class AlreadyThere(StoreUnavailable):
    """The collection that we wanted to create exists."""


class Ask(Protocol):
    """Awaits an answer of the server, and says in our errors what went wrong."""

    async def __call__(self, request: Awaitable[T]) -> T: ...


class Generations:
    """What an alias stands for, stood for, and will."""

    def __init__(
        self, client: AsyncQdrantClient, alias: str, options: ServerOptions, ask: Ask
    ) -> None:
        self._client = client
        self._alias = alias
        self._options = options
        self._ask = ask

    async def current(self) -> str | None:
        """The name of what the alias stands for; None where nothing is there yet."""
        answer = await self._ask(self._client.get_aliases())
        for each in answer.aliases:
            if each.alias_name == self._alias:
                return each.collection_name
        plain = await self._ask(self._client.collection_exists(self._alias))
        return self._alias if plain else None

    async def create_first(self, identity: Identity) -> str:
        """Raises `AlreadyThere` when another process has just begun that."""
        name = f"{self._alias}--1"
        await self._create(name, identity)
        await self.turn_to(name, None)
        return name

    async def finish_first(self, identity: Identity) -> str:
        """What a process that ended in the middle of `create_first` left undone."""
        name = f"{self._alias}--1"
        await self._furnish(name, identity)
        await self.turn_to(name, None)
        return name

    async def create_beside(self, identity: Identity, current: str) -> str:
        """An empty generation; of the earlier ones only the current one stays."""
        answer = await self._ask(self._client.get_collections())
        pattern = re.compile(rf"{re.escape(self._alias)}--(\d+)")
        numbers = {1}
        for each in answer.collections:
            if found := pattern.fullmatch(each.name):
                numbers.add(int(found[1]))
                if each.name != current:
                    await self.drop(each.name)
        name = f"{self._alias}--{max(numbers) + 1}"
        await self._create(name, identity)
        return name

    async def turn_to(self, name: str, current: str | None) -> None:
        """Let the alias stand for a generation, at once for whoever asks."""
        if current == self._alias:
            await self.drop(current)
        create = models.CreateAliasOperation(
            create_alias=models.CreateAlias(
                collection_name=name, alias_name=self._alias
            )
        )
        delete = models.DeleteAliasOperation(
            delete_alias=models.DeleteAlias(alias_name=self._alias)
        )
        fresh = current in (None, self._alias)
        operations: list[Any] = [create] if fresh else [delete, create]
        await self._ask(self._client.update_collection_aliases(operations))

    async def drop(self, name: str) -> None:
        await self._ask(self._client.delete_collection(name))

    async def _create(self, name: str, identity: Identity) -> None:
        options = self._options
        await self._ask(
            self._client.create_collection(
                name,
                vectors_config={
                    DENSE: models.VectorParams(
                        size=identity.dimensions,
                        distance=models.Distance.COSINE,
                        on_disk=options.on_disk_vectors or None,
                    )
                },
                sparse_vectors_config={
                    SPARSE: models.SparseVectorParams(modifier=models.Modifier.IDF)
                },
                shard_number=options.shards,
                replication_factor=options.replicas,
                on_disk_payload=options.on_disk_payload,
                quantization_config=_quantization(options),
            )
        )
        await self._furnish(name, identity)

    async def _furnish(self, name: str, identity: Identity) -> None:
        """Indexes for what filters use, such as who may see a piece; the identity."""
        for field in KEYWORDS:
            tenant = self._options.tenant_index and field == "labels"
            schema = models.KeywordIndexParams(
                type=models.KeywordIndexType.KEYWORD, is_tenant=tenant or None
            )
            await self._ask(self._client.create_payload_index(name, field, schema))
        point = models.PointStruct(
            id=IDENTITY_ID, vector={}, payload=identity_payload(identity)
        )
        await self._ask(self._client.upsert(name, [point], wait=True))


def _quantization(options: ServerOptions) -> Any:
    if options.quantization == "scalar":
        return models.ScalarQuantization(
            scalar=models.ScalarQuantizationConfig(
                type=models.ScalarType.INT8, always_ram=True
            )
        )
    if options.quantization == "binary":
        return models.BinaryQuantization(
            binary=models.BinaryQuantizationConfig(always_ram=True)
        )
    if options.quantization == "product":
        return models.ProductQuantization(
            product=models.ProductQuantizationConfig(
                compression=models.CompressionRatio.X16, always_ram=True
            )
        )
    return None
