"""Names of people, found by an entity recogniser: the extra `[pii]`.

Presidio with a spaCy model that the user installs; nothing is fetched from here.
"""

from collections.abc import Iterable

from backends.base import BackendMisconfigured
from backends.tuning.scrub import Names

MODEL = "en_core_web_lg"
SURE = 0.6


def find_names(model: str = MODEL) -> Names:
    """A finder of names. Raises BackendMisconfigured, which says what to install."""
    try:
        from presidio_analyzer import AnalyzerEngine
        from presidio_analyzer.nlp_engine import NlpEngineProvider
        from spacy.util import is_package
    except ImportError as error:
        raise BackendMisconfigured(
            '`find_names` needs the extra [pii]: pip install "curbside[pii]"'
        ) from error
    if not is_package(model):
        # Presidio would try to fetch it by itself.
        raise BackendMisconfigured(
            f"`find_names` needs spaCy's model: python -m spacy download {model}"
        )
    provider = NlpEngineProvider(
        nlp_configuration={
            "nlp_engine_name": "spacy",
            "models": [{"lang_code": "en", "model_name": model}],
        }
    )
    analyzer = AnalyzerEngine(nlp_engine=provider.create_engine())

    def names(text: str) -> Iterable[str]:
        found = analyzer.analyze(text, language="en", entities=["PERSON"])
        return {text[each.start : each.end] for each in found if each.score >= SURE}

    return names
