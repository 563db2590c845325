"""Each scenario on each platform; the table of them in the docs is current."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from parity.discord_stage import DiscordStage
from parity.scenarios import Scenario
from parity.slack_stage import SlackStage
from parity.stage import Stage
from parity.table import PATH, SCENARIOS, page


@pytest_asyncio.fixture(
    scope="module",
    loop_scope="module",
    params=[SlackStage, DiscordStage],
    ids=["slack", "discord"],
)
async def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    """One bot on one platform for all scenarios; each has people and places anew."""
    kind: type[Stage] = request.param
    folder = tmp_path_factory.mktemp(kind.platform)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        stage = kind(folder)
        await stage.open()
        yield stage
        await stage.aclose()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "scenario", SCENARIOS, ids=[one.play.__name__ for one in SCENARIOS]
)
async def test_it_works_on_this_platform(stage: Stage, scenario: Scenario) -> None:
    await scenario.play(stage)


def test_the_page_of_the_docs_is_current() -> None:
    assert PATH.read_text() == page(), "run `make docs`"
