"""Others on the same passages, with the same embedding model.

LlamaIndex: `QueryFusionRetriever` over a vector index and its BM25 retriever, fused by
reciprocal rank, no query generation (there is no model here). Haystack: its embedding
and BM25 retrievers, 200 words a split, joined by reciprocal rank. BM25: bm25s with an
English stemmer over whole passages. Where a conversation came before, they get the last
question, or the last two (`+1`), whichever the row says.
"""

from collections.abc import Callable, Iterable
from importlib.util import find_spec
from typing import Any

from backends.knowledge.embedding import Embedder
from benchmarks.retrieval.measures import DEPTH
from benchmarks.retrieval.sets import Question, QuestionSet

Find = Callable[[str], list[str]]
Make = Callable[[QuestionSet, Embedder], Find]
DEEPER = 3 * DEPTH  # several splits may stem from one passage

INSTALL = {
    "BM25": ("bm25s", "bm25s PyStemmer"),
    "LlamaIndex": ("llama_index", "llama-index-core llama-index-retrievers-bm25"),
    "Haystack": ("haystack", "haystack-ai"),
}


def installed() -> dict[str, Make]:
    """The peers that are here; a line for each that is not."""
    makers: dict[str, Make] = {
        "BM25": bm25,
        "LlamaIndex": llama_index,
        "Haystack": haystack,
    }
    for name, (module, packages) in INSTALL.items():
        if find_spec(module) is None:
            print(f"{name} is left out, since it is not installed: {packages}")
            del makers[name]
    return makers


def asked(question: Question, earlier: int) -> str:
    """The question, after this many of those before."""
    before = question.history[-earlier:] if earlier else ()
    return " ".join([*(turn.question for turn in before), question.text])


def bm25(texts: QuestionSet, embedder: Embedder) -> Find:
    import bm25s
    import Stemmer

    stemmer = Stemmer.Stemmer("english")

    def tokens(lines: list[str]) -> Any:
        return bm25s.tokenize(
            lines, stopwords="en", stemmer=stemmer, show_progress=False
        )

    index = bm25s.BM25()
    index.index(tokens(_lines(texts)), show_progress=False)

    def find(question: str) -> list[str]:
        found, _ = index.retrieve(tokens([question]), k=DEPTH, show_progress=False)
        return [texts.texts[row].id for row in found[0]]

    return find


def llama_index(texts: QuestionSet, embedder: Embedder) -> Find:
    from llama_index.core import MockEmbedding, VectorStoreIndex
    from llama_index.core.llms import MockLLM
    from llama_index.core.node_parser import SentenceSplitter
    from llama_index.core.retrievers import QueryFusionRetriever
    from llama_index.core.schema import Document
    from llama_index.retrievers.bm25 import BM25Retriever

    class Ours(MockEmbedding):  # type: ignore[misc]
        def _get_query_embedding(self, query: str) -> list[float]:
            return list(map(float, embedder.embed([query])[0]))

        _get_text_embedding = _get_query_embedding

    pages = [
        Document(text=line, doc_id=text.id)
        for line, text in zip(_lines(texts), texts.texts, strict=True)
    ]
    nodes = SentenceSplitter().get_nodes_from_documents(pages)
    index = VectorStoreIndex(nodes, embed_model=Ours(embed_dim=embedder.dimensions))
    fusion = QueryFusionRetriever(
        [
            index.as_retriever(similarity_top_k=DEEPER),
            BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=DEEPER),
        ],
        llm=MockLLM(),
        mode="reciprocal_rerank",
        num_queries=1,
        similarity_top_k=DEEPER,
        use_async=False,
    )
    return lambda question: _once(
        hit.node.ref_doc_id for hit in fusion.retrieve(question)
    )


def haystack(texts: QuestionSet, embedder: Embedder) -> Find:
    from haystack import Document
    from haystack.components.joiners import DocumentJoiner
    from haystack.components.preprocessors import DocumentSplitter
    from haystack.components.retrievers.in_memory import (
        InMemoryBM25Retriever,
        InMemoryEmbeddingRetriever,
    )
    from haystack.document_stores.in_memory import InMemoryDocumentStore

    pages = [
        Document(content=line, meta={"passage": text.id})
        for line, text in zip(_lines(texts), texts.texts, strict=True)
    ]
    splits = DocumentSplitter().run(documents=pages)["documents"]
    for split, vector in zip(
        splits, embedder.embed([split.content for split in splits]), strict=True
    ):
        split.embedding = vector.tolist()
    store = InMemoryDocumentStore(embedding_similarity_function="cosine")
    store.write_documents(splits)
    by_words = InMemoryBM25Retriever(store, top_k=DEEPER)
    by_meaning = InMemoryEmbeddingRetriever(store, top_k=DEEPER)
    joiner = DocumentJoiner(join_mode="reciprocal_rank_fusion")

    def find(question: str) -> list[str]:
        vector = embedder.embed([question])[0].tolist()
        lists = [
            by_words.run(query=question)["documents"],
            by_meaning.run(query_embedding=vector)["documents"],
        ]
        joined = joiner.run(documents=lists)["documents"]
        return _once(split.meta["passage"] for split in joined)

    return find


def _lines(texts: QuestionSet) -> list[str]:
    """With the titles, which we index as well."""
    return [f"{text.title}\n\n{text.text}".strip() for text in texts.texts]


def _once(ids: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(ids))[:DEPTH]
