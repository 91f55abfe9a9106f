"""The words of an evidence pack's summary; codes and column names in its tables are never translated."""

from __future__ import annotations

from collections.abc import Callable

from lms.wording.gettext import _

FILES_TO_COME = ("04", "08", "14", "16", "17", "19")
"""Files of the specification that no part of the tool fills yet."""


def difference_label(code: str) -> str:
    """Return a difference found by the reconciliation in words."""
    labels: dict[str, Callable[[], str]] = {
        "in_scope_not_in_service": lambda: _("In scope, and not in service by the staff list"),
        "in_service_not_in_scope": lambda: _("In service by the staff list, and not in scope"),
        "in_scope_without_account": lambda: _("In scope, without an account on a platform"),
        "account_of_somebody_who_left": lambda: _("Account of somebody who left"),
        "account_of_nobody": lambda: _("Account that is linked to nobody on the staff list"),
    }
    return labels[code]() if code in labels else code


def document_label(kind: str) -> str:
    """Return the name of a document that the summary names."""
    labels: dict[str, Callable[[], str]] = {
        "scope_statement": lambda: _("Scope statement"),
        "statement_of_applicability": lambda: _("Statement of applicability"),
    }
    return labels[kind]() if kind in labels else kind


def consistency_label(code: str) -> str:
    """Return what an appointment's consistency says, in words."""
    labels: dict[str, Callable[[], str]] = {
        "ok": lambda: _("nothing amiss"),
        "not_acknowledged": lambda: _("receipt not acknowledged"),
        "ends_before_start": lambda: _("ends before it starts"),
        "overlap": lambda: _("overlaps another appointment"),
        "separation_broken": lambda: _("separation of duties broken"),
        "seat_unknown": lambda: _("seat unknown"),
        "seat_of_other_role": lambda: _("seat of another role"),
        "seat_not_established": lambda: _("seat not established"),
        "seat_full": lambda: _("seat has too many holders"),
        "letter_number_used": lambda: _("letter number used twice"),
        "not_in_service": lambda: _("not in service on the first day"),
        "not_in_scope": lambda: _("not in scope on the first day"),
        "leaves_before_end": lambda: _("leaves before the end of the term"),
        "appointed_after_start": lambda: _("dated back"),
        "own_appointment": lambda: _("recorded by the appointee"),
    }
    return ", ".join(labels[each]() if each in labels else each for each in code.split())


def bound_label(code: str) -> str:
    """Return what binds people in scope, in words."""
    labels: dict[str, Callable[[], str]] = {
        "in_force": lambda: _("In scope, bound by a pledge in force"),
        "obsolete_only": lambda: _("In scope, signed only a text whose days for re-signing are over"),
        "none": lambda: _("In scope, bound by no pledge"),
    }
    return labels[code]()


def correction_label(code: str) -> str:
    """Return what a record that follows another does to it, in words."""
    labels: dict[str, Callable[[], str]] = {
        "correction": lambda: _("of these, corrections"),
        "void": lambda: _("of these, records taken back"),
        "approval": lambda: _("of these, approvals of a proposal"),
    }
    return labels[code]() if code in labels else code


def summary_notes() -> tuple[str, ...]:
    """Return what a reader must know beside the figures."""
    return (
        _("Files %(numbers)s of the specification are not in this pack: no part of the tool fills them yet.", numbers=", ".join(FILES_TO_COME)),
        _("A column whose source does not exist yet is named in the head of its file, in a line that begins with “absent:”."),
        _("Rows that do not speak well of the organisation are always included: failed attempts, overdue obligations, declined and withdrawn pledges, unexcused pairings, corrections."),
        _("The proof shows that nothing was changed since it was recorded. It does not show that what was recorded was true. See HOW-TO-VERIFY."),
    )  # fmt: skip


def pack_problem(code: str | None) -> str:
    """Return why a pack can't be made, by the name of the exception, and what to do."""
    sentences: dict[str, Callable[[], str]] = {
        "BadPackFormError": lambda: _("Something could not be read. A period needs its first day and the first day after it."),
        "PackPeriodError": lambda: _("The period must hold a day, and the as-of date must not lie before it."),
        "PeriodOrderError": lambda: _("The period must hold a day, and the as-of date must not lie before it."),
        "UnknownFiscalYearError": lambda: _("There is no such fiscal year."),
        "UnknownTreeSizeError": lambda: _("The ledger never had this size."),
        "TooManyPacksError": lambda: _("Three packs are waiting already. Please wait until one is made."),
        "NoCheckpointError": lambda: _("Nothing has a place in the ledger yet. Let the worker run, then try again."),
        "PackKeyNotIntroducedError": lambda: _("Nothing has a place in the ledger yet. Let the worker run, then try again."),
    }  # fmt: skip
    if code in sentences:
        return sentences[code]()
    return _("The pack could not be made (%(code)s). Please tell your administrator.", code=code)
