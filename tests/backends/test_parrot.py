"""A backend of somebody else: installed, found by its entry point, and asked."""

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from importlib.metadata import distributions
from pathlib import Path

import pytest

from backends.base import (
    Backend,
    BackendMisconfigured,
    BackendRefused,
    End,
    Factory,
    Profile,
    Step,
    Turn,
    Usage,
)
from backends.testing import BackendContract, collect, services_for_tests, text_of

EXAMPLE = Path(__file__).parents[2] / "examples" / "curbside-parrot"
PIP = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the parrot is installed, without touching the environment."""
    target = tmp_path_factory.mktemp("site")
    subprocess.run(
        [*PIP, "--no-build-isolation", "--target", str(target), str(EXAMPLE)],
        check=True,
        capture_output=True,
        env={"PATH": "/usr/bin:/bin", "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )
    sys.path.append(str(target))
    yield target
    sys.path.remove(str(target))
    sys.modules.pop("curbside_parrot", None)


@pytest.fixture
def create(site: Path) -> Factory:
    """What the installed entry point names."""
    (installed,) = distributions(path=[str(site)])
    (point,) = installed.entry_points.select(group="curbside.backends")
    assert point.name == "parrot"
    factory: Factory = point.load()
    return factory


class TestParrot(BackendContract):
    question = "Who is a pretty bird?"

    @pytest.fixture
    async def backend(self, create: Factory) -> AsyncIterator[Backend]:
        backend = create(Profile("polly", "parrot"), services_for_tests())
        yield backend
        await backend.aclose()


async def test_it_answers_a_turn(create: Factory) -> None:
    backend = create(
        Profile("polly", "parrot", {"greeting": "Ahoy!", "words_per_second": 1e6}),
        services_for_tests(),
    )

    chunks = await collect(backend, Turn("Pretty bird"))

    assert chunks[0] == Step("Clearing its throat")
    assert text_of(chunks) == "Ahoy! Pretty bird "
    assert chunks[-2:] == [Usage(0, 3), End()]


async def test_it_minds_its_manners(create: Factory) -> None:
    backend = create(Profile("polly", "parrot"), services_for_tests())

    with pytest.raises(BackendRefused):
        await collect(backend, Turn("Say a rude word"))


def test_a_wrong_option_is_named(create: Factory) -> None:
    with pytest.raises(BackendMisconfigured, match=r"\[backends.polly\]: greting"):
        create(Profile("polly", "parrot", {"greting": "Hi"}), services_for_tests())


def test_it_is_installed_as_a_file_of_its_own(site: Path) -> None:
    assert (site / "curbside_parrot.py").is_file()
