"""Migration batches 移行 of pledges signed on paper before the tool: a list, checked whole, recorded whole.

Source: domain.md §2 (migration batches name the source document and the verifier).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from courses.calendar import jst_date
from courses.pledges import ApprovedText
from courses.staff_lists import read_date, read_rows
from lms.services.people import find_person
from lms.services.pledge_papers import SignedPaper, Verifier, record_paper
from lms.services.pledges import approved_texts, histories
from lms.store.documents import MigrationBatch
from lms.store.organisations import Organisation
from lms.store.records import record

COLUMNS = ("staff_number", "pledge", "version", "signed_on", "original_place")
HEADINGS: Mapping[str, str] = {
    "職員番号": "staff_number",
    "誓約書": "pledge",
    "版": "version",
    "署名日": "signed_on",
    "原本の所在": "original_place",
}


class PaperProblemCode(StrEnum):
    """What makes a list of papers unacceptable."""

    UNKNOWN_VERIFIER = "unknown_verifier"
    BAD_DATE = "bad_date"
    TO_COME = "to_come"
    UNKNOWN_PERSON = "unknown_person"
    UNKNOWN_TEXT = "unknown_text"
    NOT_IN_EFFECT = "not_in_effect"
    ALREADY_SIGNED = "already_signed"
    TWICE = "twice"
    SELF_VERIFIED = "self_verified"


@dataclass(frozen=True, slots=True)
class PaperProblem:
    """One problem and where it stands."""

    code: PaperProblemCode
    row: int | None
    """As a spreadsheet counts, the heading being 1; None: not in the list."""
    column: str
    value: str


class PapersRefused(ValueError):
    """The list has problems; nothing of it is recorded."""

    def __init__(self, problems: tuple[PaperProblem, ...]) -> None:
        super().__init__(len(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class BatchSource:
    """What the rows were taken from, and who compared them with the papers."""

    document: str
    place: str
    verified_by: str
    """Staff number."""


@dataclass(frozen=True, slots=True)
class PaperPlan:
    """What a list would record."""

    papers: tuple[SignedPaper, ...]
    problems: tuple[PaperProblem, ...]
    verifier: int | None


def plan_papers(
    session: Session, organisation: Organisation, data: bytes, source: BatchSource, now: datetime
) -> PaperPlan:
    """Tell what a list of papers would record, with every problem in it; nothing is changed.

    Raises:
        StaffListRefused: the file is no such list.
    """
    rows = read_rows(data, COLUMNS, HEADINGS)
    reader = _Reader(
        session, organisation, find_person(session, organisation.id, source.verified_by, jst_date(now)), jst_date(now)
    )
    if reader.verifier is None:
        reader.add(PaperProblemCode.UNKNOWN_VERIFIER, None, "", source.verified_by)
    papers = [paper for row, cells in rows if (paper := reader.read(row, cells)) is not None]
    return PaperPlan(tuple(papers), tuple(reader.problems), reader.verifier)


class _Reader:
    """Reads the rows of one list against what is known."""

    def __init__(self, session: Session, organisation: Organisation, verifier: int | None, today: date) -> None:
        self.session, self.organisation, self.verifier, self.today = session, organisation, verifier, today
        self.problems: list[PaperProblem] = []
        texts = approved_texts(session, organisation.id)
        self._texts = {(key, str(each.version)): each for key, theirs in texts.items() for each in theirs}
        self._signed = {
            (person_id, each.text_id)
            for (person_id, _key), history in histories(session, organisation.id).items()
            for each in history.signatures
            if each.withdrawn_on is None
        }
        self._rows: dict[tuple[int, int], int] = {}

    def add(self, code: PaperProblemCode, row: int | None, column: str, value: str) -> None:
        """Keep a problem."""
        self.problems.append(PaperProblem(code, row, column, value))

    def read(self, row: int, cells: Mapping[str, str]) -> SignedPaper | None:
        """Return the paper of a row; None where it has a problem, which is kept."""
        before = len(self.problems)
        text = self._texts.get((cells["pledge"], cells["version"]))
        if text is None:
            self.add(PaperProblemCode.UNKNOWN_TEXT, row, "version", f"{cells['pledge']} {cells['version']}")
        day = read_date(cells["signed_on"])
        if day is None:
            self.add(PaperProblemCode.BAD_DATE, row, "signed_on", cells["signed_on"])
        elif day > self.today:
            self.add(PaperProblemCode.TO_COME, row, "signed_on", cells["signed_on"])
        person_id = None if day is None else find_person(self.session, self.organisation.id, cells["staff_number"], day)
        if day is not None and person_id is None:
            self.add(PaperProblemCode.UNKNOWN_PERSON, row, "staff_number", cells["staff_number"])
        if text is None or day is None or person_id is None or len(self.problems) > before:
            return None
        self._compare(row, cells, (text, day, person_id))
        if len(self.problems) > before:
            return None
        return SignedPaper(person_id, text.text_id, day, cells["original_place"])

    def _compare(self, row: int, cells: Mapping[str, str], read: tuple[ApprovedText, date, int]) -> None:
        text, day, person_id = read
        if day < text.effective_on:
            self.add(PaperProblemCode.NOT_IN_EFFECT, row, "signed_on", f"{text.key} {text.version}")
        if (person_id, text.text_id) in self._signed:
            self.add(PaperProblemCode.ALREADY_SIGNED, row, "staff_number", cells["staff_number"])
        first = self._rows.setdefault((person_id, text.text_id), row)
        if first != row:
            self.add(PaperProblemCode.TWICE, row, "staff_number", str(first))
        if person_id == self.verifier:
            self.add(PaperProblemCode.SELF_VERIFIED, row, "staff_number", cells["staff_number"])


def record_papers(
    session: Session, organisation: Organisation, data: bytes, source: BatchSource, by: tuple[str, datetime]
) -> MigrationBatch:
    """Record a list of papers as one batch, decided anew within the session.

    Raises:
        StaffListRefused: the file is no such list.
        PapersRefused: it has problems.
    """
    actor, now = by
    plan = plan_papers(session, organisation, data, source, now)
    if plan.problems:
        raise PapersRefused(plan.problems)
    verified_by = f"person:{plan.verifier}"
    batch = MigrationBatch(
        source_document=source.document,
        place=source.place,
        verified_by=verified_by,
        verified_on=jst_date(now),
        recorded_at=now,
        recorded_by=actor,
    )
    record(session, organisation, batch)
    for paper in plan.papers:
        signed = SignedPaper(paper.person_id, paper.text_id, paper.signed_on, paper.original_place, batch_id=batch.id)
        record_paper(session, organisation, signed, Verifier(actor, None, verified_by), now)
    return batch
