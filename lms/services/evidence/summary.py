"""File 00: the summary's figures, each counted in the table that it names.

Source: ISO/IEC 27001 clauses 4.3, 7.2, 9.1; domain.md §3 (population = sum of the states), §7.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from courses.calendar import JST, FiscalYear
from courses.programme.results import Verdict
from courses.requirements import State
from courses.selfcheck import Judgement, Rule
from lms.reports.evidence.summary import Figure, Grid, Listing, Summary
from lms.services.evidence.auditors import AUDITORS, PAIRINGS
from lms.services.evidence.binding import BINDING, BOUND
from lms.services.evidence.corrections import CORRECTIONS
from lms.services.evidence.people import MATRIX, PEOPLE, RECONCILIATION
from lms.services.evidence.pledges import DECLINES, STAFF, VENDORS
from lms.services.evidence.pool import POOL
from lms.services.evidence.results import ATTENDANCE, RECORDED_TESTS, TESTS
from lms.services.evidence.roles import APPOINTMENTS
from lms.services.evidence.selfcheck import RULES, SELF_CHECK
from lms.services.evidence.source import Source
from lms.services.evidence.tables import Table
from lms.services.moments import checkpoint_covering
from lms.store.documents import DocumentReference
from lms.store.requirements import requirements_of
from lms.wording.auditors import qualification_label
from lms.wording.evidence import (
    bound_label,
    consistency_label,
    correction_label,
    difference_label,
    document_label,
    summary_notes,
)
from lms.wording.gettext import _, current_language, use_language
from lms.wording.pools import pool_verdict_label
from lms.wording.registers import category_label, date_label, employment_label, mode_label, state_label, year_label
from lms.wording.selfcheck import judgement_label, rule_title

SCOPE_DOCUMENTS = "00_documents.csv"
_KINDS = ("scope_statement", "statement_of_applicability")

Tables = Mapping[str, Table]
_Label = Callable[[str], str]


def document_table(source: Source) -> Table:
    """Return the documents that state scope and applicability, as they are on the as-of date."""
    table = source.table(
        path=SCOPE_DOCUMENTS,
        columns=("kind", "number", "version", "title_ja", "title_en", "place", "sha256", "from", "evidence_id"),
        evidence=("evidence_id",),
    )
    as_of = source.question.as_of
    for row, evidence_id in source.records(
        DocumentReference,
        DocumentReference.kind.in_(_KINDS),
        DocumentReference.valid_from <= as_of,
        DocumentReference.valid_to.is_(None) | (DocumentReference.valid_to > as_of),
        order=(DocumentReference.kind, DocumentReference.valid_from),
    ):
        table.add(
            *(row.kind, row.number, row.version, row.title_ja, row.title_en, row.place, row.sha256, row.valid_from),
            evidence_id,
        )
    return table


@dataclass(frozen=True, slots=True)
class About:
    """What the summary says of the pack as a whole."""

    criteria: str
    generator: str
    ledger_fingerprint: str
    pack_fingerprint: str
    files: Sequence[str]
    """Files that are no tables."""


def summary_in(language: Literal["ja", "en"], source: Source, tables: Tables, about: About) -> Summary:
    """Return the summary in a language."""
    with use_language(language):
        return Summary(
            language=language,
            title=_("Evidence pack for competence and awareness: summary"),
            organisation=source.question.organisation.name(language),
            facts=tuple(_facts(source, about.criteria, about.generator)),
            documents_title=_("Scope and applicability"),
            documents=tuple(_documents(tables[SCOPE_DOCUMENTS], language)),
            grids=(_by_category(tables), _by_requirement(tables, _titles(source))),
            listings=tuple(_listings(tables)),
            headings=(_("What"), _("Number"), _("Where it is counted")),
            notes_title=_("Notes"),
            notes=summary_notes(),
            dated=source.question.as_of,
            filters=(_(" and "), _("(empty)"), _("distinct values of %(column)s"), _("value of %(column)s")),
            keys_title=_("Fingerprints"),
            keys=((_("Ledger key"), about.ledger_fingerprint), (_("Pack key"), about.pack_fingerprint)),
            contents_title=_("Files in this pack, and rows of the tables"),
            contents=tuple(sorted([*about.files, *(f"{path} ({each.rows.count})" for path, each in tables.items())])),
            share=_("%(number)s (%(percent)s%%)"),
        )


def _facts(source: Source, criteria: str, generator: str) -> Iterator[tuple[str, str]]:
    question = source.question
    last = question.period.last_day or question.end
    years = [year_label(FiscalYear(year)) for year in question.years if FiscalYear(year).period == question.period]
    days = _("%(first)s to %(last)s", first=date_label(question.period.start), last=date_label(last))
    yield _("Period"), f"{years[0]}: {days}" if years else days
    yield _("As of the end of the day (JST)"), date_label(question.as_of)
    checkpoint = checkpoint_covering(source.session, source.organisation_id, question.size)
    time = checkpoint.created_at.astimezone(JST).strftime("%Y-%m-%d %H:%M:%S JST") if checkpoint else "-"
    yield _("As known at"), _("ledger size %(size)s (%(time)s)", size=question.size, time=time)
    yield _("Made by"), generator
    yield _("Criteria applied"), criteria
    yield (
        _("How people are named"),
        _("named") if question.is_named else _("under pseudonyms; the organisation keeps the key"),
    )


def _documents(table: Table, language: str) -> Iterator[tuple[str, str]]:
    places = {name: table.columns.index(name) for name in ("kind", "number", "version", f"title_{language}")}
    rows = list(table.rows)
    for kind in _KINDS:
        found = [row for row in rows if row[places["kind"]] == kind]
        label = document_label(kind)
        if not found:
            yield label, _("not recorded")
        for row in found:
            number, version, title = (row[places[name]] for name in ("number", "version", f"title_{language}"))
            yield label, _("%(title)s (%(number)s, version %(version)s)", title=title, number=number, version=version)


def _by_category(tables: Tables) -> Grid:
    people = tables[PEOPLE].counted(("category",), distinct="person")
    everyone = tables[PEOPLE].counted((), distinct="person")
    states = _Counts(tables[MATRIX], "category")
    lines = [
        (
            category_label(category) or _("not known"),
            (
                Figure.counted(PEOPLE, count, (("category", category),), "person"),
                *states.line((("category", category),)),
            ),
        )
        for (category,), count in sorted(people.items())
    ]
    total = (Figure.counted(PEOPLE, everyone.get((), 0), (), "person"), *states.line(()))
    lines.append((_("All"), total))
    return Grid(
        _("People in scope, and how their obligations stand"),
        _(
            "People: distinct person in %(people)s by category; obligations and states: rows of %(matrix)s by category and state. The states add up to the obligations.",
            people=PEOPLE,
            matrix=MATRIX,
        ),
        (_("Category"), _("People"), _("Obligations"), *(state_label(state) for state in State)),
        tuple(lines),
    )


def _titles(source: Source) -> dict[str, str]:
    """Return what the requirements are called, in the language in force."""
    known = requirements_of(source.session, source.organisation_id, source.question.size)
    return {each.key: each.title(current_language()) for each in known}


def _by_requirement(tables: Tables, titles: Mapping[str, str]) -> Grid:
    states = _Counts(tables[MATRIX], "requirement")
    lines = [(_named(name, titles), states.line((("requirement", name),))) for name in states.names]
    lines.append((_("All"), states.line(())))
    return Grid(
        _("How obligations stand by requirement"),
        _("Rows of %(matrix)s by requirement and state.", matrix=MATRIX),
        (_("Requirement"), _("Obligations"), *(state_label(state) for state in State)),
        tuple(lines),
    )


def _named(key: str, titles: Mapping[str, str]) -> str:
    """Return a title with its key, by which the tables name it."""
    return f"{titles[key]} ({key})" if key in titles else key


class _Counts:
    """Rows of the matrix by a column and the state."""

    def __init__(self, matrix: Table, column: str) -> None:
        self._counts = matrix.counted((column, "state"))
        self.names = sorted({name for name, _ in self._counts})

    def line(self, where: Sequence[tuple[str, str]]) -> tuple[Figure, ...]:
        """Return the number of obligations and those in each state."""
        wanted = {value for _, value in where}
        counts = dict.fromkeys((state.value for state in State), 0)
        for (name, state), count in self._counts.items():
            if not wanted or name in wanted:
                counts[state] += count
        total = Figure.counted(MATRIX, sum(counts.values()), where)
        return (
            total,
            *(Figure.counted(MATRIX, count, (*where, ("state", state))) for state, count in counts.items()),
        )


def _listings(tables: Tables) -> Iterator[Listing]:
    yield Listing(_("People"), tuple(_people(tables)))
    yield Listing(_("Tests and training"), tuple(_training(tables)))
    yield Listing(_("Pledges"), tuple(_pledges(tables)))
    yield Listing(_("Roles"), tuple(_roles(tables)))
    yield Listing(_("Internal auditors"), tuple(_auditors(tables)))
    yield Listing(_("Self-check"), tuple(_self_check(tables)))
    yield Listing(_("Corrections"), tuple(_corrections(tables)))


def total(table: Table, label: str) -> tuple[str, Figure]:
    """Return the number of a table's rows."""
    return label, Figure.counted(table.layout.path, table.rows.count)


def by_value(table: Table, column: str, label: _Label, *, known: Sequence[str] = ()) -> Iterator[tuple[str, Figure]]:
    """Yield the number of rows with each value of a column; values that must be named even where there are none first."""
    counts = table.counted((column,))
    for value in [*known, *sorted(value for (value,) in counts if value not in known)]:
        yield label(value), Figure.counted(table.layout.path, counts.get((value,), 0), ((column, value),))


def _people(tables: Tables) -> Iterator[tuple[str, Figure]]:
    people = tables[PEOPLE]
    employed = people.counted(("employment",), distinct="person")
    for (employment,), count in sorted(employed.items()):
        label = _("Employment: %(kind)s", kind=employment_label(employment) or _("not known"))
        yield label, Figure.counted(PEOPLE, count, (("employment", employment),), "person")
    without = people.counted(("obligations",), distinct="person").get(("0",), 0)
    yield _("In scope without any obligation"), Figure.counted(PEOPLE, without, (("obligations", "0"),), "person")
    differences = (
        *("in_scope_not_in_service", "in_service_not_in_scope", "in_scope_without_account"),
        *("account_of_somebody_who_left", "account_of_nobody"),
    )
    yield from by_value(tables[RECONCILIATION], "difference", difference_label, known=differences)


def _training(tables: Tables) -> Iterator[tuple[str, Figure]]:
    yield total(tables[TESTS], _("Attempts at tests"))
    yield from by_value(tables[TESTS], "is_passed", lambda value: _("Attempts that were passed") if value == "true" else _("Attempts that were not passed"), known=("true", "false"))  # fmt: skip
    yield from by_value(
        tables[RECORDED_TESTS],
        "is_passed",
        lambda value: _("Recorded courses and tests that were passed") if value == "true" else _("Recorded courses and tests that were attended only, or failed"),
        known=("true", "false"),
    )  # fmt: skip
    yield from by_value(tables[ATTENDANCE], "mode", lambda value: _("Attendance: %(mode)s", mode=mode_label(value)))


def _pledges(tables: Tables) -> Iterator[tuple[str, Figure]]:
    yield total(tables[STAFF], _("Signature records of staff"))
    yield total(tables[VENDORS], _("Signature records of vendors' people"))
    for path in (STAFF, VENDORS):
        counts = tables[path].counted(("withdrawal_ground",))
        for (ground,), count in sorted(counts.items()):
            if ground:
                where = (("withdrawal_ground", ground),)
                yield _("Withdrawn: %(ground)s", ground=ground), Figure.counted(path, count, where)
    yield total(tables[DECLINES], _("Declined"))
    bound = tables[BINDING].counted(("bound",), distinct="person")
    for value in BOUND:
        where = (("bound", value),)
        yield bound_label(value), Figure.counted(BINDING, bound.get((value,), 0), where, "person")


def _roles(tables: Tables) -> Iterator[tuple[str, Figure]]:
    yield total(tables[APPOINTMENTS], _("Appointments in force on a day of the period"))
    yield from by_value(
        tables[APPOINTMENTS],
        "consistency",
        lambda code: _("Appointments: %(remark)s", remark=consistency_label(code)),
        known=("ok",),
    )


def _auditors(tables: Tables) -> Iterator[tuple[str, Figure]]:
    yield from by_value(
        tables[AUDITORS],
        "status",
        lambda code: _("Auditors: %(status)s", status=qualification_label(code)),
        known=("valid", "lapsed", "not_granted"),
    )
    pairings = tables[PAIRINGS]
    counts = pairings.counted(("member", "may_audit"))
    for value, label in (
        ("true", _("Auditors on teams whose independence holds")),
        ("false", _("Auditors on teams whose independence or qualification does not hold")),
    ):
        where = (("member", "auditor"), ("may_audit", value))
        yield label, Figure.counted(PAIRINGS, counts.get(("auditor", value), 0), where)
    cells = {str(row[0]): str(row[1]) for row in tables[POOL].rows}
    for item, label in (
        ("verdict", _("Pool of auditors: verdict")),
        ("margin", _("Pool of auditors: how many could be lost")),
        ("minimum_pool_size", _("Smallest pool that covers every area")),
        ("first_day_without_a_team", _("First day ahead on which an area gets no team")),
    ):
        if item in cells:
            words = pool_verdict_label(cells[item]) if item == "verdict" and cells[item] in set(Verdict) else ""
            yield label, Figure.read(POOL, cells[item], "value", (("item", item),), words)


def _self_check(tables: Tables) -> Iterator[tuple[str, Figure]]:
    table = tables[SELF_CHECK]
    counts = table.counted(("rule", "judgement"))
    states = {str(row[0]): str(row[1]) for row in tables[RULES].rows}
    for rule in Rule:
        if states[rule.value] != "run":
            words = _("not examined: nothing to look at")
            figure = Figure.read(RULES, states[rule.value], "state", (("rule", rule.value),), words)
            yield f"{rule.value} {rule_title(rule)}", figure
            continue
        hits = sum(count for (name, _), count in counts.items() if name == rule.value)
        yield f"{rule.value} {rule_title(rule)}", Figure.counted(SELF_CHECK, hits, (("rule", rule.value),))
    yield from by_value(table, "judgement", judgement_label, known=("", *(each.value for each in Judgement)))


def _corrections(tables: Tables) -> Iterator[tuple[str, Figure]]:
    yield total(tables[CORRECTIONS], _("Records that follow another, recorded since the period began"))
    yield from by_value(tables[CORRECTIONS], "kind", correction_label, known=("correction", "void", "approval"))
    yield from by_value(tables[CORRECTIONS], "record", lambda name: _("Corrections: %(record)s", record=name))
