"""Pledges 誓約書: which text is in force, whether a signature is, and which text bound somebody on a day, and why.

What is signed is exactly the UTF-8 text that was shown; its SHA-256 names it. Each signature stands by itself: withdrawing
one leaves an earlier one to be judged by the same rules. Days are JST dates; a period to sign includes its last day.

Source: ISO/IEC 27001 Annex A 6.2, 6.5, 6.6, 5.20; domain.md §4.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from difflib import SequenceMatcher
from enum import StrEnum
from hashlib import sha256

LEAVING = "leaving"
"""Key of the text with which a leaver confirms the continuing duty."""


class Purpose(StrEnum):
    """Why a pledge is signed."""

    JOINING = "joining"
    CHANGED_TEXT = "changed_text"
    YEARLY = "yearly"
    ROLE = "role"
    LEAVING = "leaving"


class AssuranceMethod(StrEnum):
    """How it was made sure who signed."""

    LAUNCH = "launch"
    """A fresh launch from the platform, in a top-level window."""
    INVITATION = "invitation"
    """A one-time address, for those who have no account: vendors."""
    PAPER = "paper"
    """A signed paper, compared with its scan by somebody else than the signer."""


class WithdrawalGround(StrEnum):
    """Why a signature was withdrawn 撤回."""

    BY_SIGNER = "by_signer"
    SIGNED_IN_ERROR = "signed_in_error"
    WRONG_PERSON = "wrong_person"
    RELEASED = "released"
    """The organisation releases the signer."""


class TextState(StrEnum):
    """Where a text version stands on a day."""

    DRAFT = "draft"
    APPROVED = "approved"
    """Not yet in effect."""
    EFFECTIVE = "effective"
    REPLACED = "replaced"


class SignatureState(StrEnum):
    """Where a signature stands on a day."""

    IN_FORCE = "in_force"
    RESIGN_DUE = "resign_due"
    """In force; a newer text is to be signed, and its days are not over."""
    CONTINUING = "continuing"
    """The signer has left, and the duty goes on."""
    OBSOLETE = "obsolete"
    """A newer text was to be signed, and its days are over 失効."""
    REPLACED = "replaced"
    """Signed anew since."""
    WITHDRAWN = "withdrawn"


class ReasonCode(StrEnum):
    """A step of the answer to "how do we know"."""

    TEXT_DRAFTED = "text_drafted"
    TEXT_APPROVED = "text_approved"
    SIGNED = "signed"
    NEWER_TEXT = "newer_text"
    """A newer text took effect that need not be signed by those who signed before."""
    RESIGNING_ASKED = "resigning_asked"
    RESIGNING_MISSED = "resigning_missed"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    LEFT = "left"
    NO_TEXT = "no_text"
    NEVER_SIGNED = "never_signed"


BINDING_STATES = frozenset({SignatureState.IN_FORCE, SignatureState.RESIGN_DUE, SignatureState.CONTINUING})
"""In these a signature binds its signer."""


@dataclass(frozen=True, slots=True)
class ApprovedText:
    """A text version with its approval."""

    text_id: int
    approval_id: int
    key: str
    version: int
    effective_on: date
    requires_resigning: bool
    """Whether those who signed an earlier version must sign this one 再誓約."""
    days_to_sign: int
    """Days after ``effective_on``; the last one still counts."""
    text_event: int
    """Ledger event of the draft."""
    approval_event: int

    @property
    def last_day_to_sign(self) -> date:
        """The last day on which re-signing is in time."""
        return self.effective_on + timedelta(days=self.days_to_sign)

    @property
    def order(self) -> tuple[date, int, int]:
        """Sorts texts of one key: the newest last."""
        return (self.effective_on, self.version, self.approval_id)


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature record as the rules need it."""

    signature_id: int
    text_id: int
    signed_on: date
    method: AssuranceMethod
    event_id: int
    withdrawn_on: date | None = None
    withdrawal_event: int | None = None


@dataclass(frozen=True, slots=True)
class Declined:
    """That somebody was asked to sign a text and declined."""

    text_id: int
    declined_on: date
    event_id: int


@dataclass(frozen=True, slots=True)
class History:
    """What is known of one person and one key of pledges."""

    approved: tuple[ApprovedText, ...]
    """Texts of the key."""
    signatures: tuple[Signed, ...] = ()
    declines: tuple[Declined, ...] = ()
    left_on: date | None = None
    """First day on which the person no longer serves."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One step, with the day on which it happened and the ledger event that shows it."""

    code: ReasonCode
    day: date
    version: int | None = None
    event_id: int | None = None


@dataclass(frozen=True, slots=True)
class Binding:
    """Which text bound a person on a day, and how that is known."""

    day: date
    text: ApprovedText | None
    """The text signed; None where nothing was."""
    signature: Signed | None
    state: SignatureState | None
    reasons: tuple[Reason, ...]

    @property
    def is_bound(self) -> bool:
        """Tell whether the signature binds on the day."""
        return self.state in BINDING_STATES


def text_hash(text: str) -> str:
    """Return the SHA-256 (hex) of a text's UTF-8 bytes, which are what is signed."""
    return sha256(text.encode()).hexdigest()


def text_on(approved: Sequence[ApprovedText], day: date) -> ApprovedText | None:
    """Return the text in force on a day, of texts of one key: the one that took effect last."""
    effective = [each for each in approved if each.effective_on <= day]
    return max(effective, key=lambda each: each.order, default=None)


def text_state(text_id: int, approved: Sequence[ApprovedText], day: date) -> TextState:
    """Return where a text version stands on a day, given all approved texts of its key."""
    mine = [each for each in approved if each.text_id == text_id]
    if not mine:
        return TextState.DRAFT
    if all(each.effective_on > day for each in mine):
        return TextState.APPROVED
    current = text_on(approved, day)
    return TextState.EFFECTIVE if current is not None and current.text_id == text_id else TextState.REPLACED


def resigning_of(text: ApprovedText, history: History, day: date) -> ApprovedText | None:
    """Return the newer text that those who signed ``text`` must sign, with the earliest last day, as it is on a day.

    Somebody who left before the last day to sign need not.
    """
    asking = [
        each
        for each in history.approved
        if each.requires_resigning
        and text.order < each.order
        and each.text_id != text.text_id
        and each.effective_on <= day
        and (history.left_on is None or each.last_day_to_sign < history.left_on)
    ]
    return min(asking, key=lambda each: (each.last_day_to_sign, each.order), default=None)


def signature_state(signature: Signed, history: History, day: date) -> SignatureState:
    """Return where a signature made on or before a day stands on it."""
    if _is_withdrawn(signature, day):
        return SignatureState.WITHDRAWN
    if _standing(history, day) != signature:
        return SignatureState.REPLACED
    text = _text_of(signature, history)
    asked = resigning_of(text, history, day)
    if asked is not None and day > asked.last_day_to_sign:
        return SignatureState.OBSOLETE
    if history.left_on is not None and day >= history.left_on:
        return SignatureState.CONTINUING
    return SignatureState.IN_FORCE if asked is None else SignatureState.RESIGN_DUE


def binding_on(history: History, day: date) -> Binding:
    """Return which text bound a person on a day, and the steps by which that is known, in order of their days."""
    signature = _standing(history, day)
    if signature is None:
        return Binding(day, None, None, _last_state(history, day), _sorted(_unsigned(history, day)))
    text = _text_of(signature, history)
    reasons = (*_text_reasons(text), *_after_signing(signature, text, history, day))
    return Binding(day, text, signature, signature_state(signature, history, day), _sorted(reasons))


def _last_state(history: History, day: date) -> SignatureState | None:
    return SignatureState.WITHDRAWN if any(_is_withdrawn(each, day) for each in history.signatures) else None


def _is_withdrawn(signature: Signed, day: date) -> bool:
    return signature.withdrawn_on is not None and signature.withdrawn_on <= day


def _standing(history: History, day: date) -> Signed | None:
    """Return the signature that counts on a day: of the newest text signed, the last one that is not withdrawn."""
    made = [each for each in history.signatures if each.signed_on <= day and not _is_withdrawn(each, day)]
    return max(made, key=lambda each: (_text_of(each, history).order, each.signed_on, each.signature_id), default=None)


def _text_of(signature: Signed, history: History) -> ApprovedText:
    """Return the text that was signed, by its last approval."""
    return max(
        (each for each in history.approved if each.text_id == signature.text_id), key=lambda each: each.approval_id
    )


def _text_reasons(text: ApprovedText) -> Iterator[Reason]:
    yield Reason(ReasonCode.TEXT_APPROVED, text.effective_on, text.version, text.approval_event)


def _after_signing(signature: Signed, text: ApprovedText, history: History, day: date) -> Iterator[Reason]:
    yield Reason(ReasonCode.SIGNED, signature.signed_on, text.version, signature.event_id)
    yield from _withdrawals(history, day)
    for newer in history.approved:
        if text.order < newer.order and newer.text_id != text.text_id and newer.effective_on <= day:
            code = ReasonCode.RESIGNING_ASKED if newer.requires_resigning else ReasonCode.NEWER_TEXT
            if history.left_on is None or newer.effective_on < history.left_on:
                yield Reason(code, newer.effective_on, newer.version, newer.approval_event)
    asked = resigning_of(text, history, day)
    if asked is not None and day > asked.last_day_to_sign:
        yield Reason(ReasonCode.RESIGNING_MISSED, asked.last_day_to_sign + timedelta(days=1), asked.version)
    yield from _declines(history, day, signature.signed_on)
    yield from _leaving(history, day)


def _unsigned(history: History, day: date) -> Iterator[Reason]:
    current = text_on(history.approved, day)
    if current is None:
        yield Reason(ReasonCode.NO_TEXT, day)
    else:
        yield from _text_reasons(current)
    yield from _withdrawals(history, day)
    yield from _declines(history, day, date.min)
    yield from _leaving(history, day)
    if not any(each.signed_on <= day for each in history.signatures):
        yield Reason(ReasonCode.NEVER_SIGNED, day)


def _withdrawals(history: History, day: date) -> Iterator[Reason]:
    for each in history.signatures:
        if each.withdrawn_on is not None and _is_withdrawn(each, day):
            version = _text_of(each, history).version
            yield Reason(ReasonCode.WITHDRAWN, each.withdrawn_on, version, each.withdrawal_event)


def _declines(history: History, day: date, since: date) -> Iterator[Reason]:
    versions = {each.text_id: each.version for each in history.approved}
    for each in history.declines:
        if since <= each.declined_on <= day:
            yield Reason(ReasonCode.DECLINED, each.declined_on, versions.get(each.text_id), each.event_id)


def _leaving(history: History, day: date) -> Iterator[Reason]:
    if history.left_on is not None and history.left_on <= day:
        yield Reason(ReasonCode.LEFT, history.left_on)


def _sorted(reasons: Iterator[Reason] | tuple[Reason, ...]) -> tuple[Reason, ...]:
    return tuple(sorted(reasons, key=lambda each: each.day))


@dataclass(frozen=True, slots=True)
class ChangedLine:
    """A line of the difference between two versions."""

    change: str
    """``same``, ``added`` or ``removed``."""
    text: str


def difference(old: str, new: str) -> tuple[ChangedLine, ...]:
    """Return the difference of two texts line by line; without the removed lines it is ``new``, without the added, ``old``."""
    before, after = old.split("\n"), new.split("\n")
    lines: list[ChangedLine] = []
    for tag, old_from, old_to, new_from, new_to in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            lines += [ChangedLine("same", line) for line in before[old_from:old_to]]
        else:
            lines += [ChangedLine("removed", line) for line in before[old_from:old_to]]
            lines += [ChangedLine("added", line) for line in after[new_from:new_to]]
    return tuple(lines)
