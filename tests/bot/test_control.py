"""The door into the running bot."""

from pathlib import Path
from typing import Any

import pytest

from bot import control
from bot.errors import CurbsideError


async def count(arguments: dict[str, Any], emit: control.Emit) -> None:
    for number in range(arguments["up_to"]):
        await emit({"number": number})


async def fail(arguments: dict[str, Any], emit: control.Emit) -> None:
    raise ValueError("no such folder")


async def test_a_job_is_handed_over_and_reports(tmp_path: Path) -> None:
    assert not await control.listening(tmp_path)

    async with control.serve(tmp_path, {"count": count}):
        assert await control.listening(tmp_path)
        lines = [
            line async for line in control.hand_over(tmp_path, "count", {"up_to": 3})
        ]

    assert lines == [{"number": 0}, {"number": 1}, {"number": 2}]
    assert not await control.listening(tmp_path)


async def test_a_job_that_fails_says_why(tmp_path: Path) -> None:
    async with control.serve(tmp_path, {"fail": fail}):
        with pytest.raises(CurbsideError, match="no such folder"):
            async for _ in control.hand_over(tmp_path, "fail", {}):
                pass


async def test_only_this_user_may_knock(tmp_path: Path) -> None:
    async with control.serve(tmp_path, {}):
        mode = (tmp_path / control.SOCKET).stat().st_mode

    assert mode & 0o077 == 0


async def test_a_report_may_be_a_very_long_line(tmp_path: Path) -> None:
    names = [f"handbook/{number:06}.md" for number in range(50_000)]

    async def report(arguments: dict[str, Any], emit: control.Emit) -> None:
        await emit({"report": names})

    async with control.serve(tmp_path, {"ingest": report}):
        lines = [line async for line in control.hand_over(tmp_path, "ingest", {})]

    assert lines == [{"report": names}]


async def test_a_job_may_bring_many_questions(tmp_path: Path) -> None:
    asked = ["Where do the keys hang?"] * 100_000

    async def count(arguments: dict[str, Any], emit: control.Emit) -> None:
        await emit({"count": len(arguments["asked"])})

    async with control.serve(tmp_path, {"count": count}):
        found = control.hand_over(tmp_path, "count", {"asked": asked})
        assert [line async for line in found] == [{"count": 100_000}]
