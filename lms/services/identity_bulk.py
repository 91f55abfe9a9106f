"""Linking many waiting identities at once by the staff number that their platform claims, each pair seen before.

Proposed is only what leaves no doubt: one identity, one person, nobody linked yet. The rest is shown with its reason.

Source: lti.md rule 6.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from courses.calendar import jst_date
from courses.staff_lists import variant_key
from lms.services.audit import note
from lms.services.identities import record_links
from lms.services.identity_queue import QueuedIdentity, identities_by_key, waiting_numbers
from lms.services.people import Particulars, particulars_on
from lms.store.identities import links_of, lock_identities
from lms.store.organisations import Organisation

_PAIR = re.compile(r"[0-9]{1,18}-[0-9]{1,18}-[0-9]{1,18}")


class NameMatch(StrEnum):
    """How the name that a platform claims and the one on the staff list compare."""

    SAME = "same"
    VARIANT = "variant"
    """The same but for variant characters or spaces: 髙橋 and 高橋."""
    DIFFERENT = "different"
    NOT_SENT = "not_sent"


class HeldBack(StrEnum):
    """Why an identity with a staff number is not proposed."""

    TWICE_ON_LIST = "twice_on_list"
    """Several people have the number."""
    LINKED_ALREADY = "linked_already"
    """The person has another account already."""
    TWICE_CLAIMED = "twice_claimed"
    """Several waiting accounts claim the number."""


@dataclass(frozen=True, slots=True)
class Pair:
    """An identity and the one person with its number."""

    identity: QueuedIdentity
    person_id: int
    particulars: Particulars
    name_match: NameMatch

    @property
    def key(self) -> str:
        """Names the pair in a form, with the newest decision that was seen."""
        return f"{self.identity.identity_id}-{self.person_id}-{self.identity.newest_link_id}"


@dataclass(frozen=True, slots=True)
class Proposals:
    """What can be linked at once, and what not."""

    pairs: Sequence[Pair]
    held_back: Sequence[tuple[QueuedIdentity, HeldBack]]
    unknown: int
    """Waiting accounts whose number nobody on the list has."""
    without_number: int


def propose_links(session: Session, organisation_id: int, now: datetime) -> Proposals:
    """Return what the staff numbers of waiting identities say today."""
    day = jst_date(now)
    numbers = waiting_numbers(session, organisation_id)
    claims = Counter(numbers.values())
    people: defaultdict[str, list[tuple[int, Particulars]]] = defaultdict(list)
    for person_id, who in particulars_on(session, organisation_id, day).items():
        if who is not None and who.staff_number in claims:
            people[who.staff_number].append((person_id, who))
    linked = set(links_of(session, organisation_id).values())
    known = [key for key, number in numbers.items() if number in people]
    pairs: list[Pair] = []
    held_back: list[tuple[QueuedIdentity, HeldBack]] = []
    for each in identities_by_key(session, organisation_id, known):
        found = people[each.claimed_staff_number or ""]
        why = _doubt([key for key, _who in found], claims[each.claimed_staff_number], linked)
        if why is not None:
            held_back.append((each, why))
        else:
            [(person_id, who)] = found
            pairs.append(Pair(each, person_id, who, compare_names(each.claimed_name, who)))
    return Proposals(pairs, held_back, len(numbers) - len(known) - claims[None], claims[None])


def link_pairs(
    session: Session, organisation: Organisation, keys: Collection[str], by: tuple[str, datetime], reason: str
) -> tuple[int, int]:
    """Link the chosen pairs that are still proposed, all or none; return how many, and how many were not any more.

    Args:
        session: a writing transaction.
        organisation: whose secretariat decides.
        keys: keys of pairs as they were shown.
        by: who decides, and when.
        reason: why, in their words.
    """
    chosen = set(keys)
    wanted = {int(key.split("-", 1)[0]) for key in chosen if _PAIR.fullmatch(key)}
    lock_identities(session, wanted)  # what others decide meanwhile is decided before or after
    pairs = [each for each in propose_links(session, organisation.id, by[1]).pairs if each.key in chosen]
    if pairs:
        record_links(session, organisation, {each.identity.identity_id: each.person_id for each in pairs}, by, reason)
        note(session, "identity.decided", by[0], by[1], organisation.id, code="bulk", count=len(pairs))
    return len(pairs), len(chosen) - len(pairs)


def compare_names(claimed: str, who: Particulars) -> NameMatch:
    """Compare what a platform claims with the name on the staff list, or the former name there."""
    if not claimed:
        return NameMatch.NOT_SENT
    listed = f"{who.family_name} {who.given_name}"
    if claimed == listed:
        return NameMatch.SAME
    known = {variant_key(name).replace(" ", "").casefold() for name in (listed, who.romaji) if name}
    if who.former_name:
        known.add(variant_key(f"{who.former_name}{who.given_name}").replace(" ", "").casefold())
    return NameMatch.VARIANT if variant_key(claimed).replace(" ", "").casefold() in known else NameMatch.DIFFERENT


def _doubt(person_ids: Sequence[int], claims: int, linked: Collection[int]) -> HeldBack | None:
    if len(person_ids) > 1:
        return HeldBack.TWICE_ON_LIST
    if person_ids[0] in linked:
        return HeldBack.LINKED_ALREADY
    return HeldBack.TWICE_CLAIMED if claims > 1 else None
