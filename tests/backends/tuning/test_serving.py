"""The small server, as the real SDK sees it: a base and its adapters."""

import asyncio
import json
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import aiohttp
import openai
import pytest
from aiohttp import web

if not all(map(find_spec, ("torch", "peft"))):
    pytest.skip(
        'serving adapters needs the extra [train]: pip install -e ".[train]"',
        allow_module_level=True,
    )

from backends.tuning.generating import Generator
from backends.tuning.loading import load_adapter, unload_adapter
from backends.tuning.run import TrainingError
from backends.tuning.serving import Server

pytestmark = pytest.mark.filterwarnings("ignore")

QUESTION: Any = [{"role": "user", "content": "Whom do I ask about lost badges?"}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base, and two adapters for it that say something else."""
    import torch
    from peft import LoraConfig, get_peft_model
    from tiny_model import make_base
    from transformers import AutoModelForCausalLM

    root = tmp_path_factory.mktemp("models")
    make_base(root / "base", texts=["lost badges"])
    for seed, name in enumerate(("one", "two")):
        torch.manual_seed(seed)
        base = AutoModelForCausalLM.from_pretrained(root / "base")
        lora = LoraConfig(target_modules="all-linear", init_lora_weights=False)
        get_peft_model(base, lora).save_pretrained(root / name)
    return root


@pytest.fixture
async def url(folder: Path) -> AsyncIterator[str]:
    generator = Generator(str(folder / "base"))
    await asyncio.to_thread(generator.load)
    runner = web.AppRunner(Server(generator).app(), shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    await runner.cleanup()


async def said(url: str, model: str) -> str:
    async with openai.AsyncOpenAI(base_url=url, api_key="none") as client:
        answer = await client.chat.completions.create(
            model=model, messages=QUESTION, max_tokens=8, temperature=0
        )
    assert answer.usage is not None
    assert answer.usage.completion_tokens <= 8
    return answer.choices[0].message.content or ""


async def test_each_adapter_answers_in_its_own_way(url: str, folder: Path) -> None:
    await load_adapter(url, "one", str(folder / "one"))
    await load_adapter(url, "two", str(folder / "two"))
    answers = [await said(url, name) for name in ("base", "one", "two")]
    assert len(set(answers)) == 3
    assert [await said(url, name) for name in ("two", "one", "base")] == answers[::-1]


async def test_without_its_adapters_the_base_is_as_it_was(
    url: str, folder: Path
) -> None:
    before = await said(url, "base")
    await load_adapter(url, "one", str(folder / "one"))
    await unload_adapter(url, "one")
    assert await said(url, "base") == before
    with pytest.raises(openai.NotFoundError, match="loaded: base"):
        await said(url, "one")


async def test_an_adapter_of_that_name_is_replaced(url: str, folder: Path) -> None:
    await load_adapter(url, "house", str(folder / "one"))
    first = await said(url, "house")
    await load_adapter(url, "house", str(folder / "two"))
    assert await said(url, "house") != first


async def test_a_stream_says_the_same_in_pieces(url: str) -> None:
    whole = await said(url, "base")
    async with openai.AsyncOpenAI(base_url=url, api_key="none") as client:
        stream = await client.chat.completions.create(
            model="base",
            messages=QUESTION,
            max_tokens=8,
            temperature=0,
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]
    pieces = [c.choices[0].delta.content or "" for c in chunks if c.choices]
    assert "".join(pieces) == whole
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "length"
    assert chunks[-1].usage is not None


async def test_a_client_that_leaves_stops_the_model(url: str) -> None:
    async with openai.AsyncOpenAI(base_url=url, api_key="none") as client:
        stream = await client.chat.completions.create(
            model="base", messages=QUESTION, max_tokens=1_000, stream=True
        )
        async for _ in stream:
            break
        await stream.close()
    async with asyncio.timeout(5):
        await said(url, "base")


async def test_an_adapter_of_another_base_is_refused(
    url: str, folder: Path, tmp_path: Path
) -> None:
    config = json.loads((folder / "one" / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = "somebody/else-7b"
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    with pytest.raises(TrainingError, match="somebody/else-7b"):
        await load_adapter(url, "other", str(tmp_path))


async def test_what_is_no_adapter_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="holds no adapter"):
        await load_adapter(url, "none", str(tmp_path))


@pytest.mark.parametrize(
    "body",
    [{}, {"model": "base"}, {"model": "base", "messages": [{"role": "user"}]}],
)
async def test_a_wrong_request_is_named(url: str, body: dict[str, Any]) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/chat/completions", json=body) as reply,
    ):
        assert reply.status == 400
        assert "the request is wrong" in await reply.text()


async def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(TrainingError, match="does not answer"):
        await load_adapter("http://127.0.0.1:9/v1", "x", "y")
