"""Tables find those that they point at, whatever a process has imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

_RESOLVE = """import importlib, sys
importlib.import_module(sys.argv[1])
from lms.store.base import Base
for table in Base.metadata.tables.values():
    for key in table.foreign_keys:
        key.column
print(len(Base.metadata.tables))"""


@pytest.mark.parametrize("entry", ["lms.app", "lms.cli.main", "lms.cli.worker"])
def test_an_entry_of_the_tool_imports_every_table_that_its_tables_point_at(entry: str) -> None:
    # In a process of its own: here other tests have imported every table already.
    ended = subprocess.run([sys.executable, "-c", _RESOLVE, entry], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) > 50
