"""Texts of pledges 誓約書: from the shipped samples or the organisation's own words to approval, and what is in force.

A draft holds the exact characters that people will sign, the organisation's parameters filled in. An approval can be
taken back until the day on which it takes effect.

Source: domain.md §4; the rules are `courses.pledges`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from importlib.resources import files

import frontmatter
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from courses.awareness import LANGUAGES
from courses.calendar import jst_date, start_of_day
from courses.parameters import fill
from courses.pledges import ApprovedText, AssuranceMethod, Declined, History, Signed, text_hash, text_on
from lms.services.awareness import parameter_values
from lms.store.organisations import Organisation, wait_for_others
from lms.store.people import PersonService
from lms.store.pledges import (
    PledgeApproval,
    PledgeSignature,
    PledgeText,
    approvals_of,
    declines_of,
    signatures_of,
    texts_of,
    withdrawals_of,
)
from lms.store.records import known, record

LONGEST_TEXT = 20_000
"""Characters of a pledge's text."""
LONGEST_WORDS = 200
"""Characters of a title, a decision, an approver."""
_KEY = re.compile(r"[a-z][a-z0-9-]{0,39}")
_UNPRINTABLE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffd]")


class UnknownPledgeError(LookupError):
    """The organisation has no such text, or none with this key is in force."""

    def __init__(self, key: object) -> None:
        super().__init__(key)
        self.key = key


class BadTextError(ValueError):
    """A draft can't be kept as it is."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        """``key``, ``title_ja``, ``text_en`` …"""
        self.problem = problem
        """``empty``, ``too_long``, ``malformed`` or ``unprintable``."""


class UnchangedTextError(ValueError):
    """The draft says what the newest version says already."""


class BadDecisionError(ValueError):
    """A decision lacks something, or can't be carried out."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


class AlreadyApprovedError(ValueError):
    """The text version is approved already."""


class RetroactiveApprovalError(ValueError):
    """People have signed another version on or after the day on which this one would take effect."""


class ApprovalInEffectError(ValueError):
    """The approval has taken effect; people may have relied on it."""


@dataclass(frozen=True, slots=True)
class NewText:
    """A text version to be drafted, by language."""

    key: str
    titles: dict[str, str]
    texts: dict[str, str]


@dataclass(frozen=True, slots=True)
class TextDecision:
    """The decision that approves a text version."""

    decision: str
    approved_by: str
    effective_on: date
    requires_resigning: bool = False
    days_to_sign: int = 30


@lru_cache
def shipped_pledges() -> dict[str, NewText]:
    """Read the sample texts that the tool ships, by key, their parameters open."""
    folder = files("courses") / "catalogue" / "pledges"
    keys = sorted({entry.name.partition(".")[0] for entry in folder.iterdir() if entry.name.endswith(".md")})
    found = {}
    for key in keys:
        posts = {each: frontmatter.loads((folder / f"{key}.{each}.md").read_text("utf-8")) for each in LANGUAGES}
        titles = {language: str(post.metadata["title"]) for language, post in posts.items()}
        found[key] = NewText(key, titles, {language: post.content for language, post in posts.items()})
    return found


def filled_sample(session: Session, organisation_id: int, key: str) -> NewText:
    """Return a shipped sample with the organisation's parameters filled in.

    Raises:
        UnknownPledgeError: no sample has this key.
        MissingParameterError: the organisation has not set a value that the text needs.
    """
    sample = shipped_pledges().get(key)
    if sample is None:
        raise UnknownPledgeError(key)
    values = {language: parameter_values(session, organisation_id, language) for language in LANGUAGES}
    return NewText(key, sample.titles, {each: fill(text, values[each]) for each, text in sample.texts.items()})


def draft_text(session: Session, organisation: Organisation, new: NewText, actor: str, now: datetime) -> PledgeText:
    """Keep a new version of a pledge's text, character for character but for line ends and blanks around it.

    Raises:
        BadTextError: a part is empty, too long or holds what nobody can see.
        UnchangedTextError: the newest version of the key says the same.
    """
    wait_for_others(session, organisation.id)
    if _KEY.fullmatch(new.key) is None:
        raise BadTextError("key", "malformed")
    titles = {each: _checked(f"title_{each}", new.titles.get(each, ""), LONGEST_WORDS) for each in LANGUAGES}
    texts = {each: _checked(f"text_{each}", new.texts.get(each, ""), LONGEST_TEXT) for each in LANGUAGES}
    newest = session.scalar(
        select(PledgeText)
        .where(PledgeText.organisation_id == organisation.id, PledgeText.key == new.key)
        .order_by(PledgeText.version.desc())
        .limit(1)
    )
    if newest is not None and all(
        (newest.title(each), newest.text(each)) == (titles[each], texts[each]) for each in LANGUAGES
    ):
        raise UnchangedTextError(new.key)
    row = PledgeText(
        key=new.key,
        version=1 if newest is None else newest.version + 1,
        title_ja=titles["ja"],
        title_en=titles["en"],
        text_ja=texts["ja"],
        text_en=texts["en"],
        sha256_ja=text_hash(texts["ja"]),
        sha256_en=text_hash(texts["en"]),
        recorded_at=now,
        recorded_by=actor,
    )
    record(session, organisation, row)
    return row


def _checked(field: str, given: str, longest: int) -> str:
    text = given.replace("\r\n", "\n").replace("\r", "\n").strip()
    if not text:
        raise BadTextError(field, "empty")
    if len(text) > longest:
        raise BadTextError(field, "too_long")
    if _UNPRINTABLE.search(text) or (field.startswith("title") and "\n" in text):
        raise BadTextError(field, "unprintable")
    return text


def text_version(session: Session, organisation_id: int, text_id: int) -> PledgeText:
    """Return a text version of the organisation.

    Raises:
        UnknownPledgeError: it has no such version.
    """
    row = session.get(PledgeText, text_id)
    if row is None or row.organisation_id != organisation_id:
        raise UnknownPledgeError(text_id)
    return row


def approve_text(
    session: Session, organisation: Organisation, text_id: int, decided: TextDecision, by: tuple[str, datetime]
) -> PledgeApproval:
    """Record that a text version was approved.

    Args:
        session: a writing transaction.
        organisation: the owner of the text.
        text_id: the version.
        decided: the decision.
        by: who records it, and when.

    Raises:
        UnknownPledgeError: there is no such version.
        BadDecisionError: the decision lacks its name or approver, or the days to sign are not 0 to 365.
        AlreadyApprovedError: it is approved.
        RetroactiveApprovalError: it would take effect before signatures of other versions that were made since.
    """
    wait_for_others(session, organisation.id)
    actor, now = by
    text = text_version(session, organisation.id, text_id)
    words = {"decision": decided.decision.strip(), "approved_by": decided.approved_by.strip()}
    for field, value in words.items():
        if not 0 < len(value) <= LONGEST_WORDS or _UNPRINTABLE.search(value):
            raise BadDecisionError(field)
    if not 0 <= decided.days_to_sign <= 365:
        raise BadDecisionError("days_to_sign")
    if not date(1990, 1, 1) <= decided.effective_on < date(2199, 1, 1):
        raise BadDecisionError("effective_on")
    if any(each.text_id == text_id for each in approvals_of(session, organisation.id)):
        raise AlreadyApprovedError(text_id)
    if decided.effective_on <= jst_date(now) and _signed_since(session, text, decided.effective_on):
        raise RetroactiveApprovalError(text_id)
    row = PledgeApproval(
        text_id=text_id,
        requires_resigning=decided.requires_resigning,
        days_to_sign=decided.days_to_sign,
        valid_from=decided.effective_on,
        valid_to=None,
        is_void=False,
        reason=None,
        supersedes_id=None,
        recorded_at=now,
        recorded_by=actor,
        **words,
    )
    record(session, organisation, row)
    return row


def _signed_since(session: Session, text: PledgeText, day: date) -> bool:
    signed = session.scalar(
        select(func.count())
        .select_from(PledgeSignature)
        .join(PledgeText, PledgeText.id == PledgeSignature.text_id)
        .where(
            PledgeText.organisation_id == text.organisation_id,
            PledgeText.key == text.key,
            PledgeSignature.signed_at >= start_of_day(day),
        )
    )
    return bool(signed)


def void_approval(
    session: Session, organisation: Organisation, approval_id: int, reason: str, by: tuple[str, datetime]
) -> PledgeApproval:
    """Take an approval back before the day on which it takes effect; the row stays, superseded.

    Raises:
        UnknownPledgeError: no such approval stands.
        BadDecisionError: no reason was given.
        ApprovalInEffectError: it has taken effect.
    """
    wait_for_others(session, organisation.id)
    actor, now = by
    row = next((each for each in approvals_of(session, organisation.id) if each.id == approval_id), None)
    if row is None:
        raise UnknownPledgeError(approval_id)
    words = reason.strip()
    if not 0 < len(words) <= LONGEST_WORDS:
        raise BadDecisionError("reason")
    if row.valid_from <= jst_date(now):
        raise ApprovalInEffectError(approval_id)
    correction = PledgeApproval(
        text_id=row.text_id,
        approved_by=row.approved_by,
        decision=row.decision,
        requires_resigning=row.requires_resigning,
        days_to_sign=row.days_to_sign,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        is_void=True,
        reason=words,
        supersedes_id=row.id,
        recorded_at=now,
        recorded_by=actor,
    )
    record(session, organisation, correction)
    return correction


def approved_texts(
    session: Session, organisation_id: int, known_at: int | None = None
) -> dict[str, tuple[ApprovedText, ...]]:
    """Return the approved text versions by key, as the rules take them."""
    texts = {row.id: row for row in texts_of(session, organisation_id, known_at)}
    found: defaultdict[str, list[ApprovedText]] = defaultdict(list)
    for row in approvals_of(session, organisation_id, known_at):
        text = texts.get(row.text_id)
        if text is not None:
            found[text.key].append(
                ApprovedText(
                    text.id, row.id, text.key, text.version, row.valid_from, row.requires_resigning, row.days_to_sign,
                    text.event_id, row.event_id,
                )
            )  # fmt: skip
    return {key: tuple(rows) for key, rows in sorted(found.items())}


def text_in_force(session: Session, organisation_id: int, key: str, day: date) -> ApprovedText:
    """Return the text of a key that is in force on a day.

    Raises:
        UnknownPledgeError: none is.
    """
    found = text_on(approved_texts(session, organisation_id).get(key, ()), day)
    if found is None:
        raise UnknownPledgeError(key)
    return found


def left_on(
    session: Session, organisation_id: int, known_at: int | None = None, person_ids: Collection[int] | None = None
) -> dict[int, date]:
    """Return the first day after the last service of each person whose service has an end."""
    rows = select(PersonService.person_id, PersonService.valid_to).where(
        PersonService.organisation_id == organisation_id, known(PersonService, known_at)
    )
    if person_ids is not None:
        rows = rows.where(PersonService.person_id.in_(person_ids))
    ends: defaultdict[int, list[date | None]] = defaultdict(list)
    for person_id, end in session.execute(rows):
        ends[person_id].append(end)
    return {
        person_id: max(end for end in theirs if end is not None)
        for person_id, theirs in ends.items()
        if None not in theirs
    }


def histories(
    session: Session, organisation_id: int, known_at: int | None = None, person_ids: Collection[int] | None = None
) -> dict[tuple[int, str], History]:
    """Return what is known of people and keys: for each pair that has a signature or a decline.

    Ask `history_of` for a pair that may have neither.
    """
    approved = approved_texts(session, organisation_id, known_at)
    key_of = {each.text_id: key for key, texts in approved.items() for each in texts}
    ends = left_on(session, organisation_id, known_at, person_ids)
    withdrawals = withdrawals_of(session, organisation_id, known_at)
    signed: defaultdict[tuple[int, str], list[Signed]] = defaultdict(list)
    for row in signatures_of(session, organisation_id, known_at, person_ids):
        ended = withdrawals.get(row.id)
        signed[(row.person_id, key_of[row.text_id])].append(
            Signed(
                row.id, row.text_id, jst_date(row.signed_at), AssuranceMethod(row.method), row.event_id,
                ended.withdrawn_on if ended else None, ended.event_id if ended else None,
            )
        )  # fmt: skip
    declined: defaultdict[tuple[int, str], list[Declined]] = defaultdict(list)
    for decline in declines_of(session, organisation_id, known_at, person_ids):
        pair = (decline.person_id, key_of[decline.text_id])
        declined[pair].append(Declined(decline.text_id, jst_date(decline.declined_at), decline.event_id))
    return {
        pair: History(approved[pair[1]], tuple(signed.get(pair, ())), tuple(declined.get(pair, ())), ends.get(pair[0]))
        for pair in sorted({*signed, *declined})
    }


def history_of(
    session: Session, organisation_id: int, person_id: int, key: str, known_at: int | None = None
) -> History:
    """Return what is known of one person and one key of pledges."""
    found = histories(session, organisation_id, known_at, {person_id}).get((person_id, key))
    if found is not None:
        return found
    end = left_on(session, organisation_id, known_at, {person_id}).get(person_id)
    return History(approved_texts(session, organisation_id, known_at).get(key, ()), left_on=end)


def is_serving(session: Session, person_id: int, day: date) -> bool:
    """Tell whether a person serves the organisation on a day."""
    rows = session.execute(
        select(PersonService.valid_from, PersonService.valid_to).where(
            PersonService.person_id == person_id, known(PersonService, None)
        )
    )
    return any(start <= day and (end is None or day < end) for start, end in rows)
