"""The world of the two lives: their organisation as founded, and what the tool's services do for one step at one time."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import yaml
from sqlalchemy import select
from sqlalchemy.orm import Session

from courses.auditors import COURSE
from courses.calendar import FiscalYear, jst_date
from courses.pledges import AssuranceMethod
from courses.requirements import Audience, Occasion, Requirement
from courses.roles import IsmsRole
from courses.staff_lists import COLUMNS, read_staff_list, read_unit_list
from lms.lti.messages import Launch
from lms.services.auditor_decisions import (
    AreaFacts,
    approve_policy,
    define_area,
)
from lms.services.auditors import Policy
from lms.services.bodies import establish_body, establish_seat
from lms.services.catalogue import Decision, adopt_catalogue
from lms.services.fact_kinds import KINDS
from lms.services.identities import link_by_staff_number, see_identity
from lms.services.organisations import add_units, set_parameters
from lms.services.people import find_person, particulars_on
from lms.services.person_facts import Recorder as FactRecorder
from lms.services.person_facts import close_fact
from lms.services.platforms import NewPlatform, add_platform
from lms.services.pledges import (
    TextDecision,
    approve_text,
    draft_text,
    filled_sample,
    text_in_force,
    text_version,
)
from lms.services.requirements import Approval, approve_requirement, default_requirements
from lms.services.roles import Ending, NewAppointment, Recorder, acknowledge, appoint, end_appointment
from lms.services.signing import Assurance, SigningForm, full_name, sign_pledge
from lms.services.staff_lists import apply_import
from lms.services.vendors import add_contract, add_firm
from lms.store.organisations import Organisation, units_of
from lms.store.people import PersonFact
from lms.store.platforms import Platform
from lms.store.records import known
from lms.store.roles import appointments_of
from tests.practice_organisation.roles import APPOINTER, BODIES, SEATS, SINCE
from tests.practice_organisation.seed import FOLDER, MODULE

KEY = "kakuu"
ACTOR = "operator:practice"
FOUNDED = datetime(2026, 4, 1, 0, 0, tzinfo=UTC)
YEAR = FiscalYear(2026)
COMMITTEE = "情報セキュリティ委員会"
STAFF, VENDOR = "00151", "V0101"
DIRECTOR, CHIEF_AUDITOR, SECRETARY = "00107", "00109", "00123"
TEST, PLEDGE, VENDOR_PLEDGE, LEAVING_PLEDGE = MODULE, "confidentiality", "vendor", "leaving"
NEWCOMERS = {
    STAFF: ("00151", "仮橋", "しずく", "カリハシ", "シズク", "KARIHASHI Shizuku", "", "karihashi.shizuku@example.invalid",
            "ネットワーク係", "技術職員", "常勤", "技術職員", "2026-05-07", "", "2026-05-07", "", "学内ネットワークを運用するため"),
    VENDOR: ("V0101", "例示", "つばさ", "レイジ", "ツバサ", "REIJI Tsubasa", "", "reiji.tsubasa@example.invalid",
             "計算機システム係", "保守員", "業者", "外部", "2026-06-08", "2026-12-31", "2026-06-08", "2026-12-31", "計算機システムを保守するため"),
}  # fmt: skip
AREAS = {
    "A-AUTH": ("認証基盤", "Identity management", "認証基盤係"),
    "A-GA": ("総務・文書管理", "General affairs and documents", "総務係"),
    "A-NET": ("学内ネットワーク", "Campus network", "ネットワーク係"),
    "A-OPS": ("情報基盤運用", "Infrastructure operations", "情報基盤運用係"),
}


@dataclass
class World:
    """What the steps act on."""

    session: Session
    organisation: Organisation
    now: datetime
    by: FactRecorder = field(init=False)

    def __post_init__(self) -> None:
        """Say who records."""
        self.by = FactRecorder(ACTOR, self.now)

    @property
    def stamp(self) -> tuple[str, datetime]:
        """Who records, and when."""
        return ACTOR, self.now

    def person(self, number: str) -> int:
        """Return the key of a person who has joined."""
        found = find_person(self.session, self.organisation.id, number, jst_date(self.now))
        assert found is not None, number
        return found

    def unit(self, name: str) -> int:
        """Return the key of a unit."""
        return {unit.name_ja: unit.id for unit in units_of(self.session, self.organisation.id)}[name]

    def fact(self, kind: str, number: str) -> PersonFact:
        """Return the newest standing fact of a kind."""
        model: Any = KINDS[kind].model
        rows = select(model).where(model.person_id == self.person(number), known(model, None))
        found: PersonFact = self.session.scalars(rows.order_by(model.valid_from.desc())).first()  # type: ignore[assignment]
        return found

    def import_staff(self, *rows: tuple[str, ...] | list[str]) -> None:
        """Import a staff list of these rows; others are left as they are."""
        text = io.StringIO(newline="")
        csv.writer(text).writerows([COLUMNS, *rows])
        units = [unit.name_ja for unit in units_of(self.session, self.organisation.id)]
        apply_import(self.session, self.organisation, read_staff_list(text.getvalue().encode(), units), self.now, ACTOR)

    def launch(self, number: str) -> int:
        """Open an activity from the platform; return the identity, linked by its trusted staff number."""
        platform = self.platform()
        nothing = dict.fromkeys(Launch.__dataclass_fields__)
        said = {"sub": f"sub-{number}", "deployment_id": "1", "resource_link_id": "1", "staff_number": number}
        launch = Launch(**(nothing | {"roles": (), "custom": {}, "ags_scopes": ()} | said))  # type: ignore[arg-type]
        identity = see_identity(self.session, platform, launch, self.now)
        link_by_staff_number(self.session, platform, {identity.id: number}, self.now, f"identity:{identity.id}")
        return identity.id

    def platform(self) -> Platform:
        """Return the only platform."""
        return self.session.scalars(select(Platform).where(Platform.organisation_id == self.organisation.id)).one()

    def form(self, number: str, key: str) -> SigningForm:
        """Return the form of the text in force, as its signer fills it in."""
        person_id = self.person(number)
        current = text_in_force(self.session, self.organisation.id, key, jst_date(self.now))
        text = text_version(self.session, self.organisation.id, current.text_id)
        name = full_name(particulars_on(self.session, self.organisation.id, jst_date(self.now)).get(person_id))
        return SigningForm(text.id, text.sha256_ja, "ja", person_id, True, name or "")

    def sign(self, number: str, key: str) -> None:
        """Sign the text in force after a fresh launch."""
        identity_id, person_id = self.launch(number), self.person(number)
        assured = Assurance(
            AssuranceMethod.LAUNCH, f"person:{person_id}", False, identity_id, self.platform().issuer, "1",
            self.now - timedelta(minutes=2), address="192.0.2.10", user_agent="Practice/1.0",
        )  # fmt: skip
        sign_pledge(self.session, self.organisation, person_id, self.form(number, key), (assured, self.now))

    def appoint(self, number: str, isms_role: IsmsRole, seat: str, first_day: date, letter: str) -> int:
        """Appoint somebody until the end of the fiscal year."""
        wanted = NewAppointment(
            self.person(number), isms_role, first_day, YEAR.last_day, letter, first_day, APPOINTER, seat
        )
        return appoint(self.session, self.organisation, wanted, Recorder(ACTOR, self.now)).id

    def acknowledge(self, number: str, isms_role: IsmsRole) -> None:
        """Let the appointee acknowledge receipt."""
        row = self.appointment(number, isms_role)
        identity_id = self.launch(number)
        acknowledge(self.session, self.organisation, row, (self.person(number), identity_id), self.now)

    def appointment(self, number: str, isms_role: IsmsRole) -> int:
        """Return the key of somebody's standing appointment to a role."""
        rows = appointments_of(self.session, self.organisation.id, None, {self.person(number)})
        return next(each.id for each in rows if each.isms_role == isms_role.value)

    def end(self, number: str, isms_role: IsmsRole, ending: Ending) -> None:
        """End an appointment before its term."""
        row = self.appointment(number, isms_role)
        end_appointment(self.session, self.organisation, row, ending, Recorder(ACTOR, self.now))

    def close(self, kind: str, number: str, last_day: date, why: str) -> None:
        """Let the newest fact of a kind end."""
        close_fact(self.session, self.organisation, self.fact(kind, number), last_day + timedelta(days=1), why, self.by)


# The organisation


def found(world: World) -> None:
    """Found the organisation with what its people meet: units, module, requirements, texts, roles, areas, a platform."""
    session, organisation = world.session, world.organisation
    add_units(session, organisation, read_unit_list((FOLDER / "units.csv").read_bytes()), world.now, ACTOR)
    set_parameters(session, organisation, yaml.safe_load((FOLDER / "parameters.yaml").read_bytes()), world.now, ACTOR)
    rows = csv.reader(io.StringIO((FOLDER / "staff.csv").read_text("utf-8-sig")))
    world.import_staff(*(row for row in rows if row and row[0] in {DIRECTOR, CHIEF_AUDITOR, SECRETARY}))
    decision = Decision("令和8年度第1回情報セキュリティ委員会 議題2", COMMITTEE, date(2026, 4, 1))
    adopt_catalogue(session, organisation, decision, ACTOR, world.now)
    platform = NewPlatform(
        "練習用LMS", "https://lms.example.invalid", "uPracticeLms001", "https://lms.example.invalid/auth",
        "https://lms.example.invalid/token", "https://lms.example.invalid/certs", ("1",), trusts_staff_number=True,
    )  # fmt: skip
    add_platform(session, organisation, platform, ACTOR, world.now)
    _require(world)
    for number, key in enumerate((PLEDGE, VENDOR_PLEDGE, LEAVING_PLEDGE), 1):
        row = draft_text(session, organisation, filled_sample(session, organisation.id, key), ACTOR, world.now)
        decided = TextDecision(f"第1回委員会 議題3-{number}", COMMITTEE, date(2026, 4, 1))
        approve_text(session, organisation, row.id, decided, world.stamp)
    for body in BODIES:
        establish_body(session, organisation, body, SINCE, world.now, ACTOR)
    for seat in SEATS:
        establish_seat(session, organisation, seat, SINCE, world.now, ACTOR)
    world.appoint(SECRETARY, IsmsRole.SECRETARIAT, "secretariat-head", YEAR.start, "架空任第R8-91号")
    world.appoint(CHIEF_AUDITOR, IsmsRole.CHIEF_AUDITOR, "chief-auditor", YEAR.start, "架空任第R8-92号")
    for key, (name_ja, name_en, unit) in AREAS.items():
        facts = AreaFacts(key, name_ja, name_en, world.unit(unit), 240, (), YEAR.start)
        define_area(session, organisation, facts, ACTOR, world.now)
    approve_policy(session, organisation, Policy(approved_by="監査委員会", valid_from=YEAR.start), ACTOR, world.now)
    firm = add_firm(session, organisation, "架空システム株式会社", "Kakuu Systems K.K.", world.stamp)
    named = ("架契-2026-001", "計算機システム保守業務")
    add_contract(session, organisation, firm.id, named, (YEAR.period, ACTOR, world.now))


def _require(world: World) -> None:
    own = Audience(employments=frozenset({"regular", "part_time", "seconded", "agency"}))
    vendors = Audience(employments=frozenset({"vendor"}))
    auditors = Audience(roles=frozenset({IsmsRole.INTERNAL_AUDITOR.value}))
    external = frozenset({"external_course"})
    annual, joining = default_requirements(TEST, 2026, (12, 31))
    rules = (
        (annual, "情報セキュリティ講習（年次）", "Security training (yearly)"),
        (joining, "情報セキュリティ講習（着任時）", "Security training (on joining)"),
        (Requirement("pledge-joining", f"pledge:{PLEDGE}", Occasion.JOINING, 2026, audience=own), "秘密保持の誓約（着任時）", "Confidentiality pledge (on joining)"),
        (Requirement("pledge-changed", f"pledge:{PLEDGE}", Occasion.PLEDGE_TEXT, 2026, audience=own), "秘密保持の誓約（文書の改定）", "Confidentiality pledge (changed text)"),
        (Requirement("pledge-vendor", f"pledge:{VENDOR_PLEDGE}", Occasion.JOINING, 2026, audience=vendors), "業者の誓約（着任時）", "Vendors' pledge (on joining)"),
        (Requirement("pledge-leaving", f"pledge:{LEAVING_PLEDGE}", Occasion.LEAVING, 2026), "離任時の確認", "Confirmation on leaving"),
        (Requirement("auditor-course", COURSE, Occasion.ROLE, 2026, audience=auditors, equivalents=external), "内部監査員研修", "Internal auditor's course"),
    )  # fmt: skip
    for rule, ja, en in rules:
        approval = Approval(COMMITTEE, date(2026, 4, 1), ja, en)
        approve_requirement(world.session, world.organisation, rule, approval, ACTOR, world.now)
