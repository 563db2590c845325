"""How a Qdrant server lays collections out; see Qdrant's documentation for each key."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ServerOptions(BaseModel):
    """How a Qdrant server lays out a collection that is made, or made anew."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shards: int | None = Field(
        None, ge=1, description="Parts that the points are spread over."
    )
    replicas: int | None = Field(None, ge=1, description="Copies of each shard.")
    on_disk_vectors: bool = Field(
        False, description="Keep vectors on disk, and what is used in memory."
    )
    on_disk_payload: bool = Field(
        True, description="Keep texts on disk, and what is used in memory."
    )
    quantization: Literal["", "scalar", "binary", "product"] = Field(
        "", description="Compress vectors in memory; the originals decide at last."
    )
    tenant_index: bool = Field(
        False, description="Keep the points of a label together, for very many labels."
    )
