"""Kind `rag`: passages in the prompt, base weights."""

from backends.base import Backend, Profile
from backends.context import Passages
from backends.options import ModelOptions, SupportOptions, chat_model, manner, read
from backends.prompted import Prompted
from backends.services import Services


class RagOptions(ModelOptions, SupportOptions):
    """Options of a `rag` profile."""


def create(profile: Profile, services: Services) -> Backend:
    """Raises BackendMisconfigured."""
    options = read(profile, RagOptions)
    return Prompted(
        chat_model(profile, options, services),
        Passages(services, options.collection, options.passages),
        manner(profile, options, services),
    )
