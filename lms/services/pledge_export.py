"""The register of pledges as a file: the head that says what it answers for, then its rows."""

from __future__ import annotations

from datetime import UTC
from io import BytesIO
from typing import Literal

from sqlalchemy.orm import Session

from courses.calendar import JST
from lms.reports.pledges import COLUMNS, PledgesHead, pledges_csv, pledges_xlsx
from lms.reports.tables import Cell
from lms.services.moments import known_at_label
from lms.services.pledge_register import PledgeFilter, RegisterRow, pledge_register
from lms.store.organisations import Organisation
from lms.store.records import Moment
from lms.wording.gettext import _, current_language
from lms.wording.pledges import method_label, purpose_label, register_labels, signature_state_label


def export_pledges(
    session: Session,
    organisation: Organisation,
    moment: Moment,
    chosen: PledgeFilter,
    file_format: Literal["csv", "xlsx"],
) -> bytes:
    """Return the register as a file.

    Raises:
        UnknownTreeSizeError: the ledger never had the size asked for.
    """
    register = pledge_register(session, organisation.id, moment, chosen, current_language())
    filters = {
        "pledge": chosen.key,
        "state": chosen.state.value if chosen.state else None,
        "unit": chosen.unit,
        "kind": None if chosen.is_vendor is None else _kind(chosen.is_vendor),
    }
    head = PledgesHead(
        organisation.name(current_language()),
        moment.as_of,
        known_at_label(session, organisation.id, moment.known_at),
        len(register.rows),
        [(name, value) for name, value in filters.items() if value is not None],
        [(state.value, count) for state, count in register.counts.items() if count],
    )
    out = BytesIO()
    if file_format == "csv":
        pledges_csv(out, head, map(cells, register.rows))
    else:
        rows = (_in_words(cells(row)) for row in register.rows)
        pledges_xlsx(out, head, rows, _("Pledges"), register_labels())
    return out.getvalue()


def _kind(is_vendor: bool) -> str:
    return "vendor" if is_vendor else "staff"


def cells(row: RegisterRow) -> tuple[Cell, ...]:
    """Return a record as the register's columns, codes untranslated."""
    is_paper = row.method == "paper"
    moment = row.signed_at
    return (
        row.staff_number, row.name, row.unit, row.post, _kind(row.is_vendor), row.key, row.title, row.version,
        row.language, row.text_sha256, row.purpose, row.method,
        f"{moment.astimezone(JST):%Y-%m-%d}" if is_paper else f"{moment.astimezone(JST):%Y-%m-%d %H:%M:%S}",
        None if is_paper else f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        row.state.value, row.withdrawn_on, row.replaced_by, row.verified_by, row.original_place, row.evidence_id,
        row.record_hash, row.code,
    )  # fmt: skip


def _in_words(values: tuple[Cell, ...]) -> tuple[Cell, ...]:
    """Return a row with its codes in words: a workbook is for people, the CSV for programs."""
    words = {"purpose": purpose_label, "method": method_label, "state": signature_state_label}
    kinds = {"vendor": _("Vendor"), "staff": _("Staff")}
    return tuple(
        words[name](str(value)) if name in words else kinds[str(value)] if name == "kind" else value
        for name, value in zip(COLUMNS, values, strict=True)
    )
