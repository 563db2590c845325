"""Which models search documents: `[retrieval]` in the configuration."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class RetrievalOptions(BaseModel):
    """The models that find passages. Another embedder needs `curbside reindex`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    embedder: Literal["minilm", "openai", "fastembed"] = Field(
        "minilm",
        description="What turns texts into vectors: the model inside, a server with"
        ' `/v1/embeddings` (`"openai"`), or a model of the extra `fastembed`.',
    )
    model: str = Field("", description="Its name; the model inside needs none.")
    base_url: str | None = Field(
        None, description="The server of `openai`; empty: api.openai.com."
    )
    api_key: SecretStr | None = Field(None, description="Its key.")
    requests_per_minute: int = Field(
        0, ge=0, description="At most so many are sent to it; 0: no limit."
    )
    reranker: str = Field(
        "",
        description="A cross-encoder or ColBERT model of the extra `fastembed` that"
        " ranks the best passages again; empty: none.",
    )
    context_lines: bool = Field(
        False,
        description="Let the model of `[model]` write a line before each piece of a new"
        " document that says where it stands: found better, one request a piece.",
    )
