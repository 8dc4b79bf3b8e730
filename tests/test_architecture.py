"""The shape of the tree: names, sizes, and that import-linter watches every package."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("engine", "screens", "vasini_tui")
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
SHIPPED_CODE = sorted((ROOT / "packs").rglob("*.py"))
TESTS = [path for folder in ("tests", "benchmarks", "docs") for path in sorted((ROOT / folder).rglob("*.py"))]
EMPTY_NAMES = {"util", "utils", "helper", "helpers", "common", "manager", "managers", "base", "misc"}
MAX_LINES = 400
MAX_MODULES = 14
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def lines(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def test_every_file_is_named_after_its_subject() -> None:
    parts = {part.stem for path in (*SOURCES, *SHIPPED_CODE, *TESTS) for part in (path, *path.parents)}
    assert not parts & EMPTY_NAMES
    assert not [path for path in SOURCES if re.search(r"_(util|helper|manager)s?\.py$", path.name)]


def test_no_class_is_named_after_nothing() -> None:
    names = re.compile(r"^class \w*(Util|Utils|Helper|Helpers|Manager)\b", re.MULTILINE)
    assert not [path.name for path in SOURCES if names.search(path.read_text("utf-8"))]


def test_a_file_fits_in_a_head() -> None:
    files = (*SOURCES, *SHIPPED_CODE, *TESTS)
    assert not {path.name: lines(path) for path in files if lines(path) > MAX_LINES}


def test_a_room_holds_no_more_modules_than_one_takes_in_at_a_look() -> None:
    outside_the_count = {"__init__.py", "conftest.py"}
    rooms = Counter(path.parent for path in (*SOURCES, *TESTS) if path.name not in outside_the_count)
    crowded = {str(room.relative_to(ROOT)): count for room, count in rooms.items() if count > MAX_MODULES}
    assert not crowded


def test_no_package_of_tests_shadows_a_real_one() -> None:
    assert not list((ROOT / "tests").rglob("__init__.py"))


def test_every_package_is_watched_by_import_linter() -> None:
    linter = PROJECT["tool"]["importlinter"]
    assert sorted(linter["root_packages"]) == sorted(PACKAGES)
    named = {
        module
        for contract in linter["contracts"]
        for key in ("layers", "source_modules", "forbidden_modules")
        for module in contract.get(key, ())
    }
    inside = {f"engine.{path.parent.name}" for path in (ROOT / "engine").glob("*/__init__.py")}
    assert inside | set(PACKAGES) <= named


def test_everything_that_runs_is_in_the_wheel() -> None:
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert sorted(wheel) == sorted((*PACKAGES, "packs", "themes"))
    assert all((ROOT / package / "py.typed").is_file() for package in PACKAGES)


def test_no_two_migrations_have_the_same_number() -> None:
    """Of two with one number only the later name would be made."""
    scripts = (ROOT / "engine" / "journal" / "sqlite" / "migrations").glob("*.sql")
    numbers = sorted(path.name.partition("_")[0] for path in scripts)
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
