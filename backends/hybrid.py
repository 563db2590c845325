"""Kind `hybrid`: passages in the prompt, tuned weights.

Tune the model on prompts with passages: one that never saw any is hurt by them.
"""

from backends.base import Backend, Profile
from backends.context import Passages
from backends.options import (
    SupportOptions,
    TunedOptions,
    chat_model,
    check_fingerprint,
    manner,
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
    return Prompted(
        chat_model(profile, options, services),
        Passages(services, options.collection, options.passages),
        manner(profile, options, services),
    )
