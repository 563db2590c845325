"""Kind `fine_tuned`: nothing in the prompt but the conversation, tuned weights."""

from backends.base import Backend, Profile
from backends.context import Nothing
from backends.options import (
    TunedOptions,
    chat_model,
    check_fingerprint,
    manner,
    read,
)
from backends.prompted import Prompted
from backends.services import Services


def create(profile: Profile, services: Services) -> Backend:
    """Raises BackendMisconfigured."""
    options = read(profile, TunedOptions)
    check_fingerprint(profile, options)
    return Prompted(
        chat_model(profile, options, services),
        Nothing(),
        manner(profile, options, services),
    )
