"""Whether a model would answer now, and how long it will be there."""

import asyncio
from datetime import date

from backends.base import BackendError, BackendMisconfigured, Health
from backends.chat_api import ChatModel
from backends.chat_types import ModelInfo, Sampling
from backends.prompt import Message

SECONDS = 2.5
SOON = 60  # days before a model's end from which its health names the date


async def model_health(model: ChatModel) -> Health:
    """Never raises; takes `SECONDS` at most."""
    configured = model.endpoint.model
    try:
        async with asyncio.timeout(SECONDS):
            name = configured or await model.name()
            known = await _listed(model, name)
            if known is None:
                # Gateways do not list everything: only a question tells.
                await model.complete([Message("user", "ping")], Sampling(max_tokens=1))
    except TimeoutError:
        detail = f"{model.endpoint.server} did not answer within {SECONDS:g} s"
        return Health(ok=False, detail=detail, model=configured)
    except BackendError as error:
        return Health(ok=False, detail=str(error), model=configured)
    told = known.shutdown_date if known else None
    return lifetime(name, told or model.endpoint.shutdown_date, date.today())


async def _listed(model: ChatModel, name: str) -> ModelInfo | None:
    try:
        listed = await model.models()
    except BackendMisconfigured:  # there may be a chat API without a list of models
        return None
    return next((known for known in listed if known.id == name), None)


def lifetime(model: str, shutdown: date | None, today: date) -> Health:
    """A model that is gone is not healthy; one that soon will be says when."""
    if shutdown is None:
        return Health(ok=True, model=model)
    days = (shutdown - today).days
    if days <= 0:
        detail = f"{model} was shut down on {shutdown}; choose another `model`"
        return Health(ok=False, detail=detail, model=model, shutdown_date=shutdown)
    detail = f"{model} will be shut down on {shutdown}" if days <= SOON else ""
    return Health(ok=True, detail=detail, model=model, shutdown_date=shutdown)
