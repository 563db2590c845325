"""Workers over mailboxes that cannot be read, and plug-ins that do not behave."""

import asyncio

from house import Start

from backends.base import End, Profile, Text
from bot.profiles import Profiles
from bot.settings import WorkerSettings
from bot.state.base import Inbox, Work
from bot.testing import ScriptedBackend, says


async def test_a_mailbox_that_cannot_be_read_does_not_silence_the_others(
    start: Start,
) -> None:
    house = await start(worker=WorkerSettings(concurrency=2))
    inbox: Inbox = house.app.state.inbox
    claim, broken = inbox.claim, [ValueError("no such event"), ValueError("nor this")]

    async def claim_or_fail(worker: str, *, lease: float, wait: float) -> Work | None:
        if broken:
            raise broken.pop()
        return await claim(worker, lease=lease, wait=wait)

    inbox.claim = claim_or_fail  # type: ignore[method-assign]

    assert await house.ask("one") == "plain answer"


async def test_a_long_paused_worker_that_is_given_its_own_work_answers_once(
    start: Start,
) -> None:
    slow = ScriptedBackend(lambda turn: [Text("so"), 0.5, Text(" far"), End()])
    house = await start(slow=slow)
    worker = house.app.worker
    await house.say("one")
    await asyncio.sleep(0.2)
    (held,) = worker._held.values()

    await house.app.state.inbox.release(held.claim)
    await house.quiet()

    assert house.platform.texts() == ["so far"]
    assert len(slow.turns) == 2


async def test_one_profile_that_cannot_be_made_or_closed_is_not_all_of_them() -> None:
    closed: list[str] = []

    class Closing(ScriptedBackend):
        async def aclose(self) -> None:
            closed.append("one")
            raise OSError("gone already")

    def create(profile: Profile) -> ScriptedBackend:
        if profile.name == "bad":
            raise ZeroDivisionError("a plugin's bug")
        return Closing(says("yes"))

    names = ("bad", "fine", "good")
    profiles = Profiles({n: Profile(n, "scripted") for n in names}, create, "good")

    await profiles.warm()
    await profiles.aclose()

    assert len(closed) == 2
