"""How one person stands with each pledge: what is owed now, and what was signed.

Source: domain.md §4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from courses.calendar import jst_date
from courses.pledges import ApprovedText, History, SignatureState, binding_on, text_on
from courses.requirements import PLEDGE, State
from lms.services.pledges import approved_texts, text_version
from lms.services.requirements import Standing, standings_of
from lms.store.pledges import PledgeText

_DUE = {State.OPEN, State.OVERDUE, State.LAPSED}
_TO_SIGN = {SignatureState.RESIGN_DUE, SignatureState.OBSOLETE}


@dataclass(frozen=True, slots=True)
class MyPledge:
    """A key of pledges with its text in force, and how a person stands with it."""

    key: str
    text: PledgeText
    current: ApprovedText
    state: SignatureState | None
    standing: Standing | None
    """The obligation that asks for it."""
    is_current_signed: bool

    @property
    def is_owed(self) -> bool:
        """Tell whether it is to be signed now."""
        return not self.is_current_signed and (self.standing is not None or self.state in _TO_SIGN)


def my_pledges(
    session: Session,
    organisation_id: int,
    person_id: int,
    known: Mapping[tuple[int, str], History],
    now: datetime,
) -> list[MyPledge]:
    """Return each pledge that has a text in force today; ``known`` holds the person's histories."""
    today = jst_date(now)
    owed = {
        each.obligation.requirement.competence.removeprefix(PLEDGE): each
        for each in standings_of(session, organisation_id, person_id, now)
        if each.obligation.requirement.competence.startswith(PLEDGE) and each.status.state in _DUE
    }
    found = []
    for key, approved in approved_texts(session, organisation_id).items():
        current = text_on(approved, today)
        if current is not None:
            history = known.get((person_id, key), History(approved))
            found.append(
                MyPledge(
                    key,
                    text_version(session, organisation_id, current.text_id),
                    current,
                    binding_on(history, today).state,
                    owed.get(key),
                    any(each.text_id == current.text_id and each.withdrawn_on is None for each in history.signatures),
                )
            )
    return found
