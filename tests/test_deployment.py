"""What the compose file, the image and the set-up scripts say holds: it is run here."""

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from servers.program import Program, until
from servers.redis import RedisServer
from servers.slack import APP_TOKEN, BOT_TOKEN, SlackServer

from bot.cli.reference import adapter_sections
from bot.cli.terminal import Exit
from bot.configuration import CONFIG_VARIABLE, ENV_PREFIX, variable_names
from bot.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load(
    (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("bot", "worker")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")

# Read by others than Curbside: the model server, and every OpenAI client.
FOREIGN = {"HF_TOKEN", "OPENAI_API_KEY", "VLLM_ARGUMENTS"}


def explained() -> list[str]:
    """The variables of `.env.example`."""
    return re.findall(r"^([A-Z_0-9]+)=", EXAMPLE, re.MULTILINE)


def known() -> set[str]:
    """The variables that some settings of ours are read from."""
    names = {CONFIG_VARIABLE, *variable_names(Settings, ENV_PREFIX)}
    for section in adapter_sections():
        names |= set(variable_names(section, f"{ENV_PREFIX}{section.table}_"))
    return names


def seconds(text: str) -> float:
    number, unit = re.fullmatch(r"(\d+)([smh])", text).groups()  # type: ignore[union-attr]
    return float(number) * {"s": 1, "m": 60, "h": 3600}[unit]


# --- the compose file -----------------------------------------------------------------


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_restarted_and_its_health_is_watched(name: str) -> None:
    service = SERVICES[name]

    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_published_to_this_machine_alone(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert port.startswith("127.0.0.1:")


@pytest.mark.parametrize("name", SERVICES)
def test_a_foreign_image_has_a_version(name: str) -> None:
    service = SERVICES[name]

    assert "build" in service or re.search(r":v?\d+\.\d+", service["image"])


@pytest.mark.parametrize("name", OURS)
def test_ours_wait_for_their_engines(name: str) -> None:
    service = SERVICES[name]

    assert {
        engine: how["condition"] for engine, how in service["depends_on"].items()
    } == {"redis": "service_healthy", "qdrant": "service_healthy"}
    # Several of a service are only possible without a fixed name and published ports.
    assert "container_name" not in service
    assert "ports" not in service


def test_every_volume_is_declared() -> None:
    mounts = [each for service in SERVICES.values() for each in service["volumes"]]
    named = {each.split(":")[0] for each in mounts if each[0] not in "./"}

    assert named == set(COMPOSE["volumes"])


def test_answers_may_end_before_a_container_is_killed() -> None:
    grace = seconds(COMPOSE["x-curbside"]["stop_grace_period"])

    assert (
        grace
        >= Settings.model_fields["worker"]
        .get_default(call_default_factory=True)
        .drain_seconds
        + 5
    )


def test_the_qdrant_server_fits_our_client() -> None:
    server = re.search(r":v(\d+\.\d+)", SERVICES["qdrant"]["image"])
    pins = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    client = re.search(r"^qdrant-client==(\d+\.\d+)", pins, re.MULTILINE)

    assert server
    assert client
    assert server[1] == client[1]


def test_the_model_server_is_on_demand_and_gets_the_gpu() -> None:
    model = SERVICES["model"]
    devices = model["deploy"]["resources"]["reservations"]["devices"]

    assert model["profiles"] == ["model"]
    assert devices == [{"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}]
    assert "--enable-lora" in model["command"].split()


@pytest.mark.skipif(
    subprocess.run(
        ["docker", "compose", "version"], capture_output=True, check=False
    ).returncode
    != 0
    if shutil.which("docker")
    else True,
    reason="docker compose is not installed",
)
def test_docker_takes_the_file() -> None:
    subprocess.run(
        ["docker", "compose", "--profile", "model", "config", "--quiet"],
        cwd=ROOT,
        check=True,
    )


# --- variables ------------------------------------------------------------------------


def test_every_variable_of_the_compose_file_is_explained() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    used = set(re.findall(r"(?<!\$)\$\{(\w+)", text))
    used |= {
        name
        for service in SERVICES.values()
        for name in service.get("environment", {})
        if name.startswith(ENV_PREFIX)
    }

    assert used <= set(explained())


def test_every_explained_variable_is_read() -> None:
    assert set(explained()) - FOREIGN <= known()


def test_every_variable_in_the_documents_is_read() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "Dockerfile"]
    for document in pages:
        text = document.read_text(encoding="utf-8")
        for name in re.findall(r"\bCURBSIDE_[A-Z_]*[A-Z]\b", text):
            wrong_on_purpose = name in {"CURBSIDE_T_K", "CURBSIDE_REDIS_ULR"}
            assert wrong_on_purpose or name in known(), f"{document.name}: {name}"


def test_every_variable_has_a_comment_and_no_value() -> None:
    lines = EXAMPLE.splitlines()
    for number, line in enumerate(lines):
        if line and not line.startswith("#"):
            assert line.endswith("="), line
            above = lines[number - 1]
            assert above.startswith("#") or above.endswith("="), line


def test_the_example_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(os.environ):
        if name.startswith(ENV_PREFIX) or name in FOREIGN:
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    before = load_settings(frozenset({"slack", "discord"}))
    (tmp_path / ".env").write_text(EXAMPLE, encoding="utf-8")

    assert load_settings(frozenset({"slack", "discord"})) == before


# --- what the services run ------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def composed_redis(redis_server: RedisServer, tmp_path: Path) -> Iterator[int]:
    """Redis with the very arguments of the compose file; its port."""
    binary, *arguments = SERVICES["redis"]["command"]
    port = free_port()
    place = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(tmp_path)]
    process = subprocess.Popen([binary, *arguments, *place], stdout=subprocess.DEVNULL)
    yield port
    process.terminate()
    process.wait()


async def healthy(service: str, port: int, environment: Mapping[str, str] = {}) -> bool:
    """Whether a service's own health check passes, against a port of ours."""
    command = [*SERVICES[service]["healthcheck"]["test"][1:]]
    for standard in ("6333", "8000"):
        command = [part.replace(standard, str(port)) for part in command]
    if command[0] == "redis-cli":
        command[1:1] = ["-p", str(port)]
    if command[0] in ("curbside", "python3"):
        folder = Path(sys.executable).parent
        command[0] = str(folder / command[0].replace("python3", "python"))
    check = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    async with asyncio.timeout(seconds(SERVICES[service]["healthcheck"]["timeout"])):
        return await check.wait() == 0


async def test_redis_keeps_what_was_acknowledged(composed_redis: int) -> None:
    async def answers() -> bool:
        return await healthy("redis", composed_redis)

    await until(answers, what="redis")
    reader, writer = await asyncio.open_connection("127.0.0.1", composed_redis)
    for key, value in {
        "appendonly": "yes",
        "appendfsync": "always",
        "maxmemory-policy": "noeviction",
    }.items():
        writer.write(f"CONFIG GET {key}\r\n".encode())
        reply = b"".join([await reader.readline() for _ in range(5)]).decode()
        assert reply.split("\r\n")[4] == value
    writer.close()


@pytest.mark.skipif(shutil.which("redis-cli") is None, reason="redis-cli is missing")
async def test_the_health_of_a_redis_that_is_down() -> None:
    assert not await healthy("redis", free_port())


@asynccontextmanager
async def answering(path: str, status: int) -> AsyncIterator[int]:
    """A server that answers one path with a status; its port."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status if request.path == path else 404)

    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield port
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("service", "path"), [("qdrant", "/readyz"), ("model", "/health")]
)
@pytest.mark.parametrize("status", [200, 503])
async def test_the_health_of_an_engine(service: str, path: str, status: int) -> None:
    async with answering(path, status) as port:
        assert await healthy(service, port) == (status == 200)

    assert not await healthy(service, port)


@pytest.mark.parametrize(
    ("service", "number", "code"),
    [
        ("bot", signal.SIGTERM, Exit.OK),
        ("bot", signal.SIGINT, Exit.INTERRUPTED),
        ("worker", signal.SIGTERM, Exit.OK),
    ],
)
async def test_ours_start_are_healthy_and_stop(
    service: str,
    number: signal.Signals,
    code: Exit,
    redis_server: RedisServer,
    tmp_path: Path,
) -> None:
    slack = SlackServer()
    await slack.start()
    environment = {
        "CURBSIDE_SLACK_BOT_TOKEN": BOT_TOKEN,
        "CURBSIDE_SLACK_APP_TOKEN": APP_TOKEN,
        "CURBSIDE_SLACK_API_URL": slack.api_url,
        **COMPOSE["x-curbside"]["environment"],
        "CURBSIDE_DATA_DIR": str(tmp_path / "data"),
        "CURBSIDE_REDIS_URL": redis_server.url,
        "CURBSIDE_QDRANT_URL": f"http://127.0.0.1:{free_port()}",
    }
    program = Program(
        tmp_path, "", *SERVICES[service]["command"], environment=environment
    )
    await program.start()
    try:
        await until(
            lambda: "serving slack" in program.log, what="serving", program=program
        )
        listening = bool(slack.sockets.connections)
        if service == "bot":
            await until(lambda: bool(slack.sockets.connections), what="listening")
        else:
            assert not listening
        assert await healthy(service, 0, environment)

        await program.signal(number)
        assert await program.wait(20) == code, program.log
        assert "Traceback" not in program.log
    finally:
        await program.kill()
        await slack.stop()


async def test_ours_are_unhealthy_without_redis(tmp_path: Path) -> None:
    environment = {
        "CURBSIDE_DATA_DIR": str(tmp_path),
        "CURBSIDE_REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
    }

    assert not await healthy("bot", 0, environment)


# --- the image ------------------------------------------------------------------------


def test_the_image_runs_as_nobody_special() -> None:
    users = re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE)

    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", users[-1])


def test_the_image_installs_only_what_is_pinned() -> None:
    for name in (
        "requirements.txt",
        "requirements-build.txt",
        "requirements-models.txt",
    ):
        assert re.search(
            rf"--require-hashes (--no-deps )?-r {re.escape(name)}", DOCKERFILE
        )
    for line in re.findall(r"pip install [^&\n]+", DOCKERFILE):
        assert "--require-hashes" in line or "--no-deps dist/" in line


def test_what_the_image_copies_is_there_and_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    kept = set(re.findall(r"^!([^\s]+)$", ignored, re.MULTILINE))
    copies = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    names = [name for line in copies for name in line.split()]

    assert names
    for name in names:
        assert (ROOT / name).exists()
        pattern = "requirements*.txt" if name.startswith("requirements") else name
        assert {pattern, f"{pattern}/**"} & kept, name


def test_the_image_and_compose_look_after_health_alike() -> None:
    found = re.search(r"HEALTHCHECK .*CMD (\[.+\])", DOCKERFILE)

    assert found
    command = COMPOSE["x-curbside"]["healthcheck"]["test"]
    assert yaml.safe_load(found[1]) == command[1:]


# --- the set-up -----------------------------------------------------------------------


def executable(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def commands(tmp_path: Path) -> Path:
    """A folder that is the whole PATH, with a shell and a python3 like pyenv's."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "cat"):
        found = shutil.which(name)
        assert found
        (folder / name).symlink_to(found)
    executable(
        folder / "python3",
        "#!/bin/sh\necho 'pyenv: python3: command not found' >&2\nexit 127\n",
    )
    return folder


def find_python(
    commands: Path, **environment: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["sh", str(ROOT / "scripts" / "find-python")],
        env={"PATH": str(commands), "HOME": str(commands), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def real_python() -> str:
    return os.path.realpath(sys.executable)


def test_finds_a_python_behind_one_that_does_not_work(commands: Path) -> None:
    executable(commands / "python3.12", f'#!/bin/sh\nexec {real_python()} "$@"\n')

    assert Path(find_python(commands).stdout.strip()).samefile(real_python())


def test_finds_a_python_of_pyenv_that_is_not_chosen(commands: Path) -> None:
    folder = commands / ".pyenv" / "versions" / "3.12.1" / "bin"
    folder.mkdir(parents=True)
    executable(folder / "python3", f'#!/bin/sh\nexec {real_python()} "$@"\n')

    assert Path(find_python(commands).stdout.strip()).samefile(real_python())


def test_says_what_to_install_without_a_python(commands: Path) -> None:
    found = find_python(commands)

    assert found.returncode == 1
    assert found.stdout == ""
    assert "Python 3.11 or newer" in found.stderr


def test_a_python_that_was_named_and_is_too_old_is_refused(commands: Path) -> None:
    found = find_python(commands, PYTHON="python3")

    assert found.returncode == 1
    assert "PYTHON=python3" in found.stderr


@pytest.mark.parametrize("script", [".ci/run", "scripts/check-package"])
def test_a_script_is_executable_and_sound(script: str) -> None:
    path = ROOT / script

    assert os.access(path, os.X_OK)
    shell = "bash" if "bash" in path.read_text().splitlines()[0] else "sh"
    subprocess.run([shell, "-n", str(path)], check=True)


@pytest.mark.skipif(shutil.which("make") is None, reason="make is missing")
def test_make_tells_its_targets() -> None:
    told = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    for target in ("demo", "test", "check", "docs", "lock"):
        assert re.search(rf"^  make {target} ", told, re.MULTILINE)
