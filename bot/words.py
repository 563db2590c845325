"""The bot's own words, in one place."""

WORDS = {
    "empty_question": "I got an empty message. What would you like to know?",
    "only_attachments": (
        "I cannot read attachments yet ({names}). Put the question into words, please."
    ),
    "attachments_unread": "I did not read the attachment ({names}).",
    "too_long": (
        "That message has {length:,} characters; I take up to {limit:,}. "
        "Please shorten it, or ask about one part."
    ),
    "please_wait": (
        "I still have {limit} questions from this conversation to answer. "
        "Please wait a moment, then ask this again."
    ),
    "trying_again": "That did not work; I am trying again.",
    "apology": (
        "I am sorry, I could not answer this. It has been noted, and nothing is lost: "
        "an admin can look into it. Please ask again later."
    ),
    "backend_down": (
        "I cannot answer right now: what answers here is not available. "
        "Please ask again in a few minutes."
    ),
    "refused": "I cannot answer that one: the model declined it.",
    "misconfigured": (
        "I cannot answer here: my set-up needs an admin's attention (see `status`)."
    ),
    "stopped": "Stopped.",
    "stood_in": "Answered by {stand_in}, because {profile} is not available right now.",
    "cut_short": "The answer was cut at the model's length limit.",
    "not_operator": (
        "The default of all workspaces is changed by those whom the setting `admins` "
        "names. `use NAME workspace` changes what answers in this one."
    ),
    "not_admin": (
        "Sorry, only admins may change what answers here. `whoami` shows how I see you."
    ),
    "unknown_profile": "There is no backend named {name}. Known: {known}.",
    "switched_before": (
        "This message has made that switch before, and another came after it. "
        "Say it in a new message, please."
    ),
    "nothing_to_undo": "There is no change to undo here.",
    "memory_down": "I cannot see what we said before right now, so I answered without.",
}


def say(key: str, **values: object) -> str:
    """The words for `key`, with the values put in."""
    return WORDS[key].format(**values)
