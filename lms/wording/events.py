"""What kinds of events in the ledger are called."""

from __future__ import annotations

from collections.abc import Callable

from lms.wording.gettext import _

_LABELS: dict[str, Callable[[], str]] = {
    "attempt.submitted": lambda: _("Test submitted"),
    "audit.exception_recorded": lambda: _("Exception from independence"),
    "audit.planned": lambda: _("Audit planned"),
    "audit.team_assigned": lambda: _("Member of an audit team"),
    "audit_area.defined": lambda: _("Audited area defined"),
    "audit_area.tie_recorded": lambda: _("Tie to an audited area"),
    "auditor.candidate_named": lambda: _("Candidate for auditor"),
    "auditor.interests_declared": lambda: _("Declaration of interests"),
    "auditor.reviewed": lambda: _("Yearly review of an auditor"),
    "auditor_policy.approved": lambda: _("Policy on auditors approved"),
    "body.established": lambda: _("Body established"),
    "catalogue.adopted": lambda: _("Modules adopted by decision"),
    "document.referenced": lambda: _("Document kept elsewhere"),
    "document.stored": lambda: _("Document stored"),
    "identity.linked": lambda: _("Account linked to a person"),
    "ledger.restored": lambda: _("Ledger restored from a backup"),
    "migration.verified": lambda: _("History from before the tool verified"),
    "module.version_kept": lambda: _("Module version kept"),
    "pack_key.introduced": lambda: _("Key for evidence packs introduced"),
    "parameters.set": lambda: _("Parameters of texts set"),
    "person.affiliation_recorded": lambda: _("Affiliation"),
    "person.concurrent_post_recorded": lambda: _("Concurrent post"),
    "person.leave_recorded": lambda: _("Leave"),
    "person.line_authority_recorded": lambda: _("Line authority"),
    "person.particulars_recorded": lambda: _("Name and number"),
    "person.scope_recorded": lambda: _("Scope membership"),
    "person.service_recorded": lambda: _("Period of service"),
    "pledge.declined": lambda: _("Pledge declined"),
    "pledge.invitation_revoked": lambda: _("Invitation to sign taken back"),
    "pledge.invited": lambda: _("Invitation to sign"),
    "pledge.signed": lambda: _("Pledge signed"),
    "pledge.text_approved": lambda: _("Pledge text approved"),
    "pledge.text_drafted": lambda: _("Pledge text drafted"),
    "pledge.withdrawn": lambda: _("Signature withdrawn"),
    "question.version_kept": lambda: _("Question version kept"),
    "requirement.approved": lambda: _("Requirement approved"),
    "requirement.exempted": lambda: _("Exemption"),
    "role.acknowledged": lambda: _("Receipt of an appointment acknowledged"),
    "role.appointed": lambda: _("Appointment to a role"),
    "role.granted": lambda: _("Right in the tool granted"),
    "role.separated": lambda: _("Separation of duties decided"),
    "seat.established": lambda: _("Seat of a body established"),
    "self_check.judged": lambda: _("Judgement on a hit of the self-check"),
    "supplement.completed": lambda: _("Supplementary lesson completed"),
    "training.recorded": lambda: _("Training recorded"),
    "unit.added": lambda: _("Unit added"),
    "vendor.contract_recorded": lambda: _("Contract with a vendor"),
    "vendor.engagement_recorded": lambda: _("Works under a vendor's contract"),
    "vendor.firm_added": lambda: _("Vendor added"),
}

_RELATIONS: dict[str, Callable[[], str]] = {
    "corrects": lambda: _("corrects"),
    "corrected_by": lambda: _("corrected by"),
    "module_version": lambda: _("module version"),
    "adopted_by": lambda: _("adopted by"),
    "text_approved_by": lambda: _("approved by"),
    "text_id": lambda: _("text"),
    "approval_id": lambda: _("approval"),
    "signature_id": lambda: _("signature"),
    "appointment_id": lambda: _("appointment"),
    "document_id": lambda: _("document"),
    "migration_batch_id": lambda: _("migration batch"),
    "unit_id": lambda: _("unit"),
    "exception_id": lambda: _("exception"),
    "invitation_id": lambda: _("invitation"),
    "firm_id": lambda: _("vendor"),
    "contract_id": lambda: _("contract"),
}


def event_label(event_type: str) -> str:
    """Return what an event is called; an unknown type stands for itself."""
    return _LABELS[event_type]() if event_type in _LABELS else event_type


def relation_label(relation: str) -> str:
    """Return how one record has to do with another; an unknown relation stands for itself."""
    return _RELATIONS[relation]() if relation in _RELATIONS else relation
