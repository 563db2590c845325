"""What goes wrong in Curbside, told apart by what can be done about it.

Our exception hierarchy:

    CurbsideError
      ConfigurationError      a setting is wrong: names the key, its source and the fix
      PluginError             an adapter or backend is unknown or does not load
      StateUnavailable        SQLite or Redis does not answer; trying again may help
      StateTooNew             the state was written by a newer version of Curbside
      ClaimLost               another worker has taken this conversation over
      NotAllowed              the person may not do that; the message is for them
      DeliveryError
        DeliveryUnclear       the write may have taken effect: look before writing again
        DeliveryLater         nothing was written; try again after .retry_after seconds
        DeliveryImpossible    a person must act first (permission, archived channel)
        MessageGone           the message to edit or remove is not there any more
      AttachmentUnreadable    a file cannot be fetched or read; the message is for them
"""


class CurbsideError(Exception):
    """Anything of ours. The message names the thing and the fix."""


class ConfigurationError(CurbsideError):
    """A setting is missing or wrong."""


class PluginError(CurbsideError):
    """An adapter, backend or command is unknown or does not load."""


class StateUnavailable(CurbsideError):
    """The state engine does not answer for now."""


class StateTooNew(CurbsideError):
    """The state was written by a newer version; update Curbside or restore a copy."""


class ClaimLost(CurbsideError):
    """This worker no longer owns the conversation: it must write nothing more."""


class NotAllowed(CurbsideError):
    """A person asked for what they may not do."""


class DeliveryError(CurbsideError):
    """A platform did not take what we sent."""


class DeliveryUnclear(DeliveryError):
    """The connection ended before the platform's reply: it may be there or not."""


class DeliveryLater(DeliveryError):
    """The platform wants us to slow down, or is down; nothing was written."""

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class DeliveryImpossible(DeliveryError):
    """The channel is gone, archived or closed to us; the message says who must act."""


class MessageGone(DeliveryError):
    """The message to edit or remove does not exist any more."""


class AttachmentUnreadable(CurbsideError):
    """A file that came with a question: too large, of no use to us, or not there."""
