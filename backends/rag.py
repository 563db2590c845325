"""Kind `rag`: passages in the prompt, base weights."""

from backends.base import Backend, Profile
from backends.options import (
    ModelOptions,
    SupportOptions,
    chat_model,
    manner,
    passages,
    read,
)
from backends.prompted import Prompted
from backends.services import Services


class RagOptions(ModelOptions, SupportOptions):
    """Options of a `rag` profile."""


def create(profile: Profile, services: Services) -> Backend:
    """Raises BackendMisconfigured."""
    options = read(profile, RagOptions)
    model = chat_model(profile, options, services)
    return Prompted(
        model,
        passages(profile, options, services, model),
        manner(profile, options, services),
    )
