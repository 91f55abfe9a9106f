"""The paper "why this pairing is independent": every kind of ground checked, with what was found.

Source: ISO/IEC 27001 clause 9.2, Annex A 5.35; domain.md §5, §7 (file 12).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from sqlalchemy.orm import Session

from courses.auditors import qualification_on
from courses.calendar import FiscalYear, Period
from courses.independence import Ground, GroundKind, Independence, Scene, Verdict, newest_of_each_year
from courses.people import affiliation_on
from lms.reports.independence import CheckedGround, IndependencePaper, Tone, independence_pdf
from lms.services.auditors import Book, open_book, reference_of
from lms.services.audits import (
    approved_exceptions,
    audit_periods,
    excepted_grounds,
    find_audit,
    judge_pairing,
)
from lms.services.moments import known_at_label
from lms.services.people import particulars_on, people_facts
from lms.services.planner import full_name
from lms.services.references import evidence_ids
from lms.store.auditors import AuditArea
from lms.store.audits import Audit, PairingException, exceptions_of
from lms.store.organisations import Organisation
from lms.store.records import Moment
from lms.wording.auditors import (
    check_label,
    check_sentence,
    days_label,
    ground_label,
    ground_sentence,
    kept_ground_sentence,
    verdict_label,
)
from lms.wording.gettext import _, current_language
from lms.wording.registers import date_label, year_label


@dataclass(frozen=True, slots=True)
class _Case:
    """One auditor and one area of an audit, with everything that the paper says of them."""

    organisation: Organisation
    book: Book
    audit: Audit
    area: AuditArea
    person_id: int
    found: Independence
    exceptions: tuple[PairingException, ...]
    names: Mapping[str, str]
    """Names of people by ``person:12``."""
    number: str
    unit: str
    evidence: Mapping[str, str]
    as_of: date
    known: str

    @property
    def scene(self) -> Scene:
        audited, held = audit_periods(self.audit)
        return self.book.scene(audited, held.last_day or held.start)

    @property
    def open_grounds(self) -> tuple[Ground, ...]:
        return self.found.open_grounds(excepted_grounds(self.exceptions))

    def with_evidence(self, sentences: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return pairs of sentence and reference with evidence ids in place of references."""
        return [(sentence, self.evidence.get(reference, "")) for sentence, reference in sentences]

    def units(self) -> dict[int, str]:
        is_japanese = current_language() == "ja"
        return {key: unit.name_ja if is_japanese else unit.name_en for key, unit in self.book.units.items()}


def independence_paper(
    session: Session, organisation: Organisation, place: tuple[str, str, int], moment: Moment
) -> bytes:
    """Return the paper on an audit, an area and a person, as PDF in the language in force.

    Raises:
        UnknownAuditError: no audit has the key.
        UnknownAreaError: the area is not one of the audit's.
        UnprintableCharacterError: the font lacks a character of some value.
    """
    case = _case(session, organisation, place, moment)
    chosen: Literal["ja", "en"] = "ja" if current_language() == "ja" else "en"
    return independence_pdf(_paper(case), moment.as_of, chosen)


def _case(session: Session, organisation: Organisation, place: tuple[str, str, int], moment: Moment) -> _Case:
    audit_key, area_key, person_id = place
    audit = find_audit(session, organisation.id, audit_key, moment.known_at)
    book = open_book(session, organisation.id, moment, [person_id])
    found = judge_pairing(book, audit, area_key, person_id)
    rows = exceptions_of(session, organisation.id, moment.known_at, audit_key)
    approved = approved_exceptions(rows, audit_key, area_key, person_id)
    particulars = particulars_on(session, organisation.id, moment.as_of, moment.known_at)
    names = {f"person:{key}": full_name(each) for key, each in particulars.items() if each is not None}
    mine = particulars.get(person_id)
    facts = people_facts(session, organisation.id, moment.known_at, {person_id}).get(person_id)
    affiliation = affiliation_on(facts, audit.held_from) if facts else None
    file = book.file(person_id)
    standing = qualification_on(file.record, book.policy_on(audit.held_from).standard(), audit.held_from)
    references = [each.reference for each in standing.checks]
    references += [each.reference for each in file.ties.ties]
    references += [each.reference for each in file.ties.memberships]
    references += [each.reference for each in file.ties.declarations] + [reference_of(each) for each in approved]
    return _Case(
        organisation,
        book,
        audit,
        book.area_on(area_key, audit.held_from),
        person_id,
        found,
        approved,
        names,
        mine.staff_number if mine else "",
        affiliation.unit if affiliation else "",
        evidence_ids(session, organisation.id, references),
        moment.as_of,
        known_at_label(session, organisation.id, moment.known_at),
    )


def _paper(case: _Case) -> IndependencePaper:
    language = current_language()
    verdict, tone, statement = _verdict(case)
    evidence = _("Evidence id")
    return IndependencePaper(
        title=_("Judgement of an auditor's independence"),
        organisation=case.organisation.name(language),
        verdict=verdict,
        tone=tone,
        statement=statement,
        facts=_facts(case, language),
        headings=(
            _("Qualification on the first day of the audit"),
            _("Grounds for exclusion that were looked for"),
            _("Where the auditor belonged and what he or she did within the days looked at"),
            _("Declaration of interests"),
            _("Approved exception"),
        ),
        columns=(
            (_("What is asked"), _("What was found"), evidence),
            (_("Ground for exclusion"), _("What was found"), evidence),
            (_("What was found"), evidence),
        ),
        qualification=_qualification(case),
        grounds=_grounds(case),
        none_found=_("none found"),
        duties=_duties(case),
        declaration=_declaration(case),
        exceptions=[_exception(case, each) for each in case.exceptions],
        no_exception=_("None."),
        verification=_(
            "Made from the records as of the end of %(day)s; %(known)s. The records in the organisation's ledger are what"
            " counts; the evidence ids find them there.",
            day=date_label(case.as_of),
            known=case.known,
        ),
    )


def _verdict(case: _Case) -> tuple[str, Tone, str]:
    found = case.found
    if found.verdict is Verdict.EXCLUDED and found.may_audit(excepted_grounds(case.exceptions)):
        title = _("Excluded, admitted by an approved exception")
        return title, "open", _("A ground excludes the auditor; an approved exception with a mitigation covers it.")
    sentences: dict[Verdict, tuple[Tone, str]] = {
        Verdict.ELIGIBLE: (
            "good",
            _("No ground for exclusion was found, the declaration is there, and the auditor is qualified throughout."),
        ),
        Verdict.EXCLUDED: ("bad", _("A ground excludes the auditor, and no approved exception covers it.")),
        Verdict.CANNOT_TELL: ("open", _("No ground was found, but the auditor's declaration of interests is missing.")),
        Verdict.NOT_QUALIFIED: ("bad", _("The person is not a qualified auditor on every day of the audit.")),
    }
    tone, statement = sentences[found.verdict]
    return verdict_label(found.verdict), tone, statement


def _facts(case: _Case, language: str) -> list[tuple[str, str]]:
    audited, held = audit_periods(case.audit)
    window = case.scene.window
    units = case.units()
    unit = units.get(case.area.unit_id or 0, "–")
    auditor = case.names.get(f"person:{case.person_id}", "")
    return [
        (_("Audit"), f"{case.audit.title(language)} [{case.audit.key}]"),
        (_("Audit criteria"), case.audit.criteria),
        (_("Days of the audit"), days_label(held)),
        (_("Audited area"), f"{case.area.name(language)} [{case.area.key}]"),
        (_("Unit of the area"), unit),
        (_("Auditor"), "  ".join(each for each in (case.number, auditor, case.unit) if each)),
        (_("Audited period"), days_label(audited)),
        (_("Look-back"), _("%(months)s months", months=case.scene.look_back)),
        (_("Days looked at"), days_label(window)),
    ]


def _qualification(case: _Case) -> list[tuple[str, str, str]]:
    day = case.audit.held_from
    standing = qualification_on(case.book.file(case.person_id).record, case.book.policy_on(day).standard(), day)
    return [
        (check_label(each.kind), check_sentence(each), case.evidence.get(each.reference, ""))
        for each in standing.checks
    ]


def _grounds(case: _Case) -> list[CheckedGround]:
    units = case.units()
    return [
        CheckedGround(
            ground_label(kind),
            case.with_evidence(
                (ground_sentence(each, units), each.reference) for each in case.found.grounds if each.kind is kind
            ),
        )
        for kind in GroundKind
    ]


def _duties(case: _Case) -> list[tuple[str, str]]:
    """Return all memberships and ties within the window, of whatever area."""
    window, units, ties = case.scene.window, case.units(), case.book.file(case.person_id).ties
    found: list[tuple[Period, str, str]] = []
    for member in ties.memberships:
        labels = {
            GroundKind.AFFILIATION: _("Belongs to"),
            GroundKind.CONCURRENT_POST: _("Concurrent post in"),
            GroundKind.LINE_AUTHORITY: _("Heads"),
        }
        what = _("%(what)s: %(detail)s", what=labels[member.kind], detail=units.get(member.unit, "–"))
        found.append((member.period, what, member.reference))
    for tie in ties.ties:
        where = _area_name(case, tie.area) if tie.area else _("all areas")
        what = _("%(what)s: %(detail)s", what=ground_label(tie.kind.value), detail=where)
        found.append((tie.period, what, tie.reference))
    found.sort(key=lambda each: (each[0].start, each[2]))
    return case.with_evidence(
        (_("%(what)s, %(days)s", what=what, days=days_label(period)), reference)
        for period, what, reference in found
        if period.overlaps(window)
    )


def _area_name(case: _Case, key: str) -> str:
    area = case.book.areas_on(case.audit.held_from).get(key)
    return f"{area.name(current_language())} [{key}]" if area else key


def _declaration(case: _Case) -> list[tuple[str, str]]:
    last = case.audit.held_to - timedelta(days=1)
    year = FiscalYear.of(last)
    declared = newest_of_each_year(case.book.file(case.person_id).ties.declarations).get(year.year)
    if declared is None:
        return [(year_label(year), _("missing"))]
    return [
        (year_label(year), _("declared on %(day)s", day=date_label(declared.declared_on))),
        (
            _("Areas with an interest"),
            ", ".join(_area_name(case, each) for each in sorted(declared.areas)) or _("none"),
        ),
        (_("Evidence id"), case.evidence.get(declared.reference, "–")),
    ]


def _exception(case: _Case, row: PairingException) -> list[tuple[str, str]]:
    return [
        (_("Covers"), "\n".join(kept_ground_sentence(each) for each in row.grounds)),
        (_("Reason"), row.reason or ""),
        (_("Mitigation"), row.mitigation),
        (_("Proposed by"), case.names.get(row.proposed_by, row.proposed_by)),
        (_("Approved by"), case.names.get(row.approved_by or "", row.approved_by or "")),
        (_("Approved on"), date_label(row.valid_from)),
        (_("Evidence id"), case.evidence.get(reference_of(row), "–")),
    ]
