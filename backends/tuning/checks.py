"""What trainers reject, or worse, swallow: found before anything is trained."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from backends.tuning.clusters import alike
from backends.tuning.example import Split, Status, TrainingExample
from backends.tuning.rendering import Recipe, lesson
from backends.tuning.scrub import Scrubber

FEWEST = 10
"""Fewer cannot be trained on; vendors refuse them."""
FEW = 50
"""Gains are seen from here on."""

LEAK = 90
"""Likeness (of 100) of an answer to learn and a held-out one that gives it away."""
REFUSALS = 0.1
"""Share of answers that say "I do not know": fewer, and the model learns to guess."""
REFUSAL = re.compile(
    r"\b(?:do(?:es)?n[o']t|do(?:es)? not|cannot|can't|could not|couldn't) "
    r"(?:\w+ )?(?:answer|contain|hold|know|say|find|tell|mention)"
    r"|\bnot (?:in|covered by|part of) (?:the|our) (?:documents|handbook)"
    r"|\bweiß (?:ich )?nicht|\bsteht nicht in",
    re.IGNORECASE,
)
CROWDED = 0.6
ONE_AUTHOR = 0.8


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with a dataset. With an `error` it is not trained on."""

    check: str
    error: bool
    message: str
    fix: str
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """What the model takes: `count` counts tokens as its own tokenizer does."""

    count: Callable[[str], int]
    tokens: int


def check(
    examples: Sequence[TrainingExample],
    *,
    recipe: Recipe | None = None,
    limits: Limits | None = None,
) -> list[Finding]:
    """All that is wrong with the approved examples; errors first."""
    approved = [each for each in examples if each.status is Status.APPROVED]
    findings = [
        *_number(approved),
        *_empty(approved),
        *_duplicates(approved),
        *_leaks(approved),
        *_systems(approved),
        *_refusals(approved),
        *_authors(approved),
        *_topics(approved),
        *_unscrubbed(approved),
    ]
    if limits is not None:
        findings += _too_long(approved, recipe or Recipe(), limits)
    return sorted(findings, key=lambda finding: not finding.error)


def _number(examples: Sequence[TrainingExample]) -> Iterator[Finding]:
    to_learn = [each for each in examples if each.split is not Split.HELD_OUT]
    if not examples:
        yield Finding(
            "number", True, "no example is approved", "run `curbside dataset review`"
        )
    elif len(to_learn) < FEWEST:
        yield Finding(
            "number",
            True,
            f"{len(to_learn)} examples to learn from, at least {FEWEST} are needed",
            "approve more (`curbside dataset review`), or propose some from the "
            "documents (`curbside dataset from-documents`)",
        )
    elif len(to_learn) < FEW:
        yield Finding(
            "number",
            False,
            f"{len(to_learn)} examples to learn from; gains are seen from {FEW} on",
            'try kind = "few_shot" with them first, and go on collecting',
        )


def _empty(examples: Sequence[TrainingExample]) -> Iterator[Finding]:
    empty = [e.id for e in examples if not (e.question.strip() and e.answer.strip())]
    if empty:
        yield Finding(
            "empty", True, "question or answer is empty", "fix or reject", tuple(empty)
        )
    same = [e.id for e in examples if e.rejected and e.rejected == e.answer]
    if same:
        yield Finding(
            "preference",
            True,
            "the corrected answer is the same as the bad one",
            "fix or reject",
            tuple(same),
        )


def _duplicates(examples: Sequence[TrainingExample]) -> Iterator[Finding]:
    """Near-duplicates that agree are only too many; those that differ teach noise."""
    repeated: list[str] = []
    for one, other in alike([_asked(example) for example in examples]):
        first, second = examples[one], examples[other]
        if fuzz.token_sort_ratio(first.answer, second.answer) >= LEAK:
            repeated.append(second.id)
        else:
            yield Finding(
                "contradiction",
                True,
                f"nearly the same question has two answers: {first.question[:80]!r}",
                "keep one of them, or word the questions apart",
                (first.id, second.id),
            )
    if repeated:
        yield Finding(
            "duplicate",
            False,
            f"{len(set(repeated))} examples repeat others",
            "reject them: what is repeated is learned too well",
            tuple(dict.fromkeys(repeated)),
        )


def _asked(example: TrainingExample) -> str:
    """The question with what went before: a follow-up alone says little."""
    before = [turn.question for turn in example.history]
    return "\n".join([*before, example.question])


def _leaks(examples: Sequence[TrainingExample]) -> Iterator[Finding]:
    learned = [each for each in examples if each.split is Split.TRAIN]
    held = [each for each in examples if each.split is Split.HELD_OUT]
    texts = [_asked(example) for example in [*learned, *held]]
    pairs = [(one, other) for one, other in alike(texts) if one < len(learned) <= other]
    answers = {
        each.answer.casefold(): at
        for at, each in enumerate(learned)
        if len(each.answer) >= 20
    }
    for at, each in enumerate(held, start=len(learned)):
        if (known := answers.get(each.answer.casefold())) is not None:
            pairs.append((known, at))
    if pairs:
        both = [*learned, *held]
        yield Finding(
            "leak",
            True,
            f"{len(set(pairs))} held-out examples are as good as known from training",
            "run `curbside dataset split` again: it keeps what belongs together",
            tuple(dict.fromkeys(both[at].id for pair in pairs for at in pair)),
        )


def _systems(examples: Sequence[TrainingExample]) -> Iterator[Finding]:
    systems = Counter(example.system for example in examples)
    if len(systems) > 1:
        usual = systems.most_common(1)[0][0]
        yield Finding(
            "system",
            False,
            f"{len(systems)} different system prompts",
            "give all the one that will be served (`system_prompt` of the profile)",
            tuple(each.id for each in examples if each.system != usual),
        )


def _refusals(examples: Sequence[TrainingExample]) -> Iterator[Finding]:
    refusing = sum(bool(REFUSAL.search(each.answer)) for each in examples)
    if len(examples) >= FEWEST and refusing < REFUSALS * len(examples):
        yield Finding(
            "refusals",
            False,
            f"{refusing} of {len(examples)} answers say that the answer is not known; "
            f"{REFUSALS:.0%} to 30% should",
            "add questions that cannot be answered, with that answer",
        )


def _authors(examples: Sequence[TrainingExample]) -> Iterator[Finding]:
    authors = Counter(
        each.provenance.author for each in examples if each.provenance.author
    )
    if authors and len(examples) >= FEWEST:
        name, count = authors.most_common(1)[0]
        if count >= ONE_AUTHOR * len(examples):
            yield Finding(
                "author",
                False,
                f"{count} of {len(examples)} answers are by {name}",
                "let others write some: the model takes over one person's habits",
            )


def _topics(examples: Sequence[TrainingExample]) -> Iterator[Finding]:
    topics = defaultdict(list)
    for example in examples:
        for document in {passage.document for passage in example.passages}:
            topics[document].append(example.id)
    if len(topics) > 1:
        name, ids = max(topics.items(), key=lambda topic: len(topic[1]))
        if len(ids) >= CROWDED * len(examples):
            yield Finding(
                "topics",
                False,
                f"{len(ids)} of {len(examples)} examples are about {name}",
                "add examples about the rest of what is asked",
            )


def _unscrubbed(examples: Sequence[TrainingExample]) -> Iterator[Finding]:
    scrubber = Scrubber()
    left = [each.id for each in examples if scrubber.scrub(each.texts()).counts]
    if left:
        yield Finding(
            "personal data",
            True,
            f"{len(left)} examples hold e-mail addresses, numbers, keys or the like",
            "run `curbside dataset scrub`, then look at them again",
            tuple(left),
        )


def _too_long(
    examples: Sequence[TrainingExample], recipe: Recipe, limits: Limits
) -> Iterator[Finding]:
    long = [
        each.id
        for each in examples
        if limits.count(lesson(each, recipe).text()) > limits.tokens
    ]
    if long:
        yield Finding(
            "length",
            True,
            f"{len(long)} examples are longer than {limits.tokens} tokens: a trainer "
            "would leave them out, or cut the answer off, without a word",
            "shorten them, or train with a larger `max_length`",
            tuple(long),
        )
