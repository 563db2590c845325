"""Kind `hybrid`: passages in the prompt, tuned weights.

Tune the model on prompts with passages: one that never saw any is hurt by them.
"""

from backends.base import Backend, Profile
from backends.options import (
    SupportOptions,
    TunedOptions,
    chat_model,
    check_fingerprint,
    manner,
    passages,
    read,
)
from backends.prompted import Prompted
from backends.services import Services


class HybridOptions(TunedOptions, SupportOptions):
    """Options of a `hybrid` profile."""


def create(profile: Profile, services: Services) -> Backend:
    """Raises BackendMisconfigured."""
    options = read(profile, HybridOptions)
    check_fingerprint(profile, options)
    model = chat_model(profile, options, services)
    return Prompted(
        model,
        passages(profile, options, services, model),
        manner(profile, options, services),
    )
