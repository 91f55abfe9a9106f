"""Vendors 業者: their firms, contracts with number and period, and the people engaged under them.

Source: ISO/IEC 27001 Annex A 5.19-5.20; domain.md §4.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from courses.calendar import Period
from lms.store.organisations import Organisation, wait_for_others
from lms.store.people import Person
from lms.store.records import Moment, known, record, valid_on
from lms.store.vendors import VendorContract, VendorEngagement, VendorFirm

LONGEST_NAME = 200


class BadVendorError(ValueError):
    """What was said of a firm, contract or engagement can't be."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem
        """``empty``, ``too_long``, ``taken``, ``unknown``, ``order``, ``outside_contract`` or ``overlaps``."""


@dataclass(frozen=True, slots=True)
class ContractView:
    """A contract with the people engaged under it."""

    contract: VendorContract
    engagements: tuple[VendorEngagement, ...]


@dataclass(frozen=True, slots=True)
class FirmView:
    """A firm with its contracts."""

    firm: VendorFirm
    contracts: tuple[ContractView, ...]


def add_firm(
    session: Session, organisation: Organisation, name_ja: str, name_en: str, by: tuple[str, datetime]
) -> VendorFirm:
    """Add a firm; without an English name the Japanese one stands for it.

    Raises:
        BadVendorError: the name is empty, too long or taken.
    """
    wait_for_others(session, organisation.id)
    name = _words("name_ja", name_ja)
    rows = select(VendorFirm).where(VendorFirm.organisation_id == organisation.id, VendorFirm.name_ja == name)
    if session.scalars(rows).first() is not None:
        raise BadVendorError("name_ja", "taken")
    firm = VendorFirm(name_ja=name, name_en=_words("name_en", name_en or name), recorded_at=by[1], recorded_by=by[0])
    record(session, organisation, firm)
    return firm


def _words(field: str, given: str) -> str:
    words = " ".join(given.replace("\0", "").split())
    if not words:
        raise BadVendorError(field, "empty")
    if len(words) > LONGEST_NAME:
        raise BadVendorError(field, "too_long")
    return words


def add_contract(
    session: Session,
    organisation: Organisation,
    firm_id: int,
    named: tuple[str, str],
    when: tuple[Period, str, datetime],
) -> VendorContract:
    """Record a contract.

    Args:
        session: a writing transaction.
        organisation: the owner.
        firm_id: the firm.
        named: number and title.
        when: its period, who records it, and when.

    Raises:
        BadVendorError: the firm is unknown, or number or title empty, or the number taken.
    """
    wait_for_others(session, organisation.id)
    period, actor, now = when
    firm = session.get(VendorFirm, firm_id)
    if firm is None or firm.organisation_id != organisation.id:
        raise BadVendorError("firm", "unknown")
    number, title = _words("number", named[0]), _words("title", named[1])
    if any(each.number == number for each in contracts_of(session, organisation.id)):
        raise BadVendorError("number", "taken")
    contract = VendorContract(
        firm_id=firm_id, number=number, title=title, **_fact(period), recorded_at=now, recorded_by=actor
    )
    record(session, organisation, contract)
    return contract


def _fact(period: Period) -> dict[str, object]:
    return {
        "valid_from": period.start,
        "valid_to": period.end,
        "is_void": False,
        "reason": None,
        "supersedes_id": None,
    }


def engage(
    session: Session,
    organisation: Organisation,
    person_id: int | None,
    contract_id: int,
    when: tuple[Period, str, datetime],
) -> VendorEngagement:
    """Record that somebody works under a contract for a period within the contract's.

    Raises:
        BadVendorError: person or contract are unknown, the period leaves the contract's or overlaps another engagement
            of the person under it.
    """
    wait_for_others(session, organisation.id)
    period, actor, now = when
    contract = next((each for each in contracts_of(session, organisation.id) if each.id == contract_id), None)
    if contract is None:
        raise BadVendorError("contract", "unknown")
    person = session.get(Person, person_id) if person_id is not None else None
    if person is None or person.organisation_id != organisation.id:
        raise BadVendorError("person", "unknown")
    within = Period(contract.valid_from, contract.valid_to)
    if period.start < within.start or (within.end is not None and (period.end is None or period.end > within.end)):
        raise BadVendorError("period", "outside_contract")
    for each in engagements_of(session, organisation.id):
        if (each.person_id, each.contract_id) == (person.id, contract.id) and period.overlaps(
            Period(each.valid_from, each.valid_to)
        ):
            raise BadVendorError("period", "overlaps")
    row = VendorEngagement(
        person_id=person.id,
        firm_id=contract.firm_id,
        contract_id=contract.id,
        **_fact(period),
        recorded_at=now,
        recorded_by=actor,
    )
    record(session, organisation, row)
    return row


def end_engagement(
    session: Session, organisation: Organisation, engagement_id: int, ends_on: date, by: tuple[str, datetime]
) -> VendorEngagement:
    """Record that an engagement ends earlier; ``ends_on`` is the first day on which it is over.

    Raises:
        BadVendorError: it is unknown, or would end before it starts or later than it does.
    """
    wait_for_others(session, organisation.id)
    row = next((each for each in engagements_of(session, organisation.id) if each.id == engagement_id), None)
    if row is None:
        raise BadVendorError("engagement", "unknown")
    if ends_on < row.valid_from or (row.valid_to is not None and ends_on > row.valid_to):
        raise BadVendorError("ends_on", "order")
    ended = VendorEngagement(
        person_id=row.person_id,
        firm_id=row.firm_id,
        contract_id=row.contract_id,
        **(_fact(Period(row.valid_from, ends_on)) | {"reason": "ended", "supersedes_id": row.id}),
        recorded_at=by[1],
        recorded_by=by[0],
    )
    record(session, organisation, ended)
    return ended


def firms_of(session: Session, organisation_id: int, known_at: int | None = None) -> list[VendorFirm]:
    """Return the known firms, by name."""
    rows = select(VendorFirm).where(VendorFirm.organisation_id == organisation_id, known(VendorFirm, known_at))
    return list(session.scalars(rows.order_by(VendorFirm.name_ja)))


def contracts_of(session: Session, organisation_id: int, known_at: int | None = None) -> list[VendorContract]:
    """Return the known contracts, by start."""
    rows = select(VendorContract).where(
        VendorContract.organisation_id == organisation_id, known(VendorContract, known_at)
    )
    return list(session.scalars(rows.order_by(VendorContract.valid_from, VendorContract.id)))


def engagements_of(session: Session, organisation_id: int, known_at: int | None = None) -> list[VendorEngagement]:
    """Return the known engagements, by start."""
    rows = select(VendorEngagement).where(
        VendorEngagement.organisation_id == organisation_id, known(VendorEngagement, known_at)
    )
    return list(session.scalars(rows.order_by(VendorEngagement.valid_from, VendorEngagement.id)))


def vendors(session: Session, organisation_id: int, moment: Moment) -> list[FirmView]:
    """Return firms, the contracts in force on a day, and the engagements in force under them."""
    contracts = contracts_of(session, organisation_id, moment.known_at)
    engagements = engagements_of(session, organisation_id, moment.known_at)

    def is_valid(row: VendorContract | VendorEngagement) -> bool:
        return moment.as_of in Period(row.valid_from, row.valid_to)

    return [
        FirmView(
            firm,
            tuple(
                ContractView(each, tuple(one for one in engagements if one.contract_id == each.id and is_valid(one)))
                for each in contracts
                if each.firm_id == firm.id and is_valid(each)
            ),
        )
        for firm in firms_of(session, organisation_id, moment.known_at)
    ]


def is_engaged(session: Session, person_id: int, day: date) -> bool:
    """Tell whether somebody works under a contract on a day."""
    rows = select(VendorEngagement.id).where(
        VendorEngagement.person_id == person_id, known(VendorEngagement, None), valid_on(VendorEngagement, day)
    )
    return session.scalars(rows).first() is not None
