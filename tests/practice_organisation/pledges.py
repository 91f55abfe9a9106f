"""The practice organisation's pledges: texts, signatures of every kind, a decline, a withdrawal, a paper, a vendor.

Signed long ago by rule of thumb: numbers 00101 to 00134 signed the first version in April; half of them the second in
October. Everybody is fictional.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from courses.calendar import Period, jst_date
from courses.pledges import AssuranceMethod, WithdrawalGround
from lms.services.documents import store_document
from lms.services.invitations import invite, sign_by_invitation
from lms.services.people import find_person, particulars_on
from lms.services.pledge_papers import SignedPaper, Verifier, record_paper
from lms.services.pledges import (
    NewText,
    TextDecision,
    approve_text,
    draft_text,
    filled_sample,
    text_in_force,
    text_version,
)
from lms.services.signing import (
    Assurance,
    SigningForm,
    decline_pledge,
    full_name,
    sign_pledge,
    withdraw_signature,
)
from lms.services.vendors import add_contract, add_firm, engage
from lms.store.organisations import Organisation
from lms.store.platforms import Platform

ACTOR = "operator:practice"
OFFICE = "情報セキュリティ委員会"
SECOND_VERSION = date(2026, 10, 1)
SIGNED_FIRST = tuple(f"{number:05d}" for number in range(103, 135) if number not in {129, 131, 134})
SIGNED_BOTH = tuple(f"{number:05d}" for number in range(107, 121))
DECLINED, WITHDRAWN, ON_PAPER, VENDOR = "00121", "00122", "00129", "V0001"
NEW_LINE = {
    "ja": (
        "2. 情報、機器、アカウントは、許された目的と範囲で使います。",
        "2. 情報、機器、アカウントは、許された目的と範囲で使います。生成AIなど外部のサービスに業務の情報を入れるのは、センターが認めたものに限ります。",
    ),
    "en": (
        "2. I use information, equipment and accounts for the purposes and within the limits that I am allowed.",
        "2. I use information, equipment and accounts for the purposes and within the limits that I am allowed. I enter information of the work into outside services, such as generative AI, only where the Centre has accepted them.",
    ),
}
"""What the second version says anew."""
SCAN = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
"""An empty page in the place of a scan."""


def _at(month: int, day: int, minute: int = 0) -> datetime:
    return datetime(2026, month, day, 1, 0, tzinfo=UTC) + timedelta(minutes=minute)


def found_pledges(session: Session, organisation: Organisation, founded: datetime) -> None:
    """Draft and approve the texts, and record the vendors."""
    first = TextDecision("令和8年度第1回情報セキュリティ委員会 議題3", OFFICE, date(2026, 4, 1), True, 30)
    for key in ("confidentiality", "vendor", "leaving"):
        row = draft_text(session, organisation, filled_sample(session, organisation.id, key), ACTOR, founded)
        decided = first if key == "confidentiality" else TextDecision(first.decision, OFFICE, first.effective_on)
        approve_text(session, organisation, row.id, decided, (ACTOR, founded))
    for number, name_ja, name_en, contract, title in (
        ("V0001", "架空システム株式会社", "Kakuu Systems K.K.", "架契-2026-001", "計算機システム保守業務"),
        ("V0002", "見本通信株式会社", "Mihon Tsuushin K.K.", "架契-2026-002", "ネットワーク機器保守業務"),
    ):
        firm = add_firm(session, organisation, name_ja, name_en, (ACTOR, founded))
        year = Period(date(2026, 4, 1), date(2027, 4, 1))
        under = add_contract(session, organisation, firm.id, (contract, title), (year, ACTOR, founded))
        person_id = find_person(session, organisation.id, number, date(2026, 4, 1))
        engage(session, organisation, person_id, under.id, (year, ACTOR, founded))


def change_text(session: Session, organisation: Organisation, now: datetime) -> None:
    """Draft and approve the second version of the confidentiality pledge, in September."""
    decided_at = _at(9, 10)
    if decided_at >= now:
        return
    sample = filled_sample(session, organisation.id, "confidentiality")
    texts = {each: text.replace(*NEW_LINE[each]) for each, text in sample.texts.items()}
    row = draft_text(session, organisation, NewText(sample.key, sample.titles, texts), ACTOR, decided_at)
    decided = TextDecision("令和8年度第3回情報セキュリティ委員会 議題1", OFFICE, SECOND_VERSION, True, 30)
    approve_text(session, organisation, row.id, decided, (ACTOR, decided_at))


class Signers:
    """The practice organisation's people as they sign."""

    def __init__(self, session: Session, organisation: Organisation, now: datetime) -> None:
        self.session, self.organisation, self.now = session, organisation, now
        self.platform = session.scalars(select(Platform).where(Platform.organisation_id == organisation.id)).one()
        self.names = particulars_on(session, organisation.id, date(2026, 11, 23))
        self.keys = {each.staff_number: person_id for person_id, each in self.names.items() if each is not None}

    def form(self, number: str, at: datetime, key: str, reason: str = "") -> SigningForm:
        """Return the form of the text in force, as filled in."""
        current = text_in_force(self.session, self.organisation.id, key, jst_date(at))
        text = text_version(self.session, self.organisation.id, current.text_id)
        person_id = self.keys[number]
        name = full_name(self.names[person_id]) or ""
        return SigningForm(text.id, text.sha256_ja, "ja", person_id, True, name, reason=reason)

    def assured(self, number: str, at: datetime) -> tuple[Assurance, datetime]:
        """Return how a launch two minutes earlier assures who signs."""
        launched = at - timedelta(minutes=2)
        return Assurance(
            AssuranceMethod.LAUNCH,
            f"person:{self.keys[number]}",
            platform_issuer=self.platform.issuer,
            deployment_id="1",
            launched_at=launched,
            address="192.0.2.10",
            user_agent="Practice/1.0",
        ), at

    def sign(self, number: str, at: datetime, key: str = "confidentiality") -> int | None:
        """Sign the text in force, if the moment is not to come; return the record's key."""
        if at >= self.now:
            return None
        form = self.form(number, at, key)
        asked = self.assured(number, at)
        return sign_pledge(self.session, self.organisation, self.keys[number], form, asked).id


def sign_some(session: Session, organisation: Organisation, now: datetime) -> None:
    """Sign, decline, withdraw, enter a paper and sign by invitation, as far as it lies in the past."""
    signers = Signers(session, organisation, now)
    for place, number in enumerate(SIGNED_FIRST):
        record_id = signers.sign(number, _at(4, 2 + place % 20, place))
        if number == WITHDRAWN and record_id is not None and _at(6, 1) < now:
            why = (WithdrawalGround.SIGNED_IN_ERROR, "別の人の端末で開いていました")
            withdraw_signature(session, organisation, record_id, why, (ACTOR, _at(6, 1), None))
    change_text(session, organisation, now)
    for place, number in enumerate(SIGNED_BOTH):
        signers.sign(number, _at(10, 2 + place % 25, place))
    if _at(10, 8) < now:
        form = signers.form(DECLINED, _at(10, 8), "confidentiality", "第2項の範囲を確かめてから署名します")
        decline_pledge(session, organisation, signers.keys[DECLINED], form, signers.assured(DECLINED, _at(10, 8)))
    _paper(signers, now)
    _vendor(signers, now)


def _paper(signers: Signers, now: datetime) -> None:
    entered_at = _at(4, 24)
    if entered_at >= now:
        return
    session, organisation = signers.session, signers.organisation
    document = store_document(session, organisation, SCAN, ACTOR, entered_at)
    text = text_in_force(session, organisation.id, "confidentiality", date(2026, 4, 20))
    paper = SignedPaper(
        signers.keys[ON_PAPER],
        text.text_id,
        date(2026, 4, 20),
        "情報セキュリティ係 書庫A-3「誓約書 令和8年度」",
        "ja",
        document.id,
    )
    secretary = signers.keys["00123"]
    record_paper(session, organisation, paper, Verifier(ACTOR, None, f"person:{secretary}"), entered_at)


def _vendor(signers: Signers, now: datetime) -> None:
    invited_at, signed_at = _at(4, 6), _at(4, 8)
    if signed_at >= now:
        return
    session, organisation = signers.session, signers.organisation
    _, token = invite(session, organisation, signers.keys[VENDOR], "vendor", (ACTOR, invited_at))
    form = signers.form(VENDOR, signed_at, "vendor")
    sign_by_invitation(session, token, form, ("192.0.2.99", "Practice/1.0"), signed_at)
