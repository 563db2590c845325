"""The package is what it says: its names, its requirements, the shape of its files."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import entry_points, packages_distributions
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bot.cli.reference import page

ROOT = Path(__file__).resolve().parents[1]
OURS = ("adapters", "backends", "bot")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = ("requirements.txt", "requirements-dev.txt")
OTHER_LOCKS = ("requirements-build.txt", "requirements-models.txt")

LONGEST_FILE = 400
LONGEST_FUNCTION = 60


def requirements(name: str) -> list[Requirement]:
    """What a requirements file pins."""
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = (line.split("--hash")[0].strip() for line in text.splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("name", OURS)
def test_nobody_else_owns_our_import_names(name: str) -> None:
    # Looking at a module's `__file__` would not do: the current folder may hide it.
    assert set(packages_distributions().get(name, ["curbside"])) == {"curbside"}


@pytest.mark.parametrize("group", ["adapters", "backends"])
def test_every_entry_point_loads(group: str) -> None:
    declared = PROJECT["project"]["entry-points"][f"curbside.{group}"]
    found = {
        point.name: point
        for point in entry_points(group=f"curbside.{group}")
        if point.dist is not None and point.dist.name == "curbside"
    }

    assert set(found) == set(declared), "run `make setup`: the installation is older"
    for point in found.values():
        assert callable(point.load())


@pytest.mark.parametrize("name", [*LOCKS, *OTHER_LOCKS])
def test_every_requirement_is_pinned_and_hashed(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    pins = [line for line in text.splitlines() if line and line[0] not in "# "]

    assert pins
    for pin in pins:
        assert re.match(r"[a-z0-9._-]+==[^ ]+ ", pin), pin
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", pin), pin


@pytest.mark.parametrize("name", [*LOCKS, *OTHER_LOCKS])
def test_no_requirement_names_a_place_to_download_from(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")

    assert not re.search(r"://|--(extra-)?index|--find-links|@ ", text)
    assert not re.search(r"^\s*#.*(/|\.org|\.com|\.io)", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("requirements.txt", PROJECT["project"]["dependencies"]),
        ("requirements-dev.txt", PROJECT["project"]["dependencies"]),
        ("requirements-dev.txt", PROJECT["dependency-groups"]["dev"]),
        ("requirements-build.txt", PROJECT["build-system"]["requires"]),
    ],
)
def test_the_pins_satisfy_the_project(name: str, wanted: list[str]) -> None:
    pins: dict[str, list[str]] = {}
    for pin in requirements(name):
        versions = [specifier.version for specifier in pin.specifier]
        pins.setdefault(canonicalize_name(pin.name), []).extend(versions)

    for text in wanted:
        requirement = Requirement(text)
        versions = pins.get(canonicalize_name(requirement.name), [])
        assert versions, f"{name} lacks {requirement.name}; run `make lock`"
        for version in versions:
            assert requirement.specifier.contains(version), f"{text}; run `make lock`"


def test_what_is_developed_with_is_what_runs() -> None:
    developed = {str(pin) for pin in requirements("requirements-dev.txt")}

    for pin in requirements("requirements.txt"):
        # A marker may be wider where the tools want the same package.
        assert any(str(pin).split(";")[0] in other for other in developed), pin


@pytest.mark.parametrize(
    ("folders", "lock"),
    [(OURS, "requirements.txt"), (("tests", "benchmarks"), "requirements-dev.txt")],
)
def test_what_is_imported_is_pinned(folders: tuple[str, ...], lock: str) -> None:
    pinned = {canonicalize_name(pin.name) for pin in requirements(lock)}
    owners = {
        name: {canonicalize_name(each) for each in found}
        for name, found in packages_distributions().items()
    }
    local = {
        *OURS,
        "benchmarks",
        "tests",
        *(path.stem for path in (ROOT / "tests").rglob("*")),
    }
    extras = {canonicalize_name(name) for name in of_extras()}
    for path in sources(*folders):
        for name in imported(path) - sys.stdlib_module_names - local:
            known = owners.get(name, set()) | {canonicalize_name(name)}
            assert known & (pinned | extras), f"{path.relative_to(ROOT)} imports {name}"


def of_extras() -> set[str]:
    """What the extras name, and the others that benchmarks compare with."""
    file = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    extras = file["project"]["optional-dependencies"].values()
    wanted = [*chain(*extras), *file["dependency-groups"]["peers"]]
    names = {Requirement(each).name for each in wanted}
    # One name is imported as another, or only in parts of it.
    return names | {"haystack", "llama-index", "stemmer"}


def imported(path: Path) -> set[str]:
    """The top-level packages that a file imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, id=str(path.relative_to(ROOT))) for path in sources(*OURS)],
)
def test_a_file_can_be_read_in_one_go(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)

    assert text.count("\n") <= LONGEST_FILE
    assert text == "" or ast.get_docstring(tree), "say what the file is for"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            length = node.end_lineno - node.lineno
            assert length <= LONGEST_FUNCTION, f"{node.name} has {length} lines"


def test_no_file_has_a_name_that_says_nothing() -> None:
    for path in sources(*OURS, "tests", "benchmarks"):
        assert path.stem not in {"utils", "helpers", "common", "manager", "misc"}


def test_the_page_on_configuration_is_up_to_date() -> None:
    written = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")

    if written != page():  # a comparison would print both pages
        pytest.fail("run `make docs`")


def test_links_between_documents_lead_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    for document in pages:
        text = document.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document.name}: {target}"
