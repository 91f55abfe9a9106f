#!/usr/bin/env python3
"""Count every figure of a pack's summary again, from its tables alone: python3 recompute.py PACK.zip.

Standard library only, and no code shared with the tool: it reads ZIP, JSON and CSV as a stranger would.
"""

import csv
import io
import json
import sys
import zipfile
from typing import Any


def read_table(archive: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    """Read a table: a head of two columns up to an empty line, the names of the columns, the rows."""
    lines = csv.reader(io.StringIO(archive.read(name).decode("utf-8-sig"), newline=""))
    for line in lines:
        if not line:
            break
    columns = next(lines)
    return [dict(zip(columns, line, strict=True)) for line in lines]


def plain(cell: str) -> str:
    """Take off the apostrophe that keeps a spreadsheet from running a cell."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] and cell[1] in "=+-@\t\r\n＝＋－＠−" else cell


def count(figure: dict[str, Any], rows: list[dict[str, str]]) -> object:
    """Count one figure."""
    chosen = [row for row in rows if all(plain(row[column]) == value for column, value in figure["where"])]
    if figure["way"] == "rows":
        return len(chosen)
    if figure["way"] == "distinct":
        return len({row[figure["of"]] for row in chosen})
    values = [plain(row[figure["of"]]) for row in chosen]
    return values[0] if len(values) == 1 else values


def differences(pack: str) -> tuple[list[tuple[str, object, object]], int]:
    """Return each figure that differs: its name, what the summary says, what the tables say; and how many were counted."""
    found = []
    with zipfile.ZipFile(pack) as archive:
        figures = json.loads(archive.read("00_summary.json"))["figures"]
        tables = {name: read_table(archive, name) for name in {figure["file"] for figure in figures}}
    for figure in figures:
        counted = count(figure, tables[figure["file"]])
        if counted != figure["value"]:
            found.append((figure["key"], figure["value"], counted))
    return found, len(figures)


if __name__ == "__main__":
    wrong, total = differences(sys.argv[1])
    for key, said, counted in wrong:
        print(f"{key}: the summary says {said}, the table {counted}")
    print(f"{total} figures, {len(wrong)} differences")
    sys.exit(1 if wrong else 0)
