"""What every register says of one person, as of a date and as known at a size of the ledger: a code to compare, words to read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy.orm import Session

from courses.auditors import Qualification
from courses.calendar import Period
from courses.independence import Independence
from courses.ledger import short_id
from lms.services.auditors import open_book
from lms.services.permissions import EVERYONE, Permission, permissions_of
from lms.services.person_facts import NoSuchPersonError
from lms.services.person_record import FactHistory, person_record
from lms.services.pledge_register import PersonPledge, person_pledges
from lms.services.requirements import Standing, standings
from lms.services.roles import acknowledged_at
from lms.services.vendors import vendors
from lms.store.organisations import Organisation
from lms.store.pledges import texts_of
from lms.store.records import Moment
from lms.store.roles import appointments_of
from lms.wording.auditors import ground_label, qualification_label
from lms.wording.gettext import current_language
from lms.wording.permissions import role_label
from lms.wording.pledges import reason_sentence, signature_state_label
from lms.wording.registers import employment_label, mode_label, state_label
from tests.practice_organisation.life_world import YEAR

WORDS = {
    "facts": ("人の事実", "Facts"),
    "obligations": ("力量要件", "Obligations"),
    "pledges": ("誓約", "Pledges"),
    "roles": ("役割", "Roles"),
    "auditor": ("内部監査員", "Auditor"),
    "vendor": ("業者", "Vendor"),
    "scope": ("適用範囲", "In scope"),
    "unit": ("所属", "Unit"),
    "training": ("他の教育訓練", "Other training"),
    "rights": ("ツールでの権限", "Rights in the tool"),
    "held": ("任命", "Appointments"),
    "qualification": ("資格", "Qualification"),
    "engagement": ("契約での従事", "Engagement"),
    "out": ("範囲外", "out of scope"),
    "due": ("期限", "due "),
    "recording": ("記録", "recording "),
    "acknowledged": ("受領確認済", "acknowledged"),
    "unacknowledged": ("受領未確認", "not acknowledged"),
    "eligible": ("適格", "eligible"),
    "excluded": ("担当除外", "excluded"),
    "cannot_tell": ("判定不能", "cannot tell"),
    "not_qualified": ("資格なし", "not qualified"),
    "course_missing": ("研修なし", "no course"),
    "never_appointed": ("任命なし", "never appointed"),
    "not_yet_appointed": ("任命前", "not yet appointed"),
    "term_over": ("任期終了", "term over"),
    "review_missing": ("力量評価なし", "not reviewed"),
    "left": ("離任", "left"),
    "own": ("本人のものだけ", "their own records alone"),
    "everybody": ("全員の受講状況の閲覧など", "everybody's attendance, and more"),
}


def word(key: str) -> str:
    """Return a word of the script in the language in force."""
    return WORDS[key][current_language() != "ja"]


def bracketed(text: str) -> str:
    """Return a remark in the brackets of the language in force."""
    return f"（{text}）" if current_language() == "ja" else f" ({text})"


@dataclass(frozen=True)
class Line:
    """What one register says on one thing."""

    register: str
    item: str
    label: str
    """The item in words."""
    code: str
    """The same in every run and language."""
    text: str
    """In the language in force, with evidence ids."""

    @property
    def key(self) -> str:
        """Name the line among those of a person."""
        return f"{self.register}: {self.item}"


def registers(session: Session, organisation: Organisation, person_id: int, moment: Moment) -> list[Line]:
    """Return what every register says of somebody; nothing where nothing was known of them."""
    asked = (session, organisation, person_id, moment)
    try:
        facts = list(_facts(*asked))
    except NoSuchPersonError:
        return []
    return [*facts, *_obligations(*asked), *_pledges(*asked), *_roles(*asked), *_auditor(*asked), *_vendor(*asked)]


def _facts(session: Session, organisation: Organisation, person_id: int, moment: Moment) -> Iterator[Line]:
    record = person_record(session, organisation.id, person_id, moment)
    scope = [each for each in record.facts["scope"] if each.holds_on(moment.as_of)]
    yield Line(
        "facts",
        "scope",
        word("scope"),
        " ".join(_span(each) for each in scope) or "out",
        _span_text(scope) or word("out"),
    )
    units = [each for each in record.facts["affiliation"] if each.holds_on(moment.as_of)]
    named = [(each.newest.values["unit"], each.newest.values["employment"]) for each in units]
    texts = [f"{unit}・{employment_label(employment)}" for unit, employment in named]
    yield Line("facts", "unit", word("unit"), " ".join(unit for unit, _ in named) or "-", " ".join(texts) or "–")
    taken = [each for each in record.facts["training"] if each.newest.start <= moment.as_of]
    codes = [f"{each.newest.values['competence']} {each.newest.start}" for each in taken]
    texts = [
        f"{mode_label(each.newest.values['kind'])} {each.newest.start} {each.newest.evidence_id}" for each in taken
    ]
    yield Line("facts", "training", word("training"), " ".join(codes) or "-", "\n".join(texts) or "–")


def _span(fact: FactHistory) -> str:
    newest = fact.newest
    last_day = Period(newest.start, newest.end).last_day
    return f"{newest.start}..{last_day or ''}" + (f" #{len(fact.versions)}" if len(fact.versions) > 1 else "")


def _span_text(facts: list[FactHistory]) -> str:
    return "\n".join(
        _days(Period(each.newest.start, each.newest.end))
        + (bracketed(f"{word('recording')}{len(each.versions)}") if len(each.versions) > 1 else "")
        for each in facts
    )


def _days(period: Period) -> str:
    if current_language() == "ja":
        return f"{period.start}～{period.last_day or ''}"
    return f"from {period.start}" + (f" to {period.last_day}" if period.last_day else "")


def _obligations(session: Session, organisation: Organisation, person_id: int, moment: Moment) -> Iterator[Line]:
    for person in standings(session, organisation.id, YEAR.year, moment, {person_id}):
        for each in person.standings:
            evidence = f"\n{short_id(each.result.leaf)}" if each.result is not None else ""
            due = bracketed(f"{word('due')}{each.status.due_on}")
            text = f"{state_label(each.status.state)}{due}{evidence}"
            yield Line("obligations", each.requirement.key, _title(each), _standing(each), text)


def _title(each: Standing) -> str:
    return each.requirement.title_ja if current_language() == "ja" else each.requirement.title_en


def _standing(each: Standing) -> str:
    return f"{each.status.state} {each.status.due_on:%m-%d}"


def _pledges(session: Session, organisation: Organisation, person_id: int, moment: Moment) -> Iterator[Line]:
    titles = {row.key: row.title(current_language()) for row in texts_of(session, organisation.id, moment.known_at)}
    asked = _asked_pledges(session, organisation, person_id, moment)
    _, found = person_pledges(session, organisation.id, person_id, moment)
    for each in found:
        if each.signature is not None or each.key in asked:
            yield Line("pledges", each.key, titles[each.key], _binding(each), _binding_text(each))


def _asked_pledges(session: Session, organisation: Organisation, person_id: int, moment: Moment) -> set[str]:
    return {
        each.obligation.requirement.competence.removeprefix("pledge:")
        for person in standings(session, organisation.id, YEAR.year, moment, {person_id})
        for each in person.standings
    }


def _binding(each: PersonPledge) -> str:
    if each.text is None or each.signature is None:
        return str(each.binding.state or "unsigned")
    return f"v{each.text.version} {each.binding.state} {each.signature.method}"


def _binding_text(each: PersonPledge) -> str:
    version = f" v{each.text.version}" if each.text is not None else ""
    steps = [
        f"{known.reason.day} {reason_sentence(known.reason)} {known.evidence_id or ''}".rstrip()
        for known in each.reasons
    ]
    return "\n".join([f"{signature_state_label(each.binding.state)}{version}", *steps])


def _roles(session: Session, organisation: Organisation, person_id: int, moment: Moment) -> Iterator[Line]:
    rows = [
        each
        for each in appointments_of(session, organisation.id, moment.known_at, {person_id})
        if moment.as_of in Period(each.valid_from, each.valid_to)
    ]
    seen = acknowledged_at(session, organisation.id, rows, moment.known_at, moment.as_of)
    codes, texts = [], []
    for each in rows:
        receipt_word = "acknowledged" if each.id in seen else "unacknowledged"
        codes.append(f"{each.isms_role} to {each.last_day} {receipt_word}")
        days = _days(Period(each.valid_from, each.valid_to))
        texts.append(f"{role_label(each.isms_role)} {days}{bracketed(word(receipt_word))} {each.letter_number}")
    yield Line("roles", "held", word("held"), "; ".join(codes) or "-", "\n".join(texts) or "–")


def rights(session: Session, person_id: int, day: date) -> Line:
    """Return what somebody may do in the tool on a day, by everything recorded: pages open by nothing less."""
    held = permissions_of(session, person_id, day) - EVERYONE
    code = "everybody" if Permission.READ_ATTENDANCE in held else "own"
    return Line("roles", "rights", word("rights"), code, word(code))


def _auditor(session: Session, organisation: Organisation, person_id: int, moment: Moment) -> Iterator[Line]:
    book = open_book(session, organisation.id, moment, [person_id])
    qualification = book.qualification(person_id, moment.as_of)
    yield Line(
        "auditor",
        "qualification",
        word("qualification"),
        _qualification(qualification),
        _qualification_text(qualification),
    )
    day_after = moment.as_of + timedelta(days=1)
    audited, held = Period(YEAR.start, day_after), Period(moment.as_of, day_after)
    for key, area in book.areas_on(moment.as_of).items():
        verdict = book.judge(person_id, area, audited, held)
        yield Line("auditor", key, f"{key} {area.name(current_language())}", _verdict(verdict), _verdict_text(verdict))


def _qualification(found: Qualification) -> str:
    return " ".join([found.state.value, *(each.finding.value for each in found.shortcomings)])


def _qualification_text(found: Qualification) -> str:
    lacking = ", ".join(word(each.finding.value) for each in found.shortcomings)
    return qualification_label(found.state.value) + (f"\n({lacking})" if lacking else "")


def _verdict(found: Independence) -> str:
    return " ".join([found.verdict.value, *(f"{each.kind.value} {each.period.start:%m-%d}" for each in found.grounds)])


def _verdict_text(found: Independence) -> str:
    grounds = [
        f"{ground_label(each.kind.value)}:\n  {_days(each.period)}\n  {each.reference}" for each in found.grounds
    ]
    return "\n".join([word(found.verdict.value), *grounds])


def _vendor(session: Session, organisation: Organisation, person_id: int, moment: Moment) -> Iterator[Line]:
    found = [
        (firm.firm, contract.contract, each)
        for firm in vendors(session, organisation.id, moment)
        for contract in firm.contracts
        for each in contract.engagements
        if each.person_id == person_id
    ]
    codes = [f"{contract.number} to {Period(each.valid_from, each.valid_to).last_day}" for _, contract, each in found]
    name = "name_ja" if current_language() == "ja" else "name_en"
    texts = [
        f"{getattr(firm, name)} {contract.number} {_days(Period(each.valid_from, each.valid_to))}"
        for firm, contract, each in found
    ]
    yield Line("vendor", "engagement", word("engagement"), "; ".join(codes) or "-", "\n".join(texts) or "–")
