"""What each ISMS role may do in the tool, and granting the first roles.

Rights come from appointments in force today; grants stand in for them until the first appointments are recorded.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from courses.calendar import jst_date
from courses.roles import IsmsRole
from lms.store.organisations import Organisation
from lms.store.permissions import Grant, grants_of, is_serving, roles_granted, roles_held
from lms.store.records import record


class Permission(StrEnum):
    """A right that a page asks for: verb, then object."""

    LEARN = "learn"
    """Read modules, take tests, see one's own records: everyone who was launched."""
    READ_ATTENDANCE = "read_attendance"
    """See everybody's attendance and export it."""
    LINK_IDENTITIES = "link_identities"
    """Decide which person on the staff list an identity is."""
    READ_PLEDGES = "read_pledges"
    """See the register of pledges, its texts and vendors, and export it."""
    MANAGE_PLEDGES = "manage_pledges"
    """Draft texts, enter papers, withdraw signatures, record vendors and invite their people."""
    APPROVE_PLEDGES = "approve_pledges"
    """Record that a pledge's text was approved, and take that back until it takes effect."""
    READ_CATALOGUE = "read_catalogue"
    """See the modules in force and shipped, their texts, and the values that fill them."""
    MANAGE_CATALOGUE = "manage_catalogue"
    """Set the values that fill the texts of modules."""
    ADOPT_CATALOGUE = "adopt_catalogue"
    """Read modules with the right answers, and record the decision that adopts them."""
    READ_SELF_CHECK = "read_self_check"
    """See what the self-check asks, and how it was judged."""
    JUDGE_HITS = "judge_hits"
    """Judge hits of the self-check that are not about oneself."""
    EXPORT_EVIDENCE = "export_evidence"
    """Have evidence packs made, and download them."""
    TRACE = "trace"
    """Follow clauses to requirements, people, records and proofs, and back."""
    READ_PEOPLE = "read_people"
    """See everybody's record: facts, obligations, corrections."""
    RECORD_PEOPLE = "record_people"
    """Record and correct facts about people."""
    READ_CHART = "read_chart"
    """See the organisation chart of any date."""
    READ_APPOINTMENTS = "read_appointments"
    """See all appointments with their letters, who has acknowledged, and where the chart contradicts itself."""
    MANAGE_ROLES = "manage_roles"
    """Establish bodies and seats, appoint, correct and end appointments."""
    READ_AUDITORS = "read_auditors"
    """See auditors, their independence, the pool and the audits."""
    PLAN_AUDITS = "plan_audits"
    """Define areas and policy, plan audits, assign their teams, propose exceptions."""
    REVIEW_AUDITORS = "review_auditors"
    """Review auditors' competence once a year."""
    APPROVE_EXCEPTIONS = "approve_exceptions"
    """Approve or refuse exceptions from independence."""
    MANAGE_PLATFORMS = "manage_platforms"
    """Invite platforms to register, approve, change and stop registrations."""
    MANAGE_DELIVERIES = "manage_deliveries"
    """See which grades have not arrived or differ on the platform; send again, put aside, compare now."""
    READ_ROSTERS = "read_rosters"
    """See who is enrolled in the platform's courses, how that differs from the staff list, and pull it anew."""
    MANAGE_SESSIONS = "manage_sessions"
    """See everybody's live sessions and end them."""

    USE_ACCOUNT = "use_account"
    """See what one's emergency account leads to, and sign out: local accounts alone."""


EVERYONE = frozenset({Permission.LEARN})
ON_STAFF = frozenset({Permission.READ_CHART})
"""Rights of everybody who serves in the organisation, beside those of everyone who was launched."""

ACCOUNT = frozenset(
    {Permission.USE_ACCOUNT, Permission.MANAGE_PLATFORMS, Permission.MANAGE_DELIVERIES, Permission.MANAGE_SESSIONS}
)
"""Rights of a local account for emergencies: to mend the connection, and nothing that is a record."""

ROLES_WITH: dict[Permission, frozenset[IsmsRole]] = {
    Permission.READ_ATTENDANCE: frozenset({IsmsRole.SECRETARIAT}),
    Permission.LINK_IDENTITIES: frozenset({IsmsRole.SECRETARIAT}),
    Permission.READ_PEOPLE: frozenset({IsmsRole.SECRETARIAT, IsmsRole.CHIEF_AUDITOR}),
    Permission.RECORD_PEOPLE: frozenset({IsmsRole.SECRETARIAT}),
    Permission.READ_PLEDGES: frozenset(
        {IsmsRole.COMMITTEE, IsmsRole.CISO, IsmsRole.SECRETARIAT, IsmsRole.CHIEF_AUDITOR}
    ),
    Permission.MANAGE_PLEDGES: frozenset({IsmsRole.SECRETARIAT}),
    Permission.APPROVE_PLEDGES: frozenset({IsmsRole.COMMITTEE, IsmsRole.CISO}),
    Permission.READ_CATALOGUE: frozenset(
        {IsmsRole.COMMITTEE, IsmsRole.CISO, IsmsRole.SECRETARIAT, IsmsRole.CHIEF_AUDITOR}
    ),
    Permission.MANAGE_CATALOGUE: frozenset({IsmsRole.SECRETARIAT}),
    Permission.ADOPT_CATALOGUE: frozenset({IsmsRole.COMMITTEE, IsmsRole.CISO}),
    Permission.READ_SELF_CHECK: frozenset(
        {IsmsRole.CISO, IsmsRole.SECRETARIAT, IsmsRole.AUDIT_COMMITTEE, IsmsRole.CHIEF_AUDITOR}
    ),
    Permission.JUDGE_HITS: frozenset({IsmsRole.CISO, IsmsRole.SECRETARIAT, IsmsRole.CHIEF_AUDITOR}),
    Permission.EXPORT_EVIDENCE: frozenset({IsmsRole.CISO, IsmsRole.SECRETARIAT, IsmsRole.CHIEF_AUDITOR}),
    Permission.TRACE: frozenset(
        {IsmsRole.CISO, IsmsRole.SECRETARIAT, IsmsRole.AUDIT_COMMITTEE, IsmsRole.CHIEF_AUDITOR}
    ),
    Permission.READ_APPOINTMENTS: frozenset(
        {
            IsmsRole.MANAGEMENT,
            IsmsRole.CISO,
            IsmsRole.SECRETARIAT,
            IsmsRole.AUDIT_COMMITTEE,
            IsmsRole.CHIEF_AUDITOR,
            IsmsRole.INTERNAL_AUDITOR,
        }
    ),
    Permission.MANAGE_ROLES: frozenset({IsmsRole.SECRETARIAT}),
    Permission.READ_AUDITORS: frozenset({IsmsRole.CISO, IsmsRole.AUDIT_COMMITTEE, IsmsRole.CHIEF_AUDITOR}),
    Permission.PLAN_AUDITS: frozenset({IsmsRole.AUDIT_COMMITTEE, IsmsRole.CHIEF_AUDITOR}),
    Permission.REVIEW_AUDITORS: frozenset({IsmsRole.CHIEF_AUDITOR}),
    Permission.APPROVE_EXCEPTIONS: frozenset({IsmsRole.CISO, IsmsRole.AUDIT_COMMITTEE}),
    Permission.MANAGE_PLATFORMS: frozenset({IsmsRole.SECRETARIAT}),
    Permission.MANAGE_DELIVERIES: frozenset({IsmsRole.SECRETARIAT}),
    Permission.READ_ROSTERS: frozenset({IsmsRole.SECRETARIAT}),
    Permission.MANAGE_SESSIONS: frozenset({IsmsRole.SECRETARIAT}),
}
"""The table: which roles have a right; one entry for each right that people have, and not everybody."""

PERMISSIONS_OF: dict[IsmsRole, frozenset[Permission]] = {
    role: frozenset(permission for permission, roles in ROLES_WITH.items() if role in roles) for role in IsmsRole
}
"""Rights by role. No LTI role has any: rights come from roles held here alone."""


def permissions_of(session: Session, person_id: int | None, day: date) -> frozenset[Permission]:
    """Return what a person (None: an identity that is nobody's yet) may do on a day.

    Whoever does not serve on the day has no rights by role, even where an appointment was left open.
    """
    if person_id is None or not is_serving(session, person_id, day):
        return EVERYONE
    held = roles_held(session, person_id, day)
    return EVERYONE.union(ON_STAFF, *(PERMISSIONS_OF[IsmsRole(role)] for role in held))


def grant_role(
    session: Session, organisation: Organisation, person_id: int, isms_role: IsmsRole, recorded_by: str, now: datetime
) -> Grant:
    """Grant an ISMS role to a person from today on; granting it again changes nothing."""
    today = jst_date(now)
    grant = Grant(
        person_id=person_id,
        isms_role=isms_role.value,
        valid_from=today,
        valid_to=None,
        is_void=False,
        reason=None,
        recorded_at=now,
        recorded_by=recorded_by,
    )
    if isms_role.value not in roles_granted(session, person_id, today):
        record(session, organisation, grant)
    return grant


def revoke_grant(
    session: Session, organisation: Organisation, person_id: int, isms_role: IsmsRole, recorded_by: str, now: datetime
) -> Grant | None:
    """Take a grant back from today on and return the row that says so; None where there is none in force.

    An appointment to the role stays in force; it is ended by a dismissal.
    """
    today = jst_date(now)
    former = next((each for each in grants_of(session, person_id, today) if each.isms_role == isms_role.value), None)
    if former is None:
        return None
    ended = Grant(
        person_id=person_id,
        isms_role=former.isms_role,
        valid_from=former.valid_from,
        valid_to=today,
        is_void=False,
        reason="revoked",
        supersedes_id=former.id,
        recorded_at=now,
        recorded_by=recorded_by,
    )
    record(session, organisation, ended)
    return ended
