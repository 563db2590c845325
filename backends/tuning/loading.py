"""Loads adapters into a model server that runs, by the calls of vLLM.

vLLM takes them when it was started with --enable-lora and
VLLM_ALLOW_RUNTIME_LORA_UPDATING=True; our own small server always does. The folder is
read by the server: it must lie where that can see it.
"""

import aiohttp

from backends.tuning.run import TrainingError

TIMEOUT = aiohttp.ClientTimeout(total=120, sock_connect=5)


async def load_adapter(base_url: str, name: str, folder: str) -> None:
    """Have the server at `base_url` (ending in /v1) serve an adapter under a name.

    One that is there already is replaced. Raises TrainingError.
    """
    body = {"lora_name": name, "lora_path": folder}
    status, said = await _post(base_url, "load_lora_adapter", body)
    if status == 400 and "already" in said:
        await _post(base_url, "unload_lora_adapter", {"lora_name": name})
        status, said = await _post(base_url, "load_lora_adapter", body)
    if status == 404:
        raise TrainingError(
            f"the server at {base_url} loads no adapters while it runs; start vLLM "
            "with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True, or give the "
            f"adapter at its start and deploy with --no-load (--lora-modules {name}="
            f"{folder})"
        )
    if status != 200:
        raise TrainingError(f"the server at {base_url} did not load {folder}: {said}")


async def unload_adapter(base_url: str, name: str) -> None:
    """Take an adapter off the server; one that is not there is no error."""
    await _post(base_url, "unload_lora_adapter", {"lora_name": name})


async def _post(base_url: str, call: str, body: dict[str, str]) -> tuple[int, str]:
    url = f"{base_url.rstrip('/')}/{call}"
    try:
        async with (
            aiohttp.ClientSession(timeout=TIMEOUT) as session,
            session.post(url, json=body) as reply,
        ):
            return reply.status, (await reply.text())[:300]
    except (aiohttp.ClientError, TimeoutError) as error:
        raise TrainingError(
            f"the model server at {base_url} does not answer ({error!r}); start it"
        ) from error
