"""Signing a pledge 誓約, declining, and withdrawing 撤回: each refused for its own reason, or recorded whole.

A signature record is 電磁的記録による署名記録, never 電子署名. From a platform it is made in a top-level window, within
`LAUNCH_FRESH` of the launch.

Source: domain.md §4; lti.md rule 15.
"""

from __future__ import annotations

import secrets
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from courses.calendar import jst_date
from courses.people import affiliation_on
from courses.pledges import LEAVING, AssuranceMethod, Purpose, WithdrawalGround, text_on
from courses.staff_lists import variant_key
from lms.services.people import Particulars, particulars_on, people_facts
from lms.services.pledges import approved_texts, history_of, is_serving, text_version
from lms.store.identities import LtiIdentity
from lms.store.openings import record_with_openings
from lms.store.organisations import Organisation
from lms.store.people import Person
from lms.store.pledges import PledgeDecline, PledgeSignature, PledgeText, PledgeWithdrawal, withdrawals_of

LAUNCH_FRESH = timedelta(minutes=15)
"""A launch older than this signs nothing: the activity is opened again from the platform."""
CLOCK_SKEW = timedelta(minutes=1)
"""By which two machines' clocks may differ."""
CODE_LENGTH = 16
"""Characters of 5 bits: 80 bits, which nobody guesses."""
LONGEST_NAME, LONGEST_REASON, LONGEST_AGENT = 100, 500, 300
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without I, L, O and U, which are misread."""


class SignerUnknownError(LookupError):
    """The account is linked to nobody on the staff list: it can't be said who would sign."""


class FramedSigningError(ValueError):
    """The signing page was used within a frame."""


class StaleLaunchError(ValueError):
    """The launch is too old to sign in it."""


class ForeignFormError(ValueError):
    """The form was made for somebody else."""


class OutdatedTextError(ValueError):
    """The text is not, or not any more, the one in force."""


class WrongTextHashError(ValueError):
    """What was shown is not the text as kept."""


class SignerLeftError(ValueError):
    """The signer does not serve the organisation today."""


class AlreadySignedError(ValueError):
    """The person has signed this text already, and the signature stands."""


class NameDiffersError(ValueError):
    """The typed name is not the one on the staff list; nothing is wrong yet, but it is asked once more."""

    def __init__(self, typed: str) -> None:
        super().__init__()
        self.typed = typed


class NotAcceptedError(ValueError):
    """The box was not ticked, or no name typed."""


class UnknownSignatureError(LookupError):
    """There is no such signature record, or it is not yours."""


class AlreadyWithdrawnError(ValueError):
    """The signature was withdrawn already."""


class BadGroundError(ValueError):
    """This ground is not one that can be given here."""


@dataclass(frozen=True, slots=True)
class Assurance:
    """How it is made sure who signs; for a launch all fields of the platform are there, for an invitation its key."""

    method: AssuranceMethod
    actor: str
    is_framed: bool = False
    identity_id: int | None = None
    platform_issuer: str | None = None
    deployment_id: str | None = None
    launched_at: datetime | None = None
    invitation_id: int | None = None
    address: str | None = None
    """As the proxy saw it."""
    user_agent: str | None = None


@dataclass(frozen=True, slots=True)
class SigningForm:
    """What came with the form."""

    text_id: int
    sha256: str
    """Of the text that was shown."""
    language: str
    signer: int
    """Person for whom the form was made."""
    is_accepted: bool = False
    typed_name: str = ""
    confirmed_name: str = ""
    """A differing name that was asked about and confirmed."""
    reason: str = ""
    """Of a decline."""


def sign_pledge(
    session: Session,
    organisation: Organisation,
    person_id: int | None,
    form: SigningForm,
    asked: tuple[Assurance, datetime],
) -> PledgeSignature:
    """Record a signature with its ledger event.

    Args:
        session: a writing transaction.
        organisation: the signer's organisation.
        person_id: who signs; None: an account that is nobody's.
        form: as sent.
        asked: how it is made sure who signs, and the time.

    Raises:
        SignerUnknownError, FramedSigningError, StaleLaunchError, ForeignFormError, UnknownPledgeError,
        OutdatedTextError, WrongTextHashError, SignerLeftError, AlreadySignedError, NotAcceptedError,
        NameDiffersError: see each.
    """
    assurance, now = asked
    signer = _check(session, organisation, person_id, form, asked)
    text = text_version(session, organisation.id, form.text_id)
    today = jst_date(now)
    particulars = particulars_on(session, organisation.id, today).get(signer)
    typed = _typed(form)
    if not is_name_of(typed, particulars) and variant_key(form.confirmed_name) != variant_key(typed):
        raise NameDiffersError(typed)
    history = history_of(session, organisation.id, signer, text.key)
    unit, post = unit_and_post(session, organisation.id, signer, today)
    is_known = any(each.text_id != text.id and each.withdrawn_on is None for each in history.signatures)
    row = PledgeSignature(
        person_id=signer,
        text_id=text.id,
        approval_id=max(each.approval_id for each in history.approved if each.text_id == text.id),
        number=1 + sum(each.text_id == text.id for each in history.signatures),
        purpose=purpose_of(text.key, is_known=is_known).value,
        method=assurance.method.value,
        language=form.language,
        text_sha256=form.sha256,
        signed_at=now,
        unit=unit,
        post=post,
        identity_id=assurance.identity_id,
        platform_issuer=assurance.platform_issuer,
        deployment_id=assurance.deployment_id,
        launched_at=assurance.launched_at,
        invitation_id=assurance.invitation_id,
        code=new_code(),
        recorded_at=now,
        recorded_by=assurance.actor,
    )
    values = signer_values(particulars) | {
        "typed_name": typed,
        "sub": _sub(session, assurance.identity_id),
        "address": assurance.address,
        "user_agent": (assurance.user_agent or "")[:LONGEST_AGENT] or None,
    }
    record_with_openings(session, organisation, [(row, values)])
    return row


def decline_pledge(
    session: Session,
    organisation: Organisation,
    person_id: int | None,
    form: SigningForm,
    asked: tuple[Assurance, datetime],
) -> PledgeDecline:
    """Record that somebody was asked and declined; the pledge stays owed.

    Raises:
        SignerUnknownError, FramedSigningError, StaleLaunchError, ForeignFormError, UnknownPledgeError,
        OutdatedTextError, WrongTextHashError, SignerLeftError, AlreadySignedError: see each.
    """
    assurance, now = asked
    signer = _check(session, organisation, person_id, form, asked)
    row = PledgeDecline(
        person_id=signer,
        text_id=form.text_id,
        language=form.language,
        declined_at=now,
        invitation_id=assurance.invitation_id,
        recorded_at=now,
        recorded_by=assurance.actor,
    )
    reason = form.reason.replace("\0", "").strip()[:LONGEST_REASON] or None
    record_with_openings(session, organisation, [(row, {"reason": reason})])
    return row


def _check(
    session: Session,
    organisation: Organisation,
    person_id: int | None,
    form: SigningForm,
    asked: tuple[Assurance, datetime],
) -> int:
    """Refuse what may not be signed; return who signs, held until the end of the transaction."""
    assurance, now = asked
    if person_id is None:
        raise SignerUnknownError
    if assurance.is_framed:
        raise FramedSigningError
    if assurance.launched_at is not None and not is_fresh(assurance.launched_at, now):
        raise StaleLaunchError
    if form.signer != person_id:
        raise ForeignFormError
    text = text_version(session, organisation.id, form.text_id)
    _check_text(session, text, form, jst_date(now))
    # What one person signs in two windows is signed one after the other; SQLite has one writer anyhow.
    session.scalars(select(Person.id).where(Person.id == person_id).with_for_update(key_share=True)).one()
    if not is_serving(session, person_id, jst_date(now)):
        raise SignerLeftError
    history = history_of(session, organisation.id, person_id, text.key)
    if any(each.text_id == text.id and each.withdrawn_on is None for each in history.signatures):
        raise AlreadySignedError
    return person_id


def _check_text(session: Session, text: PledgeText, form: SigningForm, today: date) -> None:
    current = text_on(approved_texts(session, text.organisation_id).get(text.key, ()), today)
    if current is None or current.text_id != text.id:
        raise OutdatedTextError
    if form.language not in {"ja", "en"} or form.sha256 != text.sha256(form.language):
        raise WrongTextHashError


def _typed(form: SigningForm) -> str:
    typed = " ".join(form.typed_name.replace("\0", "").split())
    if not form.is_accepted or not typed or len(typed) > LONGEST_NAME:
        raise NotAcceptedError
    return typed


def is_fresh(launched_at: datetime, now: datetime) -> bool:
    """Tell whether a launch is young enough to sign in it; one from the future, after a clock was put back, is not."""
    return -CLOCK_SKEW <= now - launched_at <= LAUNCH_FRESH


def is_name_of(typed: str, particulars: Particulars | None) -> bool:
    """Tell whether a typed name is somebody's, in any of its spellings; variants such as 髙 and spaces mean nothing."""
    if particulars is None:
        return False
    families = [each for each in (particulars.family_name, particulars.former_name) if each]
    names = [f"{family}{particulars.given_name}" for family in families]
    names += [f"{particulars.given_name}{family}" for family in families]
    names.append(f"{particulars.family_kana}{particulars.given_kana}")
    words = sorted(unicodedata.normalize("NFKC", typed).casefold().split())
    is_romaji = bool(words) and words == sorted(particulars.romaji.casefold().split())
    return is_romaji or variant_key(typed) in {variant_key(name) for name in names if name}


def full_name(particulars: Particulars | None) -> str | None:
    """Return a name as written on the staff list, family before given."""
    return None if particulars is None else f"{particulars.family_name} {particulars.given_name}".strip()


def signer_values(particulars: Particulars | None) -> dict[str, str | None]:
    """Return the personal values that every signature record keeps: who the signer was then."""
    if particulars is None:
        return {"staff_number": None, "name": None}
    return {"staff_number": particulars.staff_number, "name": full_name(particulars)}


def unit_and_post(session: Session, organisation_id: int, person_id: int, day: date) -> tuple[str, str]:
    """Return somebody's unit and post on a day; empty where none is known."""
    person = people_facts(session, organisation_id, None, {person_id}).get(person_id)
    affiliation = affiliation_on(person, day) if person is not None else None
    return ("", "") if affiliation is None else (affiliation.unit, affiliation.post)


def purpose_of(key: str, *, is_known: bool) -> Purpose:
    """Return why a text is signed; ``is_known``: by somebody who has signed another version of it."""
    if key == LEAVING:
        return Purpose.LEAVING
    return Purpose.CHANGED_TEXT if is_known else Purpose.JOINING


def new_code() -> str:
    """Return a verify code in groups of four: it finds a record, and shows nobody's name."""
    signs = "".join(secrets.choice(_ALPHABET) for _ in range(CODE_LENGTH))
    return "-".join(signs[start : start + 4] for start in range(0, CODE_LENGTH, 4))


def read_code(typed: str) -> str | None:
    """Return a verify code as it is kept, from what somebody typed; None for what can't be one."""
    signs = unicodedata.normalize("NFKC", typed).upper().replace("O", "0").replace("I", "1").replace("L", "1")
    plain = "".join(sign for sign in signs if sign in _ALPHABET)
    if len(plain) != CODE_LENGTH:
        return None
    return "-".join(plain[start : start + 4] for start in range(0, CODE_LENGTH, 4))


def _sub(session: Session, identity_id: int | None) -> str | None:
    if identity_id is None:
        return None
    return session.scalar(select(LtiIdentity.sub).where(LtiIdentity.id == identity_id))


def withdraw_signature(
    session: Session,
    organisation: Organisation,
    signature_id: int,
    why: tuple[WithdrawalGround, str],
    by: tuple[str, datetime, int | None],
) -> PledgeWithdrawal:
    """Record that a signature is withdrawn from today on; it stays in the register.

    Args:
        session: a writing transaction.
        organisation: the owner of the record.
        signature_id: the signature.
        why: the ground, and words of explanation (may be empty).
        by: who records it, when, and as which signer; None: the secretariat.

    Raises:
        UnknownSignatureError: there is none, or it is another person's.
        BadGroundError: the signer gives another ground than being the signer.
        AlreadyWithdrawnError: it is withdrawn.
    """
    actor, now, signer = by
    ground, words = why
    signature = session.get(PledgeSignature, signature_id)
    if signature is None or signature.organisation_id != organisation.id:
        raise UnknownSignatureError
    if signer is not None and signature.person_id != signer:
        raise UnknownSignatureError
    if signer is not None and ground is not WithdrawalGround.BY_SIGNER:
        raise BadGroundError
    session.scalars(select(Person.id).where(Person.id == signature.person_id).with_for_update(key_share=True)).one()
    if signature_id in withdrawals_of(session, organisation.id):
        raise AlreadyWithdrawnError
    row = PledgeWithdrawal(
        signature_id=signature_id,
        withdrawn_on=jst_date(now),
        ground=ground.value,
        recorded_at=now,
        recorded_by=actor,
    )
    reason = words.replace("\0", "").strip()[:LONGEST_REASON] or None
    record_with_openings(session, organisation, [(row, {"reason": reason})])
    return row
