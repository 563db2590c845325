"""Loads the models that search documents, as `[retrieval]` names them."""

from pathlib import Path

from backends.base import BackendMisconfigured
from backends.knowledge.embedding import Embedder
from backends.knowledge.retrieval_options import RetrievalOptions
from backends.knowledge.retriever import Reranker


def load_embedder(options: RetrievalOptions, data_dir: Path) -> Embedder:
    """Blocking: weights are read, or a server is asked."""
    if options.embedder != "minilm" and not options.model:
        raise BackendMisconfigured(
            f"[retrieval] has embedder = {options.embedder!r} but no `model`; name one"
        )
    if options.embedder == "openai":
        from backends.knowledge.remote_embedding import RemoteEmbedder

        return RemoteEmbedder(
            options.model,
            base_url=options.base_url,
            api_key=options.api_key.get_secret_value() if options.api_key else None,
            per_minute=options.requests_per_minute,
        )
    if options.embedder == "fastembed":
        from backends.knowledge.fastembed_models import FastEmbedder

        return FastEmbedder(options.model, data_dir / "models")
    from backends.knowledge.minilm import MiniLM

    return MiniLM.installed(data_dir)


def load_reranker(options: RetrievalOptions, data_dir: Path) -> Reranker | None:
    """Blocking, as `load_embedder`."""
    if not options.reranker:
        return None
    from backends.knowledge.fastembed_models import reranker

    return reranker(options.reranker, data_dir / "models")
