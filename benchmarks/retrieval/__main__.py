"""Prints what retrieval finds, what each part of it gains, and what others find.

The figures are means over the questions of a set, in brackets where they would lie for
95 of 100 such sets.
"""

import argparse
import asyncio
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from backends.knowledge.embedding import Embedder
from backends.knowledge.minilm import MiniLM, find_weights
from backends.knowledge.retriever import ENOUGH
from benchmarks.measure import show
from benchmarks.retrieval import peers
from benchmarks.retrieval.embedding import embedding
from benchmarks.retrieval.knobs import KNOBS, Knob
from benchmarks.retrieval.measures import (
    DEPTH,
    MEASURES,
    Values,
    area_under_curve,
    judged,
    mean,
)
from benchmarks.retrieval.ours import Ours, Remembering, stored
from benchmarks.retrieval.sets import QuestionSet, read_sets
from benchmarks.retrieval.speed import latencies


def row(name: str, values: Mapping[str, Values]) -> None:
    cells = "  ".join(str(mean(values[measure])) for measure in MEASURES)
    print(f"{name:<34}{cells}", flush=True)


def heading(texts: QuestionSet) -> None:
    count = len(texts.with_answers)
    print(f"\n{texts.name}: {count} questions, {len(texts.texts)} passages")
    print(" " * 34 + "  ".join(f"{measure:<20}" for measure in MEASURES))


async def measure_ours(ours: Ours, texts: QuestionSet) -> dict[str, Values]:
    questions = texts.with_answers
    answers = [await ours.find(question) for question in questions]
    return judged(answers, [question.relevant for question in questions])


async def compare(texts: QuestionSet, embedder: Embedder) -> None:
    """Curbside, with and without the integers, and the others."""
    heading(texts)
    async with stored(texts, embedder) as ours:
        values = await measure_ours(ours, texts)
        row("Curbside", values)
        answerability = await measure_support(ours, texts)
    exact = Remembering(MiniLM(find_weights(), exact=True))
    async with stored(texts, exact) as other:
        row("Curbside, embedded in floats", await measure_ours(other, texts))
    questions = texts.with_answers
    relevant = [question.relevant for question in questions]
    talks = any(question.history for question in questions)
    for name, make in peers.installed().items():
        find = make(texts, exact)
        for earlier in (0, 1) if talks else (0,):
            answers = [find(peers.asked(each, earlier)) for each in questions]
            theirs = judged(answers, relevant)
            row(f"{name}{' +1' * earlier}", theirs)
            ahead = mean(values["nDCG@10"] - theirs["nDCG@10"])
            print(f"{'':<34}Curbside ahead by {ahead}")
    print(*answerability, sep="\n")


async def measure_support(ours: Ours, texts: QuestionSet) -> list[str]:
    """Whether `support` tells questions that can be answered from others."""
    support: dict[bool, list[float]] = {True: [], False: []}
    for question in texts.questions:
        if question.answerable is not None:
            passages = await ours.ask(question)
            best = passages[0].support if passages else 0.0
            support[question.answerable].append(best)
    yes, no = support[True], support[False]
    if not yes or not no:
        return []
    kept, silent = sum(s >= ENOUGH for s in yes), sum(s < ENOUGH for s in no)
    return [
        f"support: area under the curve {area_under_curve(yes, no):.3f}; from "
        f"{ENOUGH} on, {kept} of {len(yes)} that can be answered are, and "
        f"{len(no) - silent} of {len(no)} that cannot"
    ]


async def turn_knobs(texts: QuestionSet, embedder: Embedder) -> None:
    """The same with one part left out at a time."""
    heading(texts)
    whole: dict[str, Values] = {}
    async with stored(texts, embedder) as ours:
        for knob in KNOBS:
            values = await turned(knob, ours, texts, embedder)
            whole = whole or values
            row(knob.name, values)
            gain = mean(whole["nDCG@10"] - values["nDCG@10"])
            print(f"{'':<34}it gains {gain}")


async def turned(
    knob: Knob, ours: Ours, texts: QuestionSet, embedder: Embedder
) -> dict[str, Values]:
    with knob.turned():
        if not knob.stores:
            return await measure_ours(ours, texts)
        async with stored(texts, embedder) as again:
            return await measure_ours(again, texts)


async def measure_ingestion(sets: Sequence[QuestionSet], embedder: Embedder) -> None:
    """Cutting, embedding and storing; and one question, embedded."""
    for texts in sets:
        async with stored(texts, embedder) as ours:
            done = ours.ingested
            print(
                f"{texts.name}: {done.pieces} pieces of {done.megabytes:.2f} MB in "
                f"{done.seconds:.1f} s: {done.pieces / done.seconds:.0f} pieces/s, "
                f"{done.megabytes / done.seconds:.3f} MB/s"
            )
        times = []
        for question in texts.questions[:200]:
            begun = time.perf_counter()
            embedder.embed([question.text])
            times.append(time.perf_counter() - begun)
        times.sort()
        print(f"a question is embedded in {1000 * times[len(times) // 2]:.1f} ms (p50)")


async def run(options: argparse.Namespace) -> None:
    sets = read_sets(options.data)
    model = MiniLM.installed(threads=options.threads)
    embedder = Remembering(model)
    if "quality" in options.parts:
        for texts in sets:
            await compare(texts, embedder)
    if "knobs" in options.parts:
        for texts in sets:
            await turn_knobs(texts, embedder)
    if "embedding" in options.parts:
        show(list(embedding(sets, options.threads)))
    if "ingestion" in options.parts:
        await measure_ingestion(sets, model)
    if "speed" in options.parts:
        show([figure async for figure in latencies(sets[-1])])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the sets")
    parser.add_argument("--threads", type=int, default=1, help="threads that embed")
    parts = ["quality", "knobs", "embedding", "ingestion", "speed"]
    parser.add_argument("--parts", nargs="+", choices=parts, default=parts)
    options = parser.parse_args()
    if not list(options.data.rglob("questions.jsonl")):
        parser.error(f"no questions.jsonl under {str(options.data)!r}")
    print(f"passages are looked at down to rank {DEPTH}")
    asyncio.run(run(options))


if __name__ == "__main__":
    main()
