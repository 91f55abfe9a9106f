"""The register of pledges 誓約書台帳 as a file: one row for each signature record.

Codes and column names are a stable contract and are never translated; people read the headings of the XLSX.

Source: domain.md §4, §7 (file 09).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO

from lms.reports.tables import Cell, Head, SheetLayout, write_csv, write_xlsx

COLUMNS: tuple[str, ...] = (
    "staff_number", "name", "unit", "post", "kind", "pledge", "title", "version", "language", "text_sha256", "purpose",
    "method", "signed_at_jst", "signed_at_utc", "state", "withdrawn_on", "replaced_by", "verified_by", "original_place",
    "evidence_id", "record_hash", "verify_code",
)  # fmt: skip
"""Names of the columns in their order."""
_WIDTHS = (15, 20, 22, 26, 10, 18, 36, 8, 8, 40, 16, 30, 21, 23, 26, 14, 20, 16, 26, 22, 40, 24)


@dataclass(frozen=True, slots=True)
class PledgesHead:
    """What the register answers for."""

    organisation: str
    as_of: date
    known_at_label: str
    rows: int
    filters: Sequence[tuple[str, str]] = ()
    states: Sequence[tuple[str, int]] = ()
    """Records by state, within the filters."""

    def as_head(self) -> Head:
        """Return the lines above the table."""
        return Head(
            (
                ("organisation", self.organisation),
                ("as_of", self.as_of),
                ("known_at", self.known_at_label),
                *((f"filter:{name}", value) for name, value in self.filters),
                *((f"state:{state}", count) for state, count in self.states),
            ),
            self.rows,
        )


def pledges_csv(out: BinaryIO, head: PledgesHead, rows: Iterable[Sequence[Cell]]) -> int:
    """Write the register as CSV and return the number of rows.

    Raises:
        RowCountError: more or fewer rows came than the head says.
    """
    return write_csv(out, head.as_head(), COLUMNS, rows)


def pledges_xlsx(
    out: BinaryIO, head: PledgesHead, rows: Iterable[Sequence[Cell]], sheet_name: str, labels: Mapping[str, str]
) -> int:
    """Write the register as XLSX and return the number of rows; ``labels`` translates column names and the head's.

    Raises:
        RowCountError: more or fewer rows came than the head says.
    """
    return write_xlsx(out, head.as_head(), COLUMNS, rows, SheetLayout(sheet_name, _WIDTHS, labels, frozen_columns=2))
