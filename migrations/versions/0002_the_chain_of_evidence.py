"""The chain of evidence"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


class AnswersInEventsError(RuntimeError):
    """The database was filled while events still held answers; no event can be written anew."""

    def __init__(self) -> None:
        super().__init__("events of submitted tests hold answers: fill a new database")


def upgrade() -> None:
    answered = "SELECT 1 FROM attempt_result WHERE CAST(items AS VARCHAR) LIKE '%\"answer\"%' LIMIT 1"
    if op.get_bind().execute(sa.text(answered)).first() is not None:
        raise AnswersInEventsError
    with op.batch_alter_table("attempt_result", schema=None) as batch_op:
        batch_op.alter_column("items", new_column_name="questions")

    with op.batch_alter_table("ledger_checkpoint", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("previous_size", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
        )
    op.execute(
        "UPDATE ledger_checkpoint SET previous_size = (SELECT coalesce(max(earlier.size), 0) FROM ledger_checkpoint earlier "
        "WHERE earlier.organisation_id = ledger_checkpoint.organisation_id AND earlier.size < ledger_checkpoint.size)"
    )

    op.create_table(
        "area_tie",
        sa.Column("area_key", sa.String(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("document", sa.String(), nullable=True),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("is_void", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("supersedes_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["ledger_event.id"],
            name=op.f("fk_area_tie_event_id_ledger_event"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_area_tie_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_area_tie_person_id_person")),
        sa.ForeignKeyConstraint(["supersedes_id"], ["area_tie.id"], name=op.f("fk_area_tie_supersedes_id_area_tie")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_area_tie")),
        sa.UniqueConstraint("event_id", name=op.f("uq_area_tie_event_id")),
        sa.UniqueConstraint("supersedes_id", name=op.f("uq_area_tie_supersedes_id")),
    )
    with op.batch_alter_table("area_tie", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_area_tie_organisation_id"), ["organisation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_area_tie_person_id"), ["person_id"], unique=False)

    op.create_table(
        "audit",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("title_ja", sa.String(), nullable=False),
        sa.Column("title_en", sa.String(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("period_from", sa.Date(), nullable=False),
        sa.Column("period_to", sa.Date(), nullable=False),
        sa.Column("held_from", sa.Date(), nullable=False),
        sa.Column("held_to", sa.Date(), nullable=False),
        sa.Column("area_keys", sa.JSON(), nullable=False),
        sa.Column("criteria", sa.String(), nullable=False),
        sa.Column("approved_by", sa.String(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("is_void", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("supersedes_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["ledger_event.id"],
            name=op.f("fk_audit_event_id_ledger_event"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_audit_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(["supersedes_id"], ["audit.id"], name=op.f("fk_audit_supersedes_id_audit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        sa.UniqueConstraint("event_id", name=op.f("uq_audit_event_id")),
        sa.UniqueConstraint("supersedes_id", name=op.f("uq_audit_supersedes_id")),
    )
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_key"), ["key"], unique=False)
        batch_op.create_index(batch_op.f("ix_audit_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "auditor_candidate",
        sa.Column("cost", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("is_void", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("supersedes_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["ledger_event.id"],
            name=op.f("fk_auditor_candidate_event_id_ledger_event"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_auditor_candidate_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_auditor_candidate_person_id_person")),
        sa.ForeignKeyConstraint(
            ["supersedes_id"],
            ["auditor_candidate.id"],
            name=op.f("fk_auditor_candidate_supersedes_id_auditor_candidate"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auditor_candidate")),
        sa.UniqueConstraint("event_id", name=op.f("uq_auditor_candidate_event_id")),
        sa.UniqueConstraint("supersedes_id", name=op.f("uq_auditor_candidate_supersedes_id")),
    )
    with op.batch_alter_table("auditor_candidate", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_auditor_candidate_organisation_id"), ["organisation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_auditor_candidate_person_id"), ["person_id"], unique=False)

    op.create_table(
        "auditor_policy",
        sa.Column("auditors_per_area", sa.Integer(), nullable=False),
        sa.Column("leaders_per_team", sa.Integer(), nullable=False),
        sa.Column("look_back_months", sa.Integer(), nullable=False),
        sa.Column("course_valid_months", sa.Integer(), nullable=True),
        sa.Column("needs_review", sa.Boolean(), nullable=False),
        sa.Column("needs_declaration", sa.Boolean(), nullable=False),
        sa.Column("training_days", sa.Integer(), nullable=False),
        sa.Column("approved_by", sa.String(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("is_void", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("supersedes_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["ledger_event.id"],
            name=op.f("fk_auditor_policy_event_id_ledger_event"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_auditor_policy_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(
            ["supersedes_id"], ["auditor_policy.id"], name=op.f("fk_auditor_policy_supersedes_id_auditor_policy")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auditor_policy")),
        sa.UniqueConstraint("event_id", name=op.f("uq_auditor_policy_event_id")),
        sa.UniqueConstraint("supersedes_id", name=op.f("uq_auditor_policy_supersedes_id")),
    )
    with op.batch_alter_table("auditor_policy", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_auditor_policy_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "body",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("name_ja", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("parent_key", sa.String(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("is_void", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("supersedes_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["ledger_event.id"],
            name=op.f("fk_body_event_id_ledger_event"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_body_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(["supersedes_id"], ["body.id"], name=op.f("fk_body_supersedes_id_body")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_body")),
        sa.UniqueConstraint("event_id", name=op.f("uq_body_event_id")),
        sa.UniqueConstraint("supersedes_id", name=op.f("uq_body_supersedes_id")),
    )
    with op.batch_alter_table("body", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_body_key"), ["key"], unique=False)
        batch_op.create_index(batch_op.f("ix_body_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "competence_review",
        sa.Column("reviewer", sa.String(), nullable=False),
        sa.Column("is_competent", sa.Boolean(), nullable=False),
        sa.Column("may_lead", sa.Boolean(), nullable=False),
        sa.Column("skills", sa.JSON(), nullable=False),
        sa.Column("capacity_minutes", sa.Integer(), nullable=True),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("is_void", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("supersedes_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["ledger_event.id"],
            name=op.f("fk_competence_review_event_id_ledger_event"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_competence_review_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_competence_review_person_id_person")),
        sa.ForeignKeyConstraint(
            ["supersedes_id"],
            ["competence_review.id"],
            name=op.f("fk_competence_review_supersedes_id_competence_review"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_competence_review")),
        sa.UniqueConstraint("event_id", name=op.f("uq_competence_review_event_id")),
        sa.UniqueConstraint("supersedes_id", name=op.f("uq_competence_review_supersedes_id")),
    )
    with op.batch_alter_table("competence_review", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_competence_review_organisation_id"), ["organisation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_competence_review_person_id"), ["person_id"], unique=False)

    op.create_table(
        "document_reference",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("title_ja", sa.String(), nullable=False),
        sa.Column("title_en", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("is_void", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("supersedes_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["ledger_event.id"],
            name=op.f("fk_document_reference_event_id_ledger_event"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_document_reference_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(
            ["supersedes_id"],
            ["document_reference.id"],
            name=op.f("fk_document_reference_supersedes_id_document_reference"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document_reference")),
        sa.UniqueConstraint("event_id", name=op.f("uq_document_reference_event_id")),
        sa.UniqueConstraint("supersedes_id", name=op.f("uq_document_reference_supersedes_id")),
    )
    with op.batch_alter_table("document_reference", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_document_reference_kind"), ["kind"], unique=False)
        batch_op.create_index(batch_op.f("ix_document_reference_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "exemption",
        sa.Column("requirement_key", sa.String(), nullable=False),
        sa.Column("approved_by", sa.String(), nullable=False),
        sa.Column("correction_reason", sa.String(), nullable=True),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("is_void", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("supersedes_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["ledger_event.id"],
            name=op.f("fk_exemption_event_id_ledger_event"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_exemption_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_exemption_person_id_person")),
        sa.ForeignKeyConstraint(["supersedes_id"], ["exemption.id"], name=op.f("fk_exemption_supersedes_id_exemption")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exemption")),
        sa.UniqueConstraint("event_id", name=op.f("uq_exemption_event_id")),
        sa.UniqueConstraint("supersedes_id", name=op.f("uq_exemption_supersedes_id")),
    )
    with op.batch_alter_table("exemption", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_exemption_organisation_id"), ["organisation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_exemption_person_id"), ["person_id"], unique=False)

    op.create_table(
        "ledger_restore",
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("found_size", sa.Integer(), nullable=False),
        sa.Column("found_root", sa.String(), nullable=False),
        sa.Column("anchor_size", sa.Integer(), nullable=False),
        sa.Column("anchor_root", sa.String(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["ledger_event.id"],
            name=op.f("fk_ledger_restore_event_id_ledger_event"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_ledger_restore_organisation_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_restore")),
        sa.UniqueConstraint("event_id", name=op.f("uq_ledger_restore_event_id")),
    )
    with op.batch_alter_table("ledger_restore", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ledger_restore_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "evidence_pack_job",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("period_from", sa.Date(), nullable=False),
        sa.Column("period_to", sa.Date(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("known_at", sa.Integer(), nullable=True),
        sa.Column("is_named", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("steps_done", sa.Integer(), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("refusal", sa.String(), nullable=True),
        sa.Column("manifest_sha256", sa.String(), nullable=True),
        sa.Column("size", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("rows", sa.Integer(), nullable=True),
        sa.Column("pending", sa.Integer(), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_evidence_pack_job_organisation_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence_pack_job")),
    )
    with op.batch_alter_table("evidence_pack_job", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_evidence_pack_job_organisation_id"), ["organisation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_evidence_pack_job_state"), ["state"], unique=False)

    op.create_table(
        "pack_key",
        sa.Column("verifier_key", sa.String(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["ledger_event.id"],
            name=op.f("fk_pack_key_event_id_ledger_event"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_pack_key_organisation_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pack_key")),
        sa.UniqueConstraint("event_id", name=op.f("uq_pack_key_event_id")),
    )
    with op.batch_alter_table("pack_key", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pack_key_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "migration_batch",
        sa.Column("source_document", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("verified_by", sa.String(), nullable=False),
        sa.Column("verified_on", sa.Date(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["ledger_event.id"],
            name=op.f("fk_migration_batch_event_id_ledger_event"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_migration_batch_organisation_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_migration_batch")),
        sa.UniqueConstraint("event_id", name=op.f("uq_migration_batch_event_id")),
    )
    with op.batch_alter_table("migration_batch", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_migration_batch_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "pairing_exception",
        sa.Column("audit_key", sa.String(), nullable=False),
        sa.Column("area_key", sa.String(), nullable=False),
        sa.Column("grounds", sa.JSON(), nullable=False),
        sa.Column("mitigation", sa.String(), nullable=False),
        sa.Column("proposed_by", sa.String(), nullable=False),
        sa.Column("approved_by", sa.String(), nullable=True),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("is_void", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("supersedes_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["ledger_event.id"],
            name=op.f("fk_pairing_exception_event_id_ledger_event"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_pairing_exception_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_pairing_exception_person_id_person")),
        sa.ForeignKeyConstraint(
            ["supersedes_id"],
            ["pairing_exception.id"],
            name=op.f("fk_pairing_exception_supersedes_id_pairing_exception"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pairing_exception")),
        sa.UniqueConstraint("event_id", name=op.f("uq_pairing_exception_event_id")),
        sa.UniqueConstraint("supersedes_id", name=op.f("uq_pairing_exception_supersedes_id")),
    )
    with op.batch_alter_table("pairing_exception", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pairing_exception_organisation_id"), ["organisation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_pairing_exception_person_id"), ["person_id"], unique=False)

    op.create_table(
        "person_leave",
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("is_void", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("supersedes_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["ledger_event.id"],
            name=op.f("fk_person_leave_event_id_ledger_event"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_person_leave_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_person_leave_person_id_person")),
        sa.ForeignKeyConstraint(
            ["supersedes_id"], ["person_leave.id"], name=op.f("fk_person_leave_supersedes_id_person_leave")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_leave")),
        sa.UniqueConstraint("event_id", name=op.f("uq_person_leave_event_id")),
        sa.UniqueConstraint("supersedes_id", name=op.f("uq_person_leave_supersedes_id")),
    )
    with op.batch_alter_table("person_leave", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_person_leave_organisation_id"), ["organisation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_person_leave_person_id"), ["person_id"], unique=False)

    op.create_table(
        "handover_ticket",
        sa.Column("ticket_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("handle", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("consumed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["handle"], ["launch_session.handle"], name=op.f("fk_handover_ticket_handle_launch_session")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_handover_ticket_organisation_id_organisation")
        ),
        sa.PrimaryKeyConstraint("ticket_hash", name=op.f("pk_handover_ticket")),
    )
    with op.batch_alter_table("handover_ticket", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_handover_ticket_created_at"), ["created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_handover_ticket_handle"), ["handle"], unique=False)

    op.create_table(
        "pledge_invitation",
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("text_key", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["ledger_event.id"],
            name=op.f("fk_pledge_invitation_event_id_ledger_event"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_pledge_invitation_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_pledge_invitation_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pledge_invitation")),
        sa.UniqueConstraint("event_id", name=op.f("uq_pledge_invitation_event_id")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_pledge_invitation_token_hash")),
    )
    with op.batch_alter_table("pledge_invitation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pledge_invitation_organisation_id"), ["organisation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_pledge_invitation_person_id"), ["person_id"], unique=False)

    op.create_table(
        "pledge_text",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title_ja", sa.String(), nullable=False),
        sa.Column("title_en", sa.String(), nullable=False),
        sa.Column("text_ja", sa.String(), nullable=False),
        sa.Column("text_en", sa.String(), nullable=False),
        sa.Column("sha256_ja", sa.String(), nullable=False),
        sa.Column("sha256_en", sa.String(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["ledger_event.id"],
            name=op.f("fk_pledge_text_event_id_ledger_event"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_pledge_text_organisation_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pledge_text")),
        sa.UniqueConstraint("event_id", name=op.f("uq_pledge_text_event_id")),
        sa.UniqueConstraint(
            "organisation_id", "key", "version", name=op.f("uq_pledge_text_organisation_id_key_version")
        ),
    )
    with op.batch_alter_table("pledge_text", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pledge_text_key"), ["key"], unique=False)
        batch_op.create_index(batch_op.f("ix_pledge_text_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "record_opening",
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("salt", sa.LargeBinary(length=32), nullable=False),
        sa.Column("entries", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"], ["ledger_event.id"], name=op.f("fk_record_opening_event_id_ledger_event")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_record_opening_organisation_id_organisation")
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_record_opening")),
    )
    with op.batch_alter_table("record_opening", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_record_opening_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "seat",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("body_key", sa.String(), nullable=False),
        sa.Column("isms_role", sa.String(), nullable=False),
        sa.Column("title_ja", sa.String(), nullable=False),
        sa.Column("title_en", sa.String(), nullable=False),
        sa.Column("is_chair", sa.Boolean(), nullable=False),
        sa.Column("least", sa.Integer(), nullable=False),
        sa.Column("most", sa.Integer(), nullable=True),
        sa.Column("bound_post", sa.String(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("is_void", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("supersedes_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["ledger_event.id"],
            name=op.f("fk_seat_event_id_ledger_event"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_seat_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(["supersedes_id"], ["seat.id"], name=op.f("fk_seat_supersedes_id_seat")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seat")),
        sa.UniqueConstraint("event_id", name=op.f("uq_seat_event_id")),
        sa.UniqueConstraint("supersedes_id", name=op.f("uq_seat_supersedes_id")),
    )
    with op.batch_alter_table("seat", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_seat_key"), ["key"], unique=False)
        batch_op.create_index(batch_op.f("ix_seat_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "self_check_judgement",
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("hit", sa.String(), nullable=False),
        sa.Column("judgement", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("judged_by", sa.String(), nullable=False),
        sa.Column("judged_on", sa.Date(), nullable=False),
        sa.Column("treatment", sa.String(), nullable=False),
        sa.Column("approved_by", sa.String(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["ledger_event.id"],
            name=op.f("fk_self_check_judgement_event_id_ledger_event"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_self_check_judgement_organisation_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_self_check_judgement")),
        sa.UniqueConstraint("event_id", name=op.f("uq_self_check_judgement_event_id")),
    )
    with op.batch_alter_table("self_check_judgement", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_self_check_judgement_hit"), ["hit"], unique=False)
        batch_op.create_index(batch_op.f("ix_self_check_judgement_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "separation_rule",
        sa.Column("first_role", sa.String(), nullable=False),
        sa.Column("second_role", sa.String(), nullable=False),
        sa.Column("approved_by", sa.String(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("is_void", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("supersedes_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["ledger_event.id"],
            name=op.f("fk_separation_rule_event_id_ledger_event"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_separation_rule_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(
            ["supersedes_id"], ["separation_rule.id"], name=op.f("fk_separation_rule_supersedes_id_separation_rule")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_separation_rule")),
        sa.UniqueConstraint("event_id", name=op.f("uq_separation_rule_event_id")),
        sa.UniqueConstraint("supersedes_id", name=op.f("uq_separation_rule_supersedes_id")),
    )
    with op.batch_alter_table("separation_rule", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_separation_rule_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "stored_document",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["ledger_event.id"],
            name=op.f("fk_stored_document_event_id_ledger_event"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_stored_document_organisation_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stored_document")),
        sa.UniqueConstraint("event_id", name=op.f("uq_stored_document_event_id")),
    )
    with op.batch_alter_table("stored_document", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_stored_document_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "vendor_firm",
        sa.Column("name_ja", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["ledger_event.id"],
            name=op.f("fk_vendor_firm_event_id_ledger_event"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_vendor_firm_organisation_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vendor_firm")),
        sa.UniqueConstraint("event_id", name=op.f("uq_vendor_firm_event_id")),
    )
    with op.batch_alter_table("vendor_firm", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_vendor_firm_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "appointment",
        sa.Column("isms_role", sa.String(), nullable=False),
        sa.Column("seat_key", sa.String(), nullable=True),
        sa.Column("unit_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("letter_number", sa.String(), nullable=False),
        sa.Column("appointed_on", sa.Date(), nullable=False),
        sa.Column("appointer", sa.String(), nullable=False),
        sa.Column("end_kind", sa.String(), nullable=True),
        sa.Column("end_letter_number", sa.String(), nullable=True),
        sa.Column("migration_batch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("is_void", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("supersedes_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["ledger_event.id"],
            name=op.f("fk_appointment_event_id_ledger_event"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["migration_batch_id"],
            ["migration_batch.id"],
            name=op.f("fk_appointment_migration_batch_id_migration_batch"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_appointment_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_appointment_person_id_person")),
        sa.ForeignKeyConstraint(
            ["supersedes_id"], ["appointment.id"], name=op.f("fk_appointment_supersedes_id_appointment")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_appointment_unit_id_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appointment")),
        sa.UniqueConstraint("event_id", name=op.f("uq_appointment_event_id")),
        sa.UniqueConstraint("supersedes_id", name=op.f("uq_appointment_supersedes_id")),
    )
    with op.batch_alter_table("appointment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_appointment_organisation_id"), ["organisation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_appointment_person_id"), ["person_id"], unique=False)

    op.create_table(
        "audit_area",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("name_ja", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("unit_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("effort_minutes", sa.Integer(), nullable=False),
        sa.Column("skills", sa.JSON(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("is_void", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("supersedes_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["ledger_event.id"],
            name=op.f("fk_audit_area_event_id_ledger_event"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_audit_area_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(
            ["supersedes_id"], ["audit_area.id"], name=op.f("fk_audit_area_supersedes_id_audit_area")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_audit_area_unit_id_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_area")),
        sa.UniqueConstraint("event_id", name=op.f("uq_audit_area_event_id")),
        sa.UniqueConstraint("supersedes_id", name=op.f("uq_audit_area_supersedes_id")),
    )
    with op.batch_alter_table("audit_area", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_area_key"), ["key"], unique=False)
        batch_op.create_index(batch_op.f("ix_audit_area_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "interest_declaration",
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("identity_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("area_keys", sa.JSON(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["ledger_event.id"],
            name=op.f("fk_interest_declaration_event_id_ledger_event"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["lti_identity.id"], name=op.f("fk_interest_declaration_identity_id_lti_identity")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_interest_declaration_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_interest_declaration_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_interest_declaration")),
        sa.UniqueConstraint("event_id", name=op.f("uq_interest_declaration_event_id")),
    )
    with op.batch_alter_table("interest_declaration", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_interest_declaration_organisation_id"), ["organisation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_interest_declaration_person_id"), ["person_id"], unique=False)

    op.create_table(
        "line_authority",
        sa.Column("unit_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("is_void", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("supersedes_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["ledger_event.id"],
            name=op.f("fk_line_authority_event_id_ledger_event"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_line_authority_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_line_authority_person_id_person")),
        sa.ForeignKeyConstraint(
            ["supersedes_id"], ["line_authority.id"], name=op.f("fk_line_authority_supersedes_id_line_authority")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_line_authority_unit_id_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_line_authority")),
        sa.UniqueConstraint("event_id", name=op.f("uq_line_authority_event_id")),
        sa.UniqueConstraint("supersedes_id", name=op.f("uq_line_authority_supersedes_id")),
    )
    with op.batch_alter_table("line_authority", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_line_authority_organisation_id"), ["organisation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_line_authority_person_id"), ["person_id"], unique=False)

    op.create_table(
        "person_concurrent_post",
        sa.Column("unit_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("post", sa.String(), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("is_void", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("supersedes_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["ledger_event.id"],
            name=op.f("fk_person_concurrent_post_event_id_ledger_event"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_person_concurrent_post_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_person_concurrent_post_person_id_person")),
        sa.ForeignKeyConstraint(
            ["supersedes_id"],
            ["person_concurrent_post.id"],
            name=op.f("fk_person_concurrent_post_supersedes_id_person_concurrent_post"),
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_person_concurrent_post_unit_id_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_concurrent_post")),
        sa.UniqueConstraint("event_id", name=op.f("uq_person_concurrent_post_event_id")),
        sa.UniqueConstraint("supersedes_id", name=op.f("uq_person_concurrent_post_supersedes_id")),
    )
    with op.batch_alter_table("person_concurrent_post", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_person_concurrent_post_organisation_id"), ["organisation_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_person_concurrent_post_person_id"), ["person_id"], unique=False)

    op.create_table(
        "pledge_approval",
        sa.Column("text_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("approved_by", sa.String(), nullable=False),
        sa.Column("decision", sa.String(), nullable=False),
        sa.Column("requires_resigning", sa.Boolean(), nullable=False),
        sa.Column("days_to_sign", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("is_void", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("supersedes_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["ledger_event.id"],
            name=op.f("fk_pledge_approval_event_id_ledger_event"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_pledge_approval_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(
            ["supersedes_id"], ["pledge_approval.id"], name=op.f("fk_pledge_approval_supersedes_id_pledge_approval")
        ),
        sa.ForeignKeyConstraint(["text_id"], ["pledge_text.id"], name=op.f("fk_pledge_approval_text_id_pledge_text")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pledge_approval")),
        sa.UniqueConstraint("event_id", name=op.f("uq_pledge_approval_event_id")),
        sa.UniqueConstraint("supersedes_id", name=op.f("uq_pledge_approval_supersedes_id")),
    )
    with op.batch_alter_table("pledge_approval", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pledge_approval_organisation_id"), ["organisation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_pledge_approval_text_id"), ["text_id"], unique=False)

    op.create_table(
        "pledge_decline",
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("text_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("declined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("invitation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["ledger_event.id"],
            name=op.f("fk_pledge_decline_event_id_ledger_event"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["invitation_id"], ["pledge_invitation.id"], name=op.f("fk_pledge_decline_invitation_id_pledge_invitation")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_pledge_decline_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_pledge_decline_person_id_person")),
        sa.ForeignKeyConstraint(["text_id"], ["pledge_text.id"], name=op.f("fk_pledge_decline_text_id_pledge_text")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pledge_decline")),
        sa.UniqueConstraint("event_id", name=op.f("uq_pledge_decline_event_id")),
    )
    with op.batch_alter_table("pledge_decline", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pledge_decline_organisation_id"), ["organisation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_pledge_decline_person_id"), ["person_id"], unique=False)

    op.create_table(
        "pledge_invitation_revocation",
        sa.Column("invitation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["ledger_event.id"],
            name=op.f("fk_pledge_invitation_revocation_event_id_ledger_event"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["invitation_id"],
            ["pledge_invitation.id"],
            name=op.f("fk_pledge_invitation_revocation_invitation_id_pledge_invitation"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_pledge_invitation_revocation_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pledge_invitation_revocation")),
        sa.UniqueConstraint("event_id", name=op.f("uq_pledge_invitation_revocation_event_id")),
        sa.UniqueConstraint("invitation_id", name=op.f("uq_pledge_invitation_revocation_invitation_id")),
    )
    with op.batch_alter_table("pledge_invitation_revocation", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_pledge_invitation_revocation_organisation_id"), ["organisation_id"], unique=False
        )

    op.create_table(
        "team_assignment",
        sa.Column("audit_key", sa.String(), nullable=False),
        sa.Column("area_key", sa.String(), nullable=False),
        sa.Column("member_kind", sa.String(), nullable=False),
        sa.Column("is_leader", sa.Boolean(), nullable=False),
        sa.Column("exception_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("verdict", sa.JSON(), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("is_void", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("supersedes_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["ledger_event.id"],
            name=op.f("fk_team_assignment_event_id_ledger_event"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["exception_id"], ["pairing_exception.id"], name=op.f("fk_team_assignment_exception_id_pairing_exception")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_team_assignment_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_team_assignment_person_id_person")),
        sa.ForeignKeyConstraint(
            ["supersedes_id"], ["team_assignment.id"], name=op.f("fk_team_assignment_supersedes_id_team_assignment")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_team_assignment")),
        sa.UniqueConstraint("event_id", name=op.f("uq_team_assignment_event_id")),
        sa.UniqueConstraint("supersedes_id", name=op.f("uq_team_assignment_supersedes_id")),
    )
    with op.batch_alter_table("team_assignment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_team_assignment_audit_key"), ["audit_key"], unique=False)
        batch_op.create_index(batch_op.f("ix_team_assignment_organisation_id"), ["organisation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_team_assignment_person_id"), ["person_id"], unique=False)

    op.create_table(
        "training_record",
        sa.Column("competence", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("is_passed", sa.Boolean(), nullable=False),
        sa.Column("mark", sa.Integer(), nullable=True),
        sa.Column("maximum", sa.Integer(), nullable=True),
        sa.Column("pass_mark", sa.Integer(), nullable=True),
        sa.Column("provider", sa.String(), nullable=True),
        sa.Column("session", sa.String(), nullable=True),
        sa.Column("certificate", sa.String(), nullable=True),
        sa.Column("grader", sa.String(), nullable=True),
        sa.Column("equivalence_verified_by", sa.String(), nullable=True),
        sa.Column("document_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("migration_batch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("is_void", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("supersedes_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["stored_document.id"], name=op.f("fk_training_record_document_id_stored_document")
        ),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["ledger_event.id"],
            name=op.f("fk_training_record_event_id_ledger_event"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["migration_batch_id"],
            ["migration_batch.id"],
            name=op.f("fk_training_record_migration_batch_id_migration_batch"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_training_record_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_training_record_person_id_person")),
        sa.ForeignKeyConstraint(
            ["supersedes_id"], ["training_record.id"], name=op.f("fk_training_record_supersedes_id_training_record")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_record")),
        sa.UniqueConstraint("event_id", name=op.f("uq_training_record_event_id")),
        sa.UniqueConstraint("supersedes_id", name=op.f("uq_training_record_supersedes_id")),
    )
    with op.batch_alter_table("training_record", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_training_record_competence"), ["competence"], unique=False)
        batch_op.create_index(batch_op.f("ix_training_record_organisation_id"), ["organisation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_training_record_person_id"), ["person_id"], unique=False)

    op.create_table(
        "vendor_contract",
        sa.Column("firm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("is_void", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("supersedes_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["ledger_event.id"],
            name=op.f("fk_vendor_contract_event_id_ledger_event"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(["firm_id"], ["vendor_firm.id"], name=op.f("fk_vendor_contract_firm_id_vendor_firm")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_vendor_contract_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(
            ["supersedes_id"], ["vendor_contract.id"], name=op.f("fk_vendor_contract_supersedes_id_vendor_contract")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vendor_contract")),
        sa.UniqueConstraint("event_id", name=op.f("uq_vendor_contract_event_id")),
        sa.UniqueConstraint("supersedes_id", name=op.f("uq_vendor_contract_supersedes_id")),
    )
    with op.batch_alter_table("vendor_contract", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_vendor_contract_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "acknowledgement",
        sa.Column("appointment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("identity_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["appointment_id"], ["appointment.id"], name=op.f("fk_acknowledgement_appointment_id_appointment")
        ),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["ledger_event.id"],
            name=op.f("fk_acknowledgement_event_id_ledger_event"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["lti_identity.id"], name=op.f("fk_acknowledgement_identity_id_lti_identity")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_acknowledgement_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_acknowledgement_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_acknowledgement")),
        sa.UniqueConstraint("appointment_id", name=op.f("uq_acknowledgement_appointment_id")),
        sa.UniqueConstraint("event_id", name=op.f("uq_acknowledgement_event_id")),
    )
    with op.batch_alter_table("acknowledgement", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_acknowledgement_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "pledge_signature",
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("text_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("approval_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("text_sha256", sa.String(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("post", sa.String(), nullable=False),
        sa.Column("identity_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("platform_issuer", sa.String(), nullable=True),
        sa.Column("deployment_id", sa.String(), nullable=True),
        sa.Column("launched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("invitation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("document_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("original_place", sa.String(), nullable=True),
        sa.Column("verified_by", sa.String(), nullable=True),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("migration_batch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["approval_id"], ["pledge_approval.id"], name=op.f("fk_pledge_signature_approval_id_pledge_approval")
        ),
        sa.ForeignKeyConstraint(
            ["document_id"], ["stored_document.id"], name=op.f("fk_pledge_signature_document_id_stored_document")
        ),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["ledger_event.id"],
            name=op.f("fk_pledge_signature_event_id_ledger_event"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["lti_identity.id"], name=op.f("fk_pledge_signature_identity_id_lti_identity")
        ),
        sa.ForeignKeyConstraint(
            ["invitation_id"],
            ["pledge_invitation.id"],
            name=op.f("fk_pledge_signature_invitation_id_pledge_invitation"),
        ),
        sa.ForeignKeyConstraint(
            ["migration_batch_id"],
            ["migration_batch.id"],
            name=op.f("fk_pledge_signature_migration_batch_id_migration_batch"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_pledge_signature_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_pledge_signature_person_id_person")),
        sa.ForeignKeyConstraint(["text_id"], ["pledge_text.id"], name=op.f("fk_pledge_signature_text_id_pledge_text")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pledge_signature")),
        sa.UniqueConstraint("event_id", name=op.f("uq_pledge_signature_event_id")),
        sa.UniqueConstraint("invitation_id", name=op.f("uq_pledge_signature_invitation_id")),
        sa.UniqueConstraint(
            "person_id", "text_id", "number", name=op.f("uq_pledge_signature_person_id_text_id_number")
        ),
    )
    with op.batch_alter_table("pledge_signature", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pledge_signature_code"), ["code"], unique=False)
        batch_op.create_index(batch_op.f("ix_pledge_signature_organisation_id"), ["organisation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_pledge_signature_person_id"), ["person_id"], unique=False)

    op.create_table(
        "vendor_engagement",
        sa.Column("firm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("contract_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("is_void", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("supersedes_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["vendor_contract.id"], name=op.f("fk_vendor_engagement_contract_id_vendor_contract")
        ),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["ledger_event.id"],
            name=op.f("fk_vendor_engagement_event_id_ledger_event"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(["firm_id"], ["vendor_firm.id"], name=op.f("fk_vendor_engagement_firm_id_vendor_firm")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_vendor_engagement_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_vendor_engagement_person_id_person")),
        sa.ForeignKeyConstraint(
            ["supersedes_id"],
            ["vendor_engagement.id"],
            name=op.f("fk_vendor_engagement_supersedes_id_vendor_engagement"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vendor_engagement")),
        sa.UniqueConstraint("event_id", name=op.f("uq_vendor_engagement_event_id")),
        sa.UniqueConstraint("supersedes_id", name=op.f("uq_vendor_engagement_supersedes_id")),
    )
    with op.batch_alter_table("vendor_engagement", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_vendor_engagement_organisation_id"), ["organisation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_vendor_engagement_person_id"), ["person_id"], unique=False)

    op.create_table(
        "pledge_withdrawal",
        sa.Column("signature_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("withdrawn_on", sa.Date(), nullable=False),
        sa.Column("ground", sa.String(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["ledger_event.id"],
            name=op.f("fk_pledge_withdrawal_event_id_ledger_event"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_pledge_withdrawal_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(
            ["signature_id"], ["pledge_signature.id"], name=op.f("fk_pledge_withdrawal_signature_id_pledge_signature")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pledge_withdrawal")),
        sa.UniqueConstraint("event_id", name=op.f("uq_pledge_withdrawal_event_id")),
        sa.UniqueConstraint("signature_id", name=op.f("uq_pledge_withdrawal_signature_id")),
    )
    with op.batch_alter_table("pledge_withdrawal", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pledge_withdrawal_organisation_id"), ["organisation_id"], unique=False)

    with op.batch_alter_table("requirement_version", schema=None) as batch_op:
        batch_op.add_column(sa.Column("document", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("document_version", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("equivalents", sa.JSON(), nullable=True))

    with op.batch_alter_table("scope_membership", schema=None) as batch_op:
        batch_op.add_column(sa.Column("correction_reason", sa.String(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("attempt_result", schema=None) as batch_op:
        batch_op.alter_column("questions", new_column_name="items")

    with op.batch_alter_table("ledger_checkpoint", schema=None) as batch_op:
        batch_op.drop_column("previous_size")

    with op.batch_alter_table("handover_ticket", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_handover_ticket_handle"))
        batch_op.drop_index(batch_op.f("ix_handover_ticket_created_at"))

    op.drop_table("handover_ticket")

    with op.batch_alter_table("scope_membership", schema=None) as batch_op:
        batch_op.drop_column("correction_reason")

    with op.batch_alter_table("requirement_version", schema=None) as batch_op:
        batch_op.drop_column("equivalents")
        batch_op.drop_column("document_version")
        batch_op.drop_column("document")

    with op.batch_alter_table("pledge_withdrawal", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pledge_withdrawal_organisation_id"))

    op.drop_table("pledge_withdrawal")
    with op.batch_alter_table("vendor_engagement", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_vendor_engagement_person_id"))
        batch_op.drop_index(batch_op.f("ix_vendor_engagement_organisation_id"))

    op.drop_table("vendor_engagement")
    with op.batch_alter_table("pledge_signature", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pledge_signature_person_id"))
        batch_op.drop_index(batch_op.f("ix_pledge_signature_organisation_id"))
        batch_op.drop_index(batch_op.f("ix_pledge_signature_code"))

    op.drop_table("pledge_signature")
    with op.batch_alter_table("acknowledgement", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_acknowledgement_organisation_id"))

    op.drop_table("acknowledgement")
    with op.batch_alter_table("vendor_contract", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_vendor_contract_organisation_id"))

    op.drop_table("vendor_contract")
    with op.batch_alter_table("training_record", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_training_record_person_id"))
        batch_op.drop_index(batch_op.f("ix_training_record_organisation_id"))
        batch_op.drop_index(batch_op.f("ix_training_record_competence"))

    op.drop_table("training_record")
    with op.batch_alter_table("team_assignment", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_team_assignment_person_id"))
        batch_op.drop_index(batch_op.f("ix_team_assignment_organisation_id"))
        batch_op.drop_index(batch_op.f("ix_team_assignment_audit_key"))

    op.drop_table("team_assignment")
    with op.batch_alter_table("pledge_invitation_revocation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pledge_invitation_revocation_organisation_id"))

    op.drop_table("pledge_invitation_revocation")
    with op.batch_alter_table("pledge_decline", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pledge_decline_person_id"))
        batch_op.drop_index(batch_op.f("ix_pledge_decline_organisation_id"))

    op.drop_table("pledge_decline")
    with op.batch_alter_table("pledge_approval", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pledge_approval_text_id"))
        batch_op.drop_index(batch_op.f("ix_pledge_approval_organisation_id"))

    op.drop_table("pledge_approval")
    with op.batch_alter_table("person_concurrent_post", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_person_concurrent_post_person_id"))
        batch_op.drop_index(batch_op.f("ix_person_concurrent_post_organisation_id"))

    op.drop_table("person_concurrent_post")
    with op.batch_alter_table("line_authority", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_line_authority_person_id"))
        batch_op.drop_index(batch_op.f("ix_line_authority_organisation_id"))

    op.drop_table("line_authority")
    with op.batch_alter_table("interest_declaration", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_interest_declaration_person_id"))
        batch_op.drop_index(batch_op.f("ix_interest_declaration_organisation_id"))

    op.drop_table("interest_declaration")
    with op.batch_alter_table("audit_area", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_audit_area_organisation_id"))
        batch_op.drop_index(batch_op.f("ix_audit_area_key"))

    op.drop_table("audit_area")
    with op.batch_alter_table("appointment", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_appointment_person_id"))
        batch_op.drop_index(batch_op.f("ix_appointment_organisation_id"))

    op.drop_table("appointment")
    with op.batch_alter_table("vendor_firm", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_vendor_firm_organisation_id"))

    op.drop_table("vendor_firm")
    with op.batch_alter_table("stored_document", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_stored_document_organisation_id"))

    op.drop_table("stored_document")
    with op.batch_alter_table("separation_rule", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_separation_rule_organisation_id"))

    op.drop_table("separation_rule")
    with op.batch_alter_table("self_check_judgement", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_self_check_judgement_organisation_id"))
        batch_op.drop_index(batch_op.f("ix_self_check_judgement_hit"))

    op.drop_table("self_check_judgement")
    with op.batch_alter_table("seat", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_seat_organisation_id"))
        batch_op.drop_index(batch_op.f("ix_seat_key"))

    op.drop_table("seat")
    with op.batch_alter_table("record_opening", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_record_opening_organisation_id"))

    op.drop_table("record_opening")
    with op.batch_alter_table("pledge_text", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pledge_text_organisation_id"))
        batch_op.drop_index(batch_op.f("ix_pledge_text_key"))

    op.drop_table("pledge_text")
    with op.batch_alter_table("pledge_invitation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pledge_invitation_person_id"))
        batch_op.drop_index(batch_op.f("ix_pledge_invitation_organisation_id"))

    op.drop_table("pledge_invitation")
    with op.batch_alter_table("person_leave", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_person_leave_person_id"))
        batch_op.drop_index(batch_op.f("ix_person_leave_organisation_id"))

    op.drop_table("person_leave")
    with op.batch_alter_table("pairing_exception", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pairing_exception_person_id"))
        batch_op.drop_index(batch_op.f("ix_pairing_exception_organisation_id"))

    op.drop_table("pairing_exception")
    with op.batch_alter_table("migration_batch", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_migration_batch_organisation_id"))

    op.drop_table("migration_batch")
    with op.batch_alter_table("pack_key", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pack_key_organisation_id"))

    op.drop_table("pack_key")
    with op.batch_alter_table("evidence_pack_job", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_evidence_pack_job_state"))
        batch_op.drop_index(batch_op.f("ix_evidence_pack_job_organisation_id"))

    op.drop_table("evidence_pack_job")
    with op.batch_alter_table("ledger_restore", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ledger_restore_organisation_id"))

    op.drop_table("ledger_restore")
    with op.batch_alter_table("exemption", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_exemption_person_id"))
        batch_op.drop_index(batch_op.f("ix_exemption_organisation_id"))

    op.drop_table("exemption")
    with op.batch_alter_table("document_reference", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_document_reference_organisation_id"))
        batch_op.drop_index(batch_op.f("ix_document_reference_kind"))

    op.drop_table("document_reference")
    with op.batch_alter_table("competence_review", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_competence_review_person_id"))
        batch_op.drop_index(batch_op.f("ix_competence_review_organisation_id"))

    op.drop_table("competence_review")
    with op.batch_alter_table("body", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_body_organisation_id"))
        batch_op.drop_index(batch_op.f("ix_body_key"))

    op.drop_table("body")
    with op.batch_alter_table("auditor_policy", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_auditor_policy_organisation_id"))

    op.drop_table("auditor_policy")
    with op.batch_alter_table("auditor_candidate", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_auditor_candidate_person_id"))
        batch_op.drop_index(batch_op.f("ix_auditor_candidate_organisation_id"))

    op.drop_table("auditor_candidate")
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_audit_organisation_id"))
        batch_op.drop_index(batch_op.f("ix_audit_key"))

    op.drop_table("audit")
    with op.batch_alter_table("area_tie", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_area_tie_person_id"))
        batch_op.drop_index(batch_op.f("ix_area_tie_organisation_id"))

    op.drop_table("area_tie")
