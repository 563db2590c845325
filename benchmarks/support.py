"""Measures the check of claims: `python -m benchmarks.support [--show]`.

Two kinds of pairs of a claim and its passage, half of them altered in one thing:
written by hand with the claim in other words (`tests/data/support`), and made from
sentences of the example handbook by rules, with a seed.
"""

import argparse
import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from backends.base import Passage
from backends.knowledge.sentences import quotable
from backends.support.check import Verdict, check

ROOT = Path(__file__).parents[1]
DATA = ROOT / "tests" / "data" / "support"
WRITTEN = DATA / "paraphrased.jsonl"
LATER = DATA / "later.jsonl"
"""Written when the rules stood: what they make of sentences that they were not made on.
Since then weights were chosen on both files together."""
HANDBOOK = ROOT / "examples" / "handbook"
MADE = 190

NUMBER = re.compile(r"(?<![\w.:/-])\d{1,3}(?![\w:/-]|[.,]\d)")
TIME = re.compile(r"\b([01]\d|2[0-3]):([0-5]\d)\b")
UNIT_SWAPS = {
    "minutes": "hours", "hours": "days", "days": "weeks", "weeks": "months",
    "months": "years", "years": "months", "mg": "g", "ml": "mg", "°C": "°F",
    "euros": "dollars", "hour": "day", "minute": "hour", "metres": "kilometres",
}  # fmt: skip
UNIT = re.compile(r"(?<=\d )(?:" + "|".join(UNIT_SWAPS) + r")\b")
NEGATIONS = (
    (re.compile(r"\bmust not\b"), "must"),
    (re.compile(r"\bdo not\b", re.I), "do"),
    (re.compile(r"\b(is|are|was|were|can|may|does|will) not\b"), r"\1"),
    (re.compile(r"\bcannot\b"), "can"),
    (re.compile(r"\bnever\b"), "always"),
    (re.compile(r"\b(must|can|may|will|should)\b"), r"\1 not"),
    (re.compile(r"\b(is|are) (?=\w+ed\b)"), r"\1 not "),
    (re.compile(r"\b(is|are) (?=open|closed|free|available|required)"), r"\1 not "),
)
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
PEOPLE = ["Valentina", "Oskar", "Henrietta", "Tobias", "Marguerite", "Cornelius"]
NAME = re.compile(r"(?<=[a-z,] )(?:Dr\.? |Nurse )?[A-Z][a-z]{2,}\b")
SPELT = {"2": "two", "3": "three", "4": "four", "5": "five", "6": "six", "7": "seven",
         "8": "eight", "10": "ten", "12": "twelve"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pair:
    """A claim with the passage it cites; `kind` is what was altered, "" for nothing."""

    claim: str
    passage: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """How well altered claims are told from the others."""

    pairs: int
    recall: float
    precision: float
    milliseconds: float
    missed: tuple[Pair, ...]
    wrong: tuple[tuple[Pair, str], ...]


def written(file: Path = WRITTEN) -> Iterator[Pair]:
    """The pairs that people wrote, claims in other words than the passage's."""
    for line in file.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        yield Pair(row["true"], row["passage"])
        yield Pair(row["false"], row["passage"], row["kind"])


def made(count: int = MADE, seed: int = 1) -> list[Pair]:
    """Pairs of sentences of the handbook: half of them altered, half hardly."""
    chance = random.Random(seed)
    sentences = list(_sentences())
    chance.shuffle(sentences)
    pairs: list[Pair] = []
    wanted = Counter({kind: count // 2 // len(ALTERATIONS) for kind in ALTERATIONS})
    wanted["digit"] += count // 2 - wanted.total()
    for passage, sentence in sentences:
        kinds = [kind for kind in ALTERATIONS if wanted[kind]]
        chance.shuffle(kinds)
        for kind in kinds:
            altered = ALTERATIONS[kind](sentence, passage, chance)
            if altered and altered != sentence:
                pairs.append(Pair(altered, passage, kind))
                pairs.append(Pair(reworded(sentence, chance), passage))
                wanted[kind] -= 1
                break
    return pairs


def _sentences() -> Iterator[tuple[str, str]]:
    for path in sorted(HANDBOOK.rglob("*.md")):
        if path.name == "README.md":
            continue
        for section in re.split(r"(?m)^#+ ", path.read_text(encoding="utf-8"))[1:]:
            for sentence in quotable(section.partition("\n")[2]):
                if 6 <= len(sentence.text.split()) <= 40:
                    yield section, sentence.text


def altered_digit(sentence: str, passage: str, chance: random.Random) -> str:
    found = [*NUMBER.finditer(sentence)]
    times = [*TIME.finditer(sentence)]
    if times and (not found or chance.random() < 0.5):
        hit = chance.choice(times)
        new = f"{(int(hit[1]) + chance.choice((1, 2))) % 24:02}:{hit[2]}"
    elif found:
        hit = chance.choice(found)
        new = str(int(hit[0]) + chance.choice((1, 2, 3, 10)))
    else:
        return ""
    if new in passage or SPELT.get(new, new) in passage:
        return ""
    return sentence[: hit.start()] + new + sentence[hit.end() :]


def altered_unit(sentence: str, passage: str, chance: random.Random) -> str:
    return UNIT.sub(lambda hit: UNIT_SWAPS[hit[0]], sentence, count=1)


def altered_negation(sentence: str, passage: str, chance: random.Random) -> str:
    for pattern, new in NEGATIONS:
        if pattern.search(sentence):
            return pattern.sub(new, sentence, count=1)
    return ""


def altered_name(sentence: str, passage: str, chance: random.Random) -> str:
    days = [day for day in DAYS if day in sentence]
    if days:
        other = [day for day in DAYS if day not in passage]
        return sentence.replace(days[0], chance.choice(other)) if other else ""
    names = NAME.findall(sentence)
    if not names:
        return ""
    return sentence.replace(chance.choice(names), chance.choice(PEOPLE))


ALTERATIONS: dict[str, Callable[[str, str, random.Random], str]] = {
    "digit": altered_digit,
    "unit": altered_unit,
    "negation": altered_negation,
    "name": altered_name,
}


def reworded(sentence: str, chance: random.Random) -> str:
    """The same in slightly other words: numbers spelt, contractions, a lead."""
    changes: tuple[Callable[[str], str], ...] = (
        lambda text: NUMBER.sub(lambda hit: SPELT.get(hit[0], hit[0]), text),
        lambda text: re.sub(r"\b(is|are|do|does|was) not\b", r"\1n't", text),
        lambda text: f"According to the handbook, {text[0].lower()}{text[1:]}",
        lambda text: TIME.sub(_half_day, text),
        lambda text: re.sub(r"(?<=\d )minutes\b", "min", text),
        lambda text: text,
    )
    return chance.choice(changes)(sentence)


def _half_day(hit: re.Match[str]) -> str:
    hour = int(hit[1])
    return f"{hour % 12 or 12}:{hit[2]} {'pm' if hour >= 12 else 'am'}"


def verdict(pair: Pair) -> Verdict:
    return check(pair.claim, [Passage("p", "d", "", "", pair.passage)])


def measure(pairs: Sequence[Pair]) -> Figures:
    begun = time.perf_counter()
    verdicts = [verdict(pair) for pair in pairs]
    spent = time.perf_counter() - begun
    judged = list(zip(pairs, verdicts, strict=True))
    flagged = [(pair, each) for pair, each in judged if not each.supported]
    wrong = tuple((pair, each.reason) for pair, each in flagged if not pair.kind)
    altered = sum(bool(pair.kind) for pair in pairs)
    hits = len(flagged) - len(wrong)
    return Figures(
        len(pairs),
        hits / altered,
        hits / (len(flagged) or 1),
        1000 * spent / len(pairs),
        tuple(pair for pair, each in judged if pair.kind and each.supported),
        wrong,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--made", type=int, default=MADE, help="pairs made by rules")
    parser.add_argument("--show", action="store_true", help="list what went wrong")
    options = parser.parse_args()
    sets = {"written": list(written()), "made": made(options.made, options.seed)}
    sets["all"] = [*sets["written"], *sets["made"]]
    sets["later"] = list(written(LATER))
    for name, pairs in sets.items():
        figures = measure(pairs)
        print(
            f"{name:<8} {figures.pairs} pairs: recall {figures.recall:.3f}, "
            f"precision {figures.precision:.3f}, {figures.milliseconds:.1f} ms each"
        )
        if options.show and name != "all":
            for pair in figures.missed:
                print(f"  missed ({pair.kind}): {pair.claim}\n    {pair.passage!r}")
            for pair, reason in figures.wrong:
                print(f"  wrong ({reason}): {pair.claim}\n    {pair.passage!r}")


if __name__ == "__main__":
    main()
