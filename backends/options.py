"""The options of a profile's table: read, checked, and complained about by name."""

import difflib
import os
from dataclasses import replace
from datetime import date
from typing import Annotated, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    ValidationError,
)
from pydantic_core import ErrorDetails

from backends.base import BackendMisconfigured, Profile
from backends.chat_api import ChatModel
from backends.chat_types import Endpoint, Sampling, Timeouts
from backends.context import Passages
from backends.prompt import fingerprint
from backends.prompted import Manner
from backends.rewriting import ModelRewriter
from backends.services import Focus, Services
from backends.silence.calibration import file_of
from backends.silence.decision import Silence
from backends.support.watch import Policy


def _http(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    return url.rstrip("/")


class Options(BaseModel):
    """The base of all options: an unknown key is a typo, not a wish."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelOptions(Options):
    """Which model answers, and how it is asked."""

    model: str = Field("", description="Empty: the first that the server lists.")
    base_url: Annotated[str, AfterValidator(_http)] | None = Field(
        None, description="Its server; empty: that of `[model]`."
    )
    api_key_env: str | None = Field(
        None, description="The environment variable that holds the server's key."
    )
    system_prompt: str = Field("", description="Who the model is, in your words.")
    shutdown_date: date | None = Field(
        None,
        description="When its vendor turns it off, where the server does not tell; "
        "then `fallback` answers.",
    )
    temperature: float = Field(
        0.2, ge=0, le=2, description="0: always the likeliest word."
    )
    max_tokens: int = Field(800, ge=1, description="The longest answer.")
    images: bool = Field(
        False, description="The model looks at pictures that people attach."
    )
    prompt_tokens: int = Field(
        6_000, ge=500, description="The longest prompt; passages and turns give way."
    )
    connect_timeout: PositiveFloat = Field(3.0, description="Seconds to connect.")
    read_timeout: PositiveFloat = Field(
        20.0, description="Seconds of silence, before and in an answer."
    )
    total_timeout: PositiveFloat = Field(120.0, description="Seconds for all of it.")


class TunedOptions(ModelOptions):
    """A tuned model has a name, and likes the prompts that it was tuned on."""

    model: str = Field(min_length=1, description="The tuned model's name.")
    prompt_fingerprint: str = Field(
        "", description="Of the prompts it was tuned on; others are refused then."
    )


class PassageOptions(Options):
    """Where passages come from, and when they are too far from the question."""

    collection: str = Field(
        "", description="The documents; empty: those of the top-level `collection`."
    )
    passages: int = Field(6, ge=1, le=30, description="How many are looked at.")
    # Of 65 questions that the example handbook answers all pass, of 45 others 25: these
    # are left to the model, which reads the passages and may say that they do not help.
    abstain_below: float = Field(
        0.3,
        ge=0,
        le=1,
        description="With less support than this nothing is answered; left out, what"
        " `curbside calibrate` learned decides.",
    )
    abstain_text: str = Field("", description="What is said then, in your words.")


class FoundOptions(PassageOptions):
    """Which passages are preferred where several fit, and how they are searched."""

    prefer_labels: dict[str, float] = Field(
        default_factory=dict,
        description="By which share a label raises its passages, such as"
        " `{policy = 0.1}`.",
    )
    prefer_recent: float = Field(
        0.0,
        ge=0,
        le=1,
        description="By which share the date of today raises a document's passages;"
        " half of it a year later.",
    )
    rewrite: bool = Field(
        False,
        description="Let the model put a follow-up so that it stands alone, and search"
        " for that as well: one more request before the answer.",
    )
    full_context: bool = Field(
        False,
        description="Where all documents that a place may see fit into `prompt_tokens`,"
        " give them all to the model.",
    )


class SupportOptions(FoundOptions):
    """What becomes of statements that their passages do not support."""

    support: Policy = Field(
        Policy.MARK,
        description="A statement that the cited passage does not say is marked"
        ' (`"mark"`) or left out (`"drop"`), or the whole answer is held back'
        ' (`"refuse"`); `"off"`: nothing is checked.',
    )


WORD_TOKENS = 2.5  # of a prompt, by our estimate, that a word takes with its headings


O = TypeVar("O", bound=Options)  # noqa: E741


def place(profile: Profile) -> str:
    """The profile's table, as messages name it."""
    return f"[backends.{profile.name}]"


def read(profile: Profile, options: type[O]) -> O:
    """The checked options. Raises BackendMisconfigured with a line for each problem."""
    try:
        return options.model_validate(dict(profile.options))
    except ValidationError as error:
        problems = [_explain(problem, options) for problem in error.errors()]
        raise BackendMisconfigured(f"{place(profile)}: {'; '.join(problems)}") from None


def _explain(problem: ErrorDetails, options: type[Options]) -> str:
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "missing":
        return f"`{key}` is missing; set it"
    if problem["type"] != "extra_forbidden":
        said = problem["msg"].removeprefix("Value error, ")
        return f"`{key}` is wrong: {said}"
    if key == "api_key" and "api_key_env" in options.model_fields:
        return (
            "`api_key` does not belong into a file; put the key into an environment "
            'variable and name that: api_key_env = "NAME"'
        )
    close = difflib.get_close_matches(key, options.model_fields, n=1)
    known = ", ".join(sorted(options.model_fields))
    hint = f"did you mean `{close[0]}`?" if close else f"known are {known}"
    return f"`{key}` is unknown; {hint}"


def chat_model(
    profile: Profile, options: ModelOptions, services: Services
) -> ChatModel:
    """The profile's model; what it leaves open comes from the program's defaults."""
    default = services.model
    base_url = options.base_url or default.base_url
    same = options.base_url in (None, (default.base_url or "").rstrip("/"))
    # A key is for its own server: another one must not get to see it.
    key = default.api_key if same else None
    if options.api_key_env:
        key = os.environ.get(options.api_key_env)
        if not key:
            raise BackendMisconfigured(
                f"{place(profile)}: `api_key_env` names {options.api_key_env}, "
                "which is not set in the environment; set it"
            )
    if base_url is None and not key:
        raise BackendMisconfigured(
            f"{place(profile)}: no model server is known; set `base_url` here or under "
            '[model], such as base_url = "http://127.0.0.1:8000/v1", or a key for '
            "api.openai.com"
        )
    model = options.model or (default.model if same else None) or ""
    endpoint = Endpoint(base_url, key, model, place(profile), options.shutdown_date)
    timeouts = Timeouts(
        options.connect_timeout, options.read_timeout, options.total_timeout
    )
    return ChatModel(endpoint, timeouts)


def manner(profile: Profile, options: ModelOptions, services: Services) -> Manner:
    """How the profile wants its model to be asked."""
    asked = Manner(
        system=options.system_prompt,
        sampling=Sampling(options.max_tokens, options.temperature),
        prompt_tokens=options.prompt_tokens,
        history_tokens=profile.memory_tokens,
        images=options.images,
    )
    if isinstance(options, SupportOptions):
        asked = replace(asked, support=options.support)
    if isinstance(options, PassageOptions):
        return replace(
            asked,
            silence=silence(profile, options, services),
            abstain_text=options.abstain_text,
            contacts=services.contacts,
        )
    return asked


def silence(profile: Profile, options: PassageOptions, services: Services) -> Silence:
    """When the profile does not answer; what the profile's table says comes first."""
    if "abstain_below" in options.model_fields_set:
        return Silence(options.abstain_below)
    learned = file_of(services.data_dir, profile.name)
    collection = options.collection or services.collection
    return Silence(options.abstain_below, learned, collection)


def passages(
    profile: Profile, options: FoundOptions, services: Services, model: ChatModel
) -> Passages:
    """Where the profile's passages come from."""
    room = 0
    if options.full_context and isinstance(options, ModelOptions):
        room = int((options.prompt_tokens - profile.memory_tokens) / WORD_TOKENS)
    return Passages(
        services,
        options.collection,
        options.passages,
        Focus(
            labels=options.prefer_labels,
            recent=options.prefer_recent,
            whole=max(0, room),
        ),
        ModelRewriter(model) if options.rewrite else None,
    )


def check_fingerprint(profile: Profile, options: TunedOptions) -> None:
    """Raises BackendMisconfigured when a model was tuned on other prompts than ours."""
    tuned_on, ours = options.prompt_fingerprint, fingerprint(options.system_prompt)
    if tuned_on and tuned_on != ours:
        raise BackendMisconfigured(
            f"{place(profile)}: {options.model} was tuned on prompts {tuned_on}, but "
            f"prompts are {ours} by now; restore its `system_prompt`, or tune it anew "
            "and correct `prompt_fingerprint`"
        )
