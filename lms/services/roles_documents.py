"""The chart as SVG and PDF, and the letters of appointment 任命書 and of its ending, made from the records.

Source: ISO/IEC 27001 clause 5.3; domain.md §1.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from sqlalchemy.orm import Session

from courses.charts import Chart, ChartSeat
from courses.ledger import short_id
from courses.people import Affiliation, affiliation_on
from courses.roles import IsmsRole
from lms.reports.chart import ChartList, chart_pdf, chart_svg
from lms.reports.chart_layout import BodyText, ChartText, HolderText, SeatText
from lms.reports.letter import LetterFacts, LetterWording, role_letter
from lms.services.people import Particulars, people_facts
from lms.services.role_texts import shipped_role_texts
from lms.services.roles import UnknownAppointmentError, appointment_in_force
from lms.services.roles_register import Names, chart_of, names_on
from lms.store.ledger import LedgerEvent
from lms.store.organisations import Organisation
from lms.store.records import Moment
from lms.wording.gettext import _, current_language
from lms.wording.letters import appointment_wording, ending_wording
from lms.wording.permissions import role_label
from lms.wording.registers import date_label
from lms.wording.roles import chart_columns, chart_date, end_kind_label, letter_term, term_label, vacancy_label

LetterKind = Literal["appointment", "ending"]
AUDIT_ROLES = frozenset({IsmsRole.AUDIT_COMMITTEE, IsmsRole.CHIEF_AUDITOR, IsmsRole.INTERNAL_AUDITOR})


def draw_chart_svg(session: Session, organisation: Organisation, moment: Moment) -> str:
    """Return the chart of a date as SVG, in the language in force."""
    chart, names = _chart(session, organisation, moment)
    return chart_svg(chart_text(chart, names, organisation), current_language())


def draw_chart_pdf(
    session: Session,
    organisation: Organisation,
    moment: Moment,
    people: dict[int, Particulars | None] | None = None,
) -> bytes:
    """Return the chart of a date as PDF, with the list of appointments that it shows.

    ``people``: what to call them in place of their names, as in a pack that names nobody.

    Raises:
        UnprintableCharacterError: the font lacks a character of somebody's name.
    """
    chart, names = _chart(session, organisation, moment)
    if people is not None:
        names = replace(names, people=people)
    text = chart_text(chart, names, organisation)
    if people is not None:
        text = replace(text, legend=[*text.legend, _("P-… are pseudonyms of people.")])
    below = ChartList(_("Appointments that the chart shows"), chart_columns(), _list(chart, names))
    return chart_pdf(text, below, organisation.name(names.language), moment.as_of, _chosen())


def _chart(session: Session, organisation: Organisation, moment: Moment) -> tuple[Chart, Names]:
    return chart_of(session, organisation.id, moment), names_on(session, organisation.id, moment, current_language())


def _chosen() -> Literal["ja", "en"]:
    return "ja" if current_language() == "ja" else "en"


def chart_text(chart: Chart, names: Names, organisation: Organisation) -> ChartText:
    """Return everything that the chart says, in the language of the names."""
    bodies = [
        BodyText(
            body.key,
            body.parent_key,
            names.body(body.key),
            [_seat_text(seat, names.seat(seat.key), names) for seat in body.seats],
            is_audit=bool(body.seats) and all(seat.isms_role in AUDIT_ROLES for seat in body.seats),
        )
        for body in chart.bodies
    ]
    if chart.unseated:
        loose = [_seat_text(seat, role_label(seat.isms_role.value), names) for seat in chart.unseated]
        bodies.append(BodyText("", None, _("Roles without a seat"), loose))
    compared = date_label(chart.compared_with)
    legend = [_("New: did not hold the role on %(day)s.", day=compared)]
    if chart.gone:
        gone = [
            _(
                "%(name)s (%(role)s)",
                name=names.person(each.person_id),
                role=names.place(each.seat_key) or role_label(each.isms_role.value),
            )
            for each in chart.gone
        ]
        legend.append(
            _("Held a role on %(day)s and hold it no more: %(names)s", day=compared, names=_(", ").join(gone))
        )
    return ChartText(
        title=_("%(organisation)s: ISMS organisation chart", organisation=organisation.name(names.language)),
        subtitle=_("As of %(day)s", day=chart_date(chart.day)),
        bodies=bodies,
        new_mark=_("New"),
        legend=legend,
    )


def _seat_text(seat: ChartSeat, title: str, names: Names) -> SeatText:
    holders = [
        HolderText(names.person(each.appointment.person_id), names.unit(each.appointment.unit_id), each.is_new)
        for each in seat.holders
    ]
    return SeatText(title, holders, vacancy_label(seat.vacancies) if seat.vacancies else "")


def _list(chart: Chart, names: Names) -> list[list[str]]:
    rows = []
    for body in chart.bodies:
        for seat in body.seats:
            rows += _list_of_seat(seat, (names.body(body.key), names.seat(seat.key)), names)
    for seat in chart.unseated:
        rows += _list_of_seat(seat, ("–", role_label(seat.isms_role.value)), names)
    return rows


def _list_of_seat(seat: ChartSeat, where: tuple[str, str], names: Names) -> list[list[str]]:
    rows = []
    for holder in seat.holders:
        each = holder.appointment
        unit = names.unit(each.unit_id)
        person = (
            f"{names.person(each.person_id)}（{unit}）"
            if unit and names.language == "ja"
            else names.person(each.person_id)
        )
        if unit and names.language != "ja":
            person = f"{person} ({unit})"
        rows.append([*where, person, term_label(each.first_day, each.last_day), each.letter_number])
    if seat.vacancies:
        rows.append([*where, vacancy_label(seat.vacancies), "–", "–"])
    return rows


def letter_of(session: Session, organisation: Organisation, appointment_id: int, kind: LetterKind) -> bytes:
    """Return the letter of an appointment, or of its ending, as PDF in the language in force.

    Raises:
        UnknownAppointmentError: there is none in force, or it was not ended early.
        UnprintableCharacterError: the font lacks a character of the name.
    """
    row = appointment_in_force(session, organisation.id, appointment_id)
    if kind == "ending" and row.end_kind is None:
        raise UnknownAppointmentError(appointment_id)
    dated = row.appointed_on if kind == "appointment" or row.last_day is None else row.last_day
    names = names_on(session, organisation.id, Moment(dated), current_language())
    person = names.people.get(row.person_id)
    role = IsmsRole(row.isms_role)
    duties = shipped_role_texts()[role].duties[names.language]
    japanese = f"{person.family_name} {person.given_name}".strip() if person else ""
    name = names.person(row.person_id)
    facts_of_person = people_facts(session, organisation.id, None, {row.person_id})[row.person_id]
    affiliation = affiliation_on(facts_of_person, row.valid_from)
    facts = LetterFacts(
        organisation=organisation.name(names.language),
        number=(row.end_letter_number or "") if kind == "ending" else row.letter_number,
        name=name,
        name_beneath=japanese if name != japanese else "",
        role=role_label(row.isms_role),
        belongs_to=_belonging(affiliation, names),
        place=names.place(row.seat_key),
        unit=names.unit(row.unit_id),
        term=letter_term(row.valid_from, row.last_day),
        dated=dated,
        appointer=row.appointer,
        evidence_id=short_id(session.get_one(LedgerEvent, row.event_id).leaf),
        refers_to=row.letter_number if kind == "ending" else "",
        end_kind=end_kind_label(row.end_kind) if kind == "ending" and row.end_kind else "",
        summary=duties.summary if kind == "appointment" else "",
        responsibilities=duties.responsibilities if kind == "appointment" else (),
        authorities=duties.authorities if kind == "appointment" else (),
        text_version=shipped_role_texts()[role].version,
    )
    wording = appointment_wording() if kind == "appointment" else ending_wording()
    return role_letter(facts, LetterWording(**wording), _chosen())


def _belonging(affiliation: Affiliation | None, names: Names) -> str:
    """Return unit and post; in English the unit alone, since posts are recorded in Japanese."""
    if affiliation is None:
        return ""
    if names.language == "ja":
        return f"{affiliation.unit} {affiliation.post}".strip()
    return next((unit.name_en for unit in names.units.values() if unit.name_ja == affiliation.unit), affiliation.unit)
