"""House rules about the files themselves."""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

REGISTRY = re.compile(
    r"https?://[^\s\"'>)]*(py"
    r"pi\.|pythonhosted|npmjs|jsdelivr|unpkg|cdnjs|crates\.io)|--(extra-)?index[-]url|--find[-]links|^\s*registry\s*=\s*\"",
    re.MULTILINE,
)
MACHINE_PATH = re.compile(r"(?<![\w.~:/\-])/(work|tmp|root|home|Users|mnt|private)(/|\b(?![\w-]))")
ADDRESS = re.compile(r"[A-Za-z0-9._%+-]+@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,})\b")
LOG_IN_OF_A_URL = re.compile(r"://[^/\s@]*@")


def project_files() -> list[Path]:
    """All files that are, or are about to be, part of the project."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0:
        paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    else:  # an unpacked archive
        paths = [path for path in ROOT.rglob("*") if not {".venv", "var", ".git"} & set(path.relative_to(ROOT).parts)]
    return sorted(path for path in paths if path.is_file() and not path.is_symlink())


FILES = project_files()


@cache
def texts() -> tuple[tuple[Path, str], ...]:
    """The text files, by their path within the project."""
    return tuple((path.relative_to(ROOT), text) for path in FILES if (text := _text_of(path)) is not None)


def _text_of(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        return None


@cache
def python_files() -> tuple[tuple[Path, ast.Module], ...]:
    return tuple((path, ast.parse(text)) for path, text in texts() if path.suffix == ".py")


def foreign_addresses(text: str) -> list[str]:
    """Mail addresses of real domains; a log-in within a URL is none."""
    found = ADDRESS.finditer(LOG_IN_OF_A_URL.sub("://", text))
    return [each[0] for each in found if not f".{each[1]}".endswith(".example.invalid")]


def imports_stdlib_sqlite(tree: ast.Module) -> bool:
    banned = "sqlite" + "3"
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and any(name.name.partition(".")[0] == banned for name in node.names):
            return True
        if isinstance(node, ast.ImportFrom) and node.level == 0 and (node.module or "").partition(".")[0] == banned:
            return True
        if isinstance(node, ast.Call) and any(
            isinstance(each, ast.Constant) and each.value == banned for each in node.args
        ):
            return True
    return False


def test_the_files_of_the_project_are_found() -> None:
    names = {str(path.relative_to(ROOT)) for path in FILES}
    assert {"pyproject.toml", "wsgi.py", "lms/app.py", "tests/policy/test_house.py"} <= names
    assert not any(name.startswith((".venv/", "var/")) for name in names)


def test_package_files_are_empty() -> None:
    found = [path for path in FILES if path.name == "__init__.py"]
    assert len(found) > 10
    assert [path.relative_to(ROOT) for path in found if path.read_bytes()] == []


def test_the_standard_librarys_sqlite_is_imported_nowhere() -> None:
    assert [path for path, tree in python_files() if imports_stdlib_sqlite(tree)] == []


@pytest.mark.parametrize(
    "source",
    ["import {0}", "import os, {0} as db", "from {0} import connect", "from {0}.dbapi2 import x", "__import__('{0}')", "importlib.import_module('{0}')"],
)  # fmt: skip
def test_an_import_of_it_would_be_noticed(source: str) -> None:
    assert imports_stdlib_sqlite(ast.parse(source.format("sqlite" + "3")))
    assert not imports_stdlib_sqlite(ast.parse(source.format("py" + "sqlite3")))


def test_no_file_names_a_package_registry() -> None:
    assert {path: found[0] for path, text in texts() if (found := REGISTRY.search(text))} == {}


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    assert {path: found[0] for path, text in texts() if (found := MACHINE_PATH.search(text))} == {}


def test_no_file_holds_a_mail_address_that_could_be_somebodys() -> None:
    assert {path: found for path, text in texts() if (found := foreign_addresses(text))} == {}


def test_what_must_not_stand_in_a_file_would_be_noticed() -> None:
    assert REGISTRY.search("https://" + "pypi." + "org/simple")
    assert REGISTRY.search("pip install --index" + "-url x")
    for path in ("work/main", "tmp/x", "home/somebody", "root", "Users/x"):
        assert MACHINE_PATH.search(f"see /{path}") or path == "root", path
    assert not MACHINE_PATH.search("https://example.invalid/home/x and ../tmp/x and a/work/b")
    assert foreign_addresses("write to somebody" + "@" + "gmail.com") == ["somebody" + "@" + "gmail.com"]
    assert foreign_addresses("isms" + "@notexample.invalid")
    assert foreign_addresses("isms@example.invalid, a@otsu.example.invalid, https://user:pass@platform.test") == []


def asserts(tree: ast.AST) -> bool:
    """Whether something in the code can fail a test."""
    return any(
        isinstance(node, ast.Assert)
        or (isinstance(node, ast.Attribute) and node.attr in {"raises", "fail", "warns"})
        or (isinstance(node, ast.Attribute) and node.attr.startswith("assert_"))
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "expect")  # Playwright
        for node in ast.walk(tree)
    )


def test_every_test_file_asserts() -> None:
    found = [
        (path, tree) for path, tree in python_files() if path.name.startswith("test_") and path.parts[0] == "tests"
    ]
    assert len(found) > 20
    assert [path for path, tree in found if not asserts(tree)] == []
    assert not asserts(ast.parse("def test_nothing():\n    compute()"))


def test_every_test_is_found_by_its_name() -> None:
    """A file of tests that pytest passes over, or a test written twice in one place, would never fail."""
    for path, tree in python_files():
        if path.parts[0] != "tests":
            continue
        for scope in (node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.ClassDef)):
            names = [
                node.name for node in scope.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
            ]
            assert len(names) == len(set(names)), path
            assert not names or path.name.startswith("test_"), path
