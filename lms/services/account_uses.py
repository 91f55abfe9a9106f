"""Uses of emergency accounts: each sign-in, each page and each change, as the audit events tell; and who has seen them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms.services.audit import note
from lms.services.sessions import Visitor
from lms.store.accounts import LocalAccount
from lms.store.audit import AuditEvent

SHOWN = timedelta(days=400)
_KINDS = ("account.signed_in", "account.used", "account.signed_out", "account.refused", "account.locked")
_SEEN = "account.uses_seen"


@dataclass(slots=True)
class AccountUse:
    """One session of an account, from sign-in to its last page; or tries that failed."""

    event_id: int
    """The first event, which the list is ordered by."""
    last_event_id: int
    login_name: str | None
    """None where nobody has the name that was tried."""
    is_success: bool
    began_at: datetime
    last_at: datetime
    pages: dict[str, int] = field(default_factory=dict)
    """How often each page was opened, by endpoint."""
    changes: dict[str, int] = field(default_factory=dict)
    """How often each form was sent, by endpoint."""
    failures: int = 0
    locks: int = 0


def note_use(session: Session, asking: Visitor, endpoint: str, method: str, now: datetime) -> None:
    """Note that an account opens a page or sends a form; the handle tells its sessions apart on no list."""
    facts = {"account": asking.account_id, "endpoint": endpoint, "method": method}
    note(session, "account.used", asking.actor, now, asking.organisation.id, **facts)


def uses_of(session: Session, organisation_id: int, now: datetime) -> list[AccountUse]:
    """Return the uses of an organisation's accounts, newest first; tries that failed stand together by hour."""
    accounts = select(LocalAccount.id, LocalAccount.login_name).where(LocalAccount.organisation_id == organisation_id)
    names = {row.id: row.login_name for row in session.execute(accounts)}
    query = select(AuditEvent).where(
        AuditEvent.organisation_id == organisation_id, AuditEvent.kind.in_(_KINDS), AuditEvent.at > now - SHOWN
    )
    found: list[AccountUse] = []
    open_uses: dict[tuple[int | None, str], AccountUse] = {}
    for event in session.scalars(query.order_by(AuditEvent.id)):
        account_id = event.facts.get("account")
        is_success = event.kind not in {"account.refused", "account.locked"}
        place = (account_id, "" if is_success else f"{event.at:%Y-%m-%d %H}")
        use = open_uses.get(place)
        if use is None or event.kind == "account.signed_in":
            use = AccountUse(event.id, event.id, names.get(account_id), is_success, event.at, event.at)
            open_uses[place] = use
            found.append(use)
        _take_in(use, event)
    return found[::-1]


def _take_in(use: AccountUse, event: AuditEvent) -> None:
    use.last_at, use.last_event_id = event.at, event.id
    if event.kind == "account.used":
        endpoints = use.pages if event.facts.get("method") in {"GET", "HEAD"} else use.changes
        endpoint = str(event.facts.get("endpoint"))
        endpoints[endpoint] = endpoints.get(endpoint, 0) + 1
    use.failures += event.kind == "account.refused"
    use.locks += event.kind == "account.locked"


def seen_until(session: Session, organisation_id: int) -> int:
    """Return the newest event up to which somebody has said that the uses are known; 0: nobody has."""
    events = session.scalars(
        select(AuditEvent)
        .where(AuditEvent.organisation_id == organisation_id, AuditEvent.kind == _SEEN)
        .order_by(AuditEvent.id.desc())
        .limit(1)
    ).all()
    return int(events[0].facts.get("until", 0)) if events else 0


def unseen_count(session: Session, organisation_id: int, now: datetime) -> int:
    """Return how many sign-ins nobody has said to know yet."""
    query = select(func.count()).where(
        AuditEvent.organisation_id == organisation_id,
        AuditEvent.kind == "account.signed_in",
        AuditEvent.at > now - SHOWN,
        AuditEvent.id > seen_until(session, organisation_id),
    )
    return session.scalar(query) or 0


def acknowledge_uses(session: Session, asking: Visitor, until: int, now: datetime) -> None:
    """Note that the visitor has seen the uses up to an event."""
    newest = session.scalar(select(func.max(AuditEvent.id)).where(AuditEvent.organisation_id == asking.organisation.id))
    note(session, _SEEN, asking.actor, now, asking.organisation.id, until=min(until, newest or 0))
