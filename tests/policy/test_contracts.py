"""The floors of the building, and what a web process must not load at its start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("pandas", "matplotlib", "ortools", "typst", "xlsxwriter", "openpyxl", "numpy", "alembic")
"""Loaded where they are used: a web process starts in a second and most requests need none of them."""

REPORT = "import sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=120
    )


def test_imports_keep_to_the_floors() -> None:
    done = run(str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache")
    assert done.returncode == 0, done.stdout
    assert "Contracts: " in done.stdout
    assert " 0 broken" in done.stdout


def test_a_broken_contract_is_noticed(tmp_path: Path) -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    upside_down = text.replace('layers = ["lms", "courses", "quizzes"]', 'layers = ["quizzes", "courses", "lms"]')
    assert upside_down != text
    (tmp_path / "pyproject.toml").write_text(upside_down, "utf-8")
    program = str(Path(sys.executable).with_name("lint-imports"))
    done = run(program, "--no-logo", "--no-cache", "--config", str(tmp_path / "pyproject.toml"))
    assert done.returncode != 0
    assert "BROKEN" in done.stdout


@pytest.mark.parametrize(
    "start",
    ["import wsgi", "from lms.app import create_app; create_app()"],
    ids=["wsgi", "create_app"],
)
def test_a_web_process_starts_without_what_only_some_pages_need(
    start: str, sqlite_template: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "akashi.sqlite"
    copy.write_bytes(sqlite_template.read_bytes())
    environment = {"AKASHI_DATABASE_URL": f"sqlite:///{copy}", "AKASHI_KEYS_DIR": str(tmp_path / "keys")}
    done = run(sys.executable, "-c", f"{start}; {REPORT}", **environment)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert {"flask", "sqlalchemy"} <= loaded
    assert loaded.isdisjoint(HEAVY)


WALK_FOREIGN_KEYS = """
from lms.store.base import Base
print(sum(bool(key.column.name) for table in Base.metadata.tables.values() for key in table.foreign_keys))
"""


@pytest.mark.parametrize("start", ["import lms.app", "import lms.cli.main"])
def test_every_table_that_a_process_loads_finds_the_tables_that_it_refers_to(start: str) -> None:
    done = run(sys.executable, "-c", f"{start}{WALK_FOREIGN_KEYS}")
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 10


@pytest.mark.parametrize("package", ["courses", "quizzes"])
def test_the_rules_load_no_framework(package: str) -> None:
    modules = sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in (ROOT / package).rglob("*.py")
        if path.name != "__init__.py"
    )
    done = run(sys.executable, "-c", f"import {', '.join(modules)}; {REPORT}")
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()).isdisjoint(
        {"flask", "sqlalchemy", "requests", "urllib3", "pylti1p3", "alembic", "lms"}
    )
