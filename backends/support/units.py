"""Units and how they convert: what is said of two hours is said of 120 minutes."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unit:
    """What it measures; values compare when multiplied by `factor`, plus `offset`."""

    dimension: str
    factor: float = 1.0
    offset: float = 0.0


# Names that differ by case alone are few enough to be told apart by their company.
TABLE: Mapping[str, Mapping[float, str]] = {
    "time": {
        0.001: "ms millisecond milliseconds",
        1: "s sec secs second seconds sekunde sekunden",
        60: "min mins minute minutes minuten",
        3_600: "h hr hrs hour hours stunde stunden heure heures hora horas",
        86_400: "d day days tag tage tagen jour jours día días",
        604_800: "wk wks week weeks woche wochen semaine semaines semana semanas",
        1_209_600: "fortnight fortnights",
    },
    "calendar": {
        1: "month months monat monate monaten mois mes meses",
        3: "quarter quarters",
        12: "year years yr yrs yo jahr jahre jahren an ans année années año años",
    },
    "mass": {
        1e-9: "ng",
        1e-6: "µg μg mcg ug microgram micrograms",
        1e-3: "mg milligram milligrams milligramme milligrammes",
        1: "g gram grams gramme grammes",
        1e3: "kg kgs kilo kilos kilogram kilograms kilogramm",
        1e6: "t ton tons tonne tonnes",
        453.592: "lb lbs",
        28.3495: "oz ounce ounces",
    },
    "volume": {
        1e-6: "µl μl ul",
        1e-3: "ml millilitre millilitres milliliter milliliters",
        1e-2: "cl",
        1e-1: "dl",
        1: "l litre litres liter liters",
        3.78541: "gallon gallons gal",
        0.568: "pint pints",
    },
    "length": {
        1e-6: "µm μm",
        1e-3: "mm millimetre millimetres millimeter millimeters",
        1e-2: "cm centimetre centimetres centimeter centimeters",
        1: "m metre metres meter meters",
        1e3: "km kilometre kilometres kilometer kilometers",
        1609.344: "mile miles mi",
        0.3048: "ft foot feet",
        0.0254: "inch inches",
        0.9144: "yard yards yd",
    },
    "data": {
        1: "b byte bytes",
        1e3: "kb kilobyte kilobytes",
        1e6: "mb megabyte megabytes",
        1e9: "gb gigabyte gigabytes gig gigs",
        1e12: "tb terabyte terabytes",
        1e15: "pb petabyte petabytes",
        2**10: "kib",
        2**20: "mib",
        2**30: "gib",
        2**40: "tib",
    },
    "bits": {
        1: "bit bits",
        1e3: "kbit kbps kbit/s",
        1e6: "mbit mbps mbit/s megabit megabits",
        1e9: "gbit gbps gbit/s gigabit gigabits",
    },
    "frequency": {1: "hz hertz", 1e3: "khz", 1e6: "mhz", 1e9: "ghz"},
    "power": {1e-3: "mw milliwatt", 1: "w watt watts", 1e3: "kw kilowatt kilowatts"},
    "energy": {1: "wh", 1e3: "kwh", 1e6: "mwh", 1.163: "kcal", 0.2778: "kj"},
    "tension": {1e-3: "mv", 1: "v volt volts", 1e3: "kv"},
    "current": {1e-3: "ma milliamp milliamps", 1: "amp amps ampere amperes"},
    "pressure": {1: "pa", 1e3: "kpa", 1e5: "bar", 100: "mbar hpa", 133.322: "mmhg",
                 6894.76: "psi"},
    "substance": {1e-6: "µmol μmol umol", 1e-3: "mmol", 1: "mol"},
    "activity": {1: "iu ie", 1e3: "kiu"},
    "pixels": {1: "px pixel pixels", 1e6: "megapixel megapixels"},
    "part": {
        1: "% percent percentage pct prozent pourcent",
        0.1: "‰ permille",
    },
    "dollars": {1: "$ usd dollar dollars us$ bucks", 0.01: "¢ cent cents"},
    "euros": {1: "€ eur euro euros"},
    "pounds": {1: "£ gbp pound pounds quid", 0.01: "pence penny"},
    "yen": {1: "¥ jpy yen"},
    "francs": {1: "chf franc francs franken"},
    "kronor": {1: "kr sek nok dkk"},
    "rupees": {1: "₹ inr rupee rupees"},
    "storeys": {1: "floor floors storey storeys story stories"},
    "tablets": {1: "tablet tablets pill pills"},
    "capsules": {1: "capsule capsules"},
    "drops": {1: "drop drops"},
    "puffs": {1: "puff puffs inhalation inhalations"},
    "spoons": {1: "teaspoon teaspoons tsp", 3: "tablespoon tablespoons tbsp"},
    "dpi": {1: "dpi"},
    "beats": {1: "bpm"},
    "turns": {1: "rpm"},
}  # fmt: skip

UNITS: Mapping[str, Unit] = {
    name: Unit(dimension, factor)
    for dimension, rows in TABLE.items()
    for factor, names in rows.items()
    for name in names.split()
} | {
    "°c": Unit("temperature"),
    "celsius": Unit("temperature"),
    "centigrade": Unit("temperature"),
    "°f": Unit("temperature", 5 / 9, -160 / 9),
    "fahrenheit": Unit("temperature", 5 / 9, -160 / 9),
}

LONE_LETTERS = frozenset("s h d g t l m b w v")
"""They are units only right after a number, in lower case (but for B, W and V)."""

BEFORE_NUMBER = frozenset(
    ["$", "€", "£", "¥", "₹", "us$", "usd", "eur", "gbp", "chf", "jpy", "inr", "kr"]
)

RATES: Mapping[str, str] = {
    "hourly": "hour",
    "daily": "day",
    "nightly": "day",
    "weekly": "week",
    "fortnightly": "fortnight",
    "monthly": "month",
    "quarterly": "quarter",
    "yearly": "year",
    "annually": "year",
    "annual": "year",
    "annum": "year",
}


def unit(word: str) -> Unit | None:
    """The unit of that name."""
    word = word.replace(" ", "")
    if len(word) == 1 and word.isalpha() and word.lower() in LONE_LETTERS:
        wanted = word.upper() if word.lower() in "bwv" else word.lower()
        return UNITS[word.lower()] if word == wanted or word == "L" else None
    return UNITS.get(word.lower())
