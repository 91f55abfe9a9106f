"""What rights in the tool and ISMS roles are called, for pages, commands and docs/permissions.md."""

from __future__ import annotations

from collections.abc import Callable

from lms.wording.gettext import _

_ROLES: dict[str, Callable[[], str]] = {
    "management": lambda: _("ISMS management"),
    "committee": lambda: _("Information Security Committee"),
    "ciso": lambda: "ISMS-CISO",
    "secretariat": lambda: _("ISMS secretariat"),
    "risk_assessor": lambda: _("Risk assessor"),
    "audit_committee": lambda: _("Audit committee"),
    "chief_auditor": lambda: _("Chief internal auditor"),
    "internal_auditor": lambda: _("Internal auditor"),
    "unit_head": lambda: _("Head of unit"),
}

_PERMISSIONS: dict[str, Callable[[], str]] = {
    "learn": lambda: _("Read modules, take tests, see one's own records, and do what is asked of oneself."),
    "read_attendance": lambda: _("See everybody's attendance and export it."),
    "link_identities": lambda: _("Decide which person on the staff list an account is."),
    "read_pledges": lambda: _("See the register of pledges, their texts and the vendors, and export it."),
    "manage_pledges": lambda: _(
        "Draft texts of pledges, enter papers, withdraw signatures, record vendors and invite their people."
    ),
    "approve_pledges": lambda: _("Record that a pledge's text was approved, and take that back until it takes effect."),
    "read_catalogue": lambda: _("See the modules in force and shipped, their texts, and the values that fill them."),
    "manage_catalogue": lambda: _("Set the values that fill the texts of modules."),
    "adopt_catalogue": lambda: _("Read modules with the right answers, and record the decision that adopts them."),
    "read_self_check": lambda: _("See what the self-check asks, and how it was judged."),
    "export_evidence": lambda: _("Have evidence packs made, and download them."),
    "trace": lambda: _("Follow clauses to requirements, people, records and proofs, and back."),
    "judge_hits": lambda: _("Judge hits of the self-check that are not about oneself."),
    "read_people": lambda: _("See everybody's record: facts, obligations, corrections."),
    "record_people": lambda: _("Record and correct facts about people."),
    "read_chart": lambda: _("See the organisation chart of any date."),
    "read_appointments": lambda: _(
        "See all appointments with their letters, who has acknowledged, and where the chart contradicts itself."
    ),
    "manage_roles": lambda: _("Establish bodies and seats; appoint, correct and end appointments."),
    "read_auditors": lambda: _("See the auditors, their independence, the pool and the audits."),
    "plan_audits": lambda: _("Define areas and policy, plan audits, assign teams, propose exceptions."),
    "review_auditors": lambda: _("Review the competence of auditors."),
    "approve_exceptions": lambda: _("Approve or refuse exceptions from independence."),
    "manage_platforms": lambda: _("Invite Moodle sites to register; approve, change and stop registrations."),
    "manage_deliveries": lambda: _(
        "See which grades have not arrived in Moodle or differ there; send them again, put them aside, compare now."
    ),
    "read_rosters": lambda: _("See who is enrolled in Moodle's courses, and how that differs from the staff list."),
    "manage_sessions": lambda: _("See everybody's live sessions and end them."),
    "use_account": lambda: _("See what an emergency account leads to, and sign out of it."),
}
"""One sentence for each value of `lms.services.permissions.Permission`; docs/permissions.md is made from them."""


def role_label(isms_role: str) -> str:
    """Return the name of an ISMS role; an unknown code stands for itself."""
    return _ROLES[isms_role]() if isms_role in _ROLES else isms_role


def permission_sentence(permission: str) -> str:
    """Return what a right allows, as a sentence.

    Raises:
        KeyError: no sentence was written for it.
    """
    return _PERMISSIONS[permission]()
