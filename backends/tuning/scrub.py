"""Takes personal data and secrets out of texts, before they are stored or sent.

Found by their form: addresses, numbers, keys, ids of the chat platforms, and the names
of a roster. Names that are on no roster need the `Names` of an entity recogniser
(`backends.tuning.names`, extra `[pii]`). This is no anonymisation: a person still
reads each example.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

VERSION = "1"

Names = Callable[[str], Iterable[str]]
"""Finds names of people in a text."""

MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mär|mai|okt|dez"
DATE = (
    r"(?:\d{1,2}[./-]\d{1,2}[./-](?:19|20)\d\d|(?:19|20)\d\d-\d{2}-\d{2}"
    rf"|\d{{1,2}}\.?\s(?:{MONTHS})\w*\.?,?\s(?:19|20)\d\d"
    rf"|(?:{MONTHS})\w*\.?\s\d{{1,2}}(?:st|nd|rd|th)?,?\s(?:19|20)\d\d)"
)

# In this order: what is found first is not looked at again.
PATTERNS: tuple[tuple[str, str], ...] = (
    (
        "KEY",
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*-----|\Z)",
    ),
    (
        "KEY",
        r"\b(?:xox[abeoprs]-[\w-]{8,}|xapp-[\w-]{8,}|sk-[\w-]{16,}|gh[pousr]_\w{16,}"
        r"|github_pat_\w{16,}|glpat-[\w-]{16,}|AKIA[0-9A-Z]{16}|AIza[\w-]{30,}"
        r"|hf_\w{16,}|[sr]k_(?:live|test)_\w{10,}"
        r"|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}"
        r"|[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,})",
    ),
    (
        "KEY",
        r"(?i)\b(?:password|passwort|passwd|pwd|secret|token|api[ _-]?key)"
        r"\s*(?:[:=]|(?:is|ist)(?=\s+[\"']?\S*\d))\s*[\"']?(?P<value>[^\s\"',;]{6,})",
    ),
    ("EMAIL", r"\b[\w.+%-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}\b"),
    ("PERSON", r"<@[!&]?[UW]?[0-9A-Z]{6,}(?:\|[^>]*)?>"),
    ("CHANNEL", r"<#[0-9A-Z]{6,}(?:\|[^>]*)?>"),
    ("PERSON", r"\b[UW](?=[0-9A-Z]*\d)[0-9A-Z]{8,11}\b"),
    ("PERSON", r"(?<![\w.])\d{17,20}(?![\w.])"),
    ("IBAN", r"\b[A-Z]{2}\d{2}(?:[ ]?[0-9A-Z]{4}){3,7}(?:[ ]?[0-9A-Z]{1,3})?\b"),
    ("CARD", r"(?<![\w.-])(?:\d[ -]?){12,18}\d(?![\w-])"),
    (
        "RECORD",
        r"(?i)\b(?:mrn|medical record|record|patient|chart|case|member|policy|insurance"
        r"|patientennummer|fallnummer|versichertennummer)"
        r"[ \t]*(?:no\.?|nr\.?|number|nummer|id|#)?[ \t]*(?:[:#=]|is|ist)?[ \t]*"
        r"(?P<value>(?=[A-Z-]*\d)[A-Z]{0,4}-?\d[\d-]{3,}\d)\b",
    ),
    ("SSN", r"\b(?!000|666)\d{3}-\d{2}-\d{4}\b"),
    (
        "BIRTH",
        rf"(?i)\b(?:dob|d\.o\.b\.|date of birth|birth ?date|born(?: on)?|geb(?:oren)?"
        rf"\.?(?: am)?|geburtsdatum)\s*[:=]?\s*(?P<value>{DATE})",
    ),
    (
        "IP",
        r"(?<![\w.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w.])",
    ),
    (
        "ADDRESS",
        r"\b\d{1,5}[A-Za-z]?\s(?:[A-Z][\w'.-]+\s){1,3}(?:Street|St|Avenue|Ave|Road|Rd"
        r"|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Way|Place|Pl|Square|Sq)\b\.?",
    ),
    (
        "ADDRESS",
        r"\b[A-ZÄÖÜ][\wäöüß-]*(?:straße|strasse|str\.|weg|allee|gasse|platz)\s"
        r"\d{1,4}[a-z]?\b",
    ),
    (
        "PHONE",
        r"(?<![\w./-])(?:\+|00)\d{1,3}[ ./-]?"
        r"(?:\(?\d{1,5}\)?[ ./-]?){2,5}\d{2,}(?![\w-])",
    ),
    ("PHONE", r"(?<![\w./-])\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?![\w-])"),
    ("PHONE", r"(?<![\w./-])0\d{2,4}[ /-]\d{3,}(?:[ -]?\d{2,})*(?![\w-])"),
)


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """The texts without what was found, in their order, and how often what was."""

    texts: tuple[str, ...]
    counts: dict[str, int]


@dataclass
class Scrubber:
    """Replaces what it finds by placeholders such as `[EMAIL_1]`.

    `roster` holds names of people, as the team knows them; `names` finds others.
    """

    roster: Sequence[str] = ()
    names: Names | None = None
    _patterns: list[tuple[str, re.Pattern[str]]] = field(init=False)

    def __post_init__(self) -> None:
        self._patterns = [(kind, re.compile(text)) for kind, text in PATTERNS]
        if known := sorted({*self.roster} - {""}, key=len, reverse=True):
            either = "|".join(map(re.escape, known))
            self._patterns.append(("NAME", re.compile(rf"(?<!\w)(?:{either})(?!\w)")))

    @property
    def version(self) -> str:
        """Changes with what is looked for."""
        return f"{VERSION}+names" if self.names else VERSION

    def scrub(self, texts: Sequence[str]) -> Scrubbed:
        """The texts of one conversation: the same value has one placeholder in all."""
        known: dict[tuple[str, str], str] = {}
        counts: dict[str, int] = {}
        clean = tuple(self._clean(text, known, counts) for text in texts)
        return Scrubbed(clean, counts)

    def _clean(
        self, text: str, known: dict[tuple[str, str], str], counts: dict[str, int]
    ) -> str:
        def placeholder(kind: str, value: str) -> str:
            counts[kind] = counts.get(kind, 0) + 1
            key = (kind, " ".join(value.split()).casefold())
            if key not in known:
                number = sum(name == kind for name, _ in known) + 1
                known[key] = f"[{kind}_{number}]"
            return known[key]

        kind = ""

        def replaced(found: re.Match[str]) -> str:
            whole, value = found[0], found.groupdict().get("value")
            if kind == "CARD" and not _luhn(whole):
                return whole
            if value is None:
                return placeholder(kind, whole)
            at = found.start("value") - found.start()
            return whole[:at] + placeholder(kind, value) + whole[at + len(value) :]

        for name, pattern in self._patterns:
            kind = name
            text = pattern.sub(replaced, text)
        for person in sorted(set(self.names(text)) if self.names else (), key=len):
            named = re.compile(rf"(?<!\w){re.escape(person)}(?!\w)")
            text = named.sub(lambda found: placeholder("NAME", found[0]), text)
        return text


def _luhn(text: str) -> bool:
    """Whether the digits are a card's: 13 to 19 of them with the right check digit."""
    digits = [int(char) for char in text if char.isdigit()]
    if not 13 <= len(digits) <= 19 or len(set(digits)) == 1:
        return False
    doubled = [2 * digit for digit in digits[-2::-2]]
    total = sum(digits[-1::-2]) + sum(digit // 10 + digit % 10 for digit in doubled)
    return total % 10 == 0
