"""LTI Advantage"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "local_account",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("organisation_id", BIG_ID, nullable=False),
        sa.Column("login_name", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("totp_secret", sa.LargeBinary(), nullable=False),
        sa.Column("last_totp_step", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_local_account_organisation_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_local_account")),
        sa.UniqueConstraint("login_name", name=op.f("uq_local_account_login_name")),
    )
    with op.batch_alter_table("local_account", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_local_account_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "platform_invitation",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("organisation_id", BIG_ID, nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_platform_invitation_organisation_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_platform_invitation")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_platform_invitation_token_hash")),
    )
    with op.batch_alter_table("platform_invitation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_platform_invitation_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "worker_beat",
        sa.Column("worker", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failing", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("worker", name=op.f("pk_worker_beat")),
    )

    op.create_table(
        "sign_in_attempt",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("organisation_id", BIG_ID, nullable=True),
        sa.Column("login_name_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("address_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_success", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_sign_in_attempt_organisation_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_attempt")),
    )
    with op.batch_alter_table("sign_in_attempt", schema=None) as batch_op:
        batch_op.create_index("ix_sign_in_attempt_account", ["login_name_hash", "at"], unique=False)
        batch_op.create_index("ix_sign_in_attempt_address", ["address_hash", "at"], unique=False)

    op.create_table(
        "placed_item",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("organisation_id", BIG_ID, nullable=False),
        sa.Column("platform_id", BIG_ID, nullable=False),
        sa.Column("context_id", sa.String(), nullable=True),
        sa.Column("opens", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("placed_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_placed_item_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(["platform_id"], ["platform.id"], name=op.f("fk_placed_item_platform_id_platform")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_placed_item")),
    )
    with op.batch_alter_table("placed_item", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_placed_item_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "registration_request",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("organisation_id", BIG_ID, nullable=False),
        sa.Column("invitation_id", BIG_ID, nullable=False),
        sa.Column("platform_id", BIG_ID, nullable=True),
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("deployment_id", sa.String(), nullable=True),
        sa.Column("authorization_url", sa.String(), nullable=False),
        sa.Column("token_url", sa.String(), nullable=False),
        sa.Column("keyset_url", sa.String(), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("product", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["invitation_id"],
            ["platform_invitation.id"],
            name=op.f("fk_registration_request_invitation_id_platform_invitation"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_registration_request_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(
            ["platform_id"], ["platform.id"], name=op.f("fk_registration_request_platform_id_platform")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registration_request")),
    )
    with op.batch_alter_table("registration_request", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_registration_request_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "roster_source",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("organisation_id", BIG_ID, nullable=False),
        sa.Column("platform_id", BIG_ID, nullable=False),
        sa.Column("deployment_id", sa.String(), nullable=False),
        sa.Column("context_id", sa.String(), nullable=False),
        sa.Column("context_title", sa.String(), nullable=True),
        sa.Column("memberships_url", sa.String(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_roster_source_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(["platform_id"], ["platform.id"], name=op.f("fk_roster_source_platform_id_platform")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roster_source")),
        sa.UniqueConstraint(
            "platform_id",
            "deployment_id",
            "context_id",
            name=op.f("uq_roster_source_platform_id_deployment_id_context_id"),
        ),
    )
    with op.batch_alter_table("roster_source", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_roster_source_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "reconciliation",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("organisation_id", BIG_ID, nullable=False),
        sa.Column("resource_link_pk", BIG_ID, nullable=False),
        sa.Column("wanted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wanted_by", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("refusal", sa.String(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("same", sa.Integer(), nullable=False),
        sa.Column("lost", sa.Integer(), nullable=False),
        sa.Column("overridden", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_reconciliation_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(
            ["resource_link_pk"], ["resource_link.id"], name=op.f("fk_reconciliation_resource_link_pk_resource_link")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliation")),
    )
    with op.batch_alter_table("reconciliation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reconciliation_organisation_id"), ["organisation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_reconciliation_resource_link_pk"), ["resource_link_pk"], unique=False)
        batch_op.create_index("ix_reconciliation_state_next_try_at", ["state", "next_try_at"], unique=False)

    op.create_table(
        "roster_pull",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("organisation_id", BIG_ID, nullable=False),
        sa.Column("source_id", BIG_ID, nullable=False),
        sa.Column("wanted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wanted_by", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("refusal", sa.String(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pages", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_roster_pull_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(
            ["source_id"], ["roster_source.id"], name=op.f("fk_roster_pull_source_id_roster_source")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roster_pull")),
    )
    with op.batch_alter_table("roster_pull", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_roster_pull_organisation_id"), ["organisation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_roster_pull_source_id"), ["source_id"], unique=False)
        batch_op.create_index("ix_roster_pull_state_next_try_at", ["state", "next_try_at"], unique=False)

    op.create_table(
        "deep_linking_request",
        sa.Column("handle", sa.String(), nullable=False),
        sa.Column("organisation_id", BIG_ID, nullable=False),
        sa.Column("context_id", sa.String(), nullable=True),
        sa.Column("context_title", sa.String(), nullable=True),
        sa.Column("return_url", sa.String(), nullable=False),
        sa.Column("data", sa.String(), nullable=True),
        sa.Column("takes_several", sa.Boolean(), nullable=False),
        sa.Column("takes_line_items", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["handle"], ["launch_session.handle"], name=op.f("fk_deep_linking_request_handle_launch_session")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_deep_linking_request_organisation_id_organisation")
        ),
        sa.PrimaryKeyConstraint("handle", name=op.f("pk_deep_linking_request")),
    )
    op.create_table(
        "roster_member",
        sa.Column("pull_id", BIG_ID, nullable=False),
        sa.Column("identity_id", BIG_ID, nullable=False),
        sa.Column("organisation_id", BIG_ID, nullable=False),
        sa.Column("lti_roles", sa.JSON(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["lti_identity.id"], name=op.f("fk_roster_member_identity_id_lti_identity")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_roster_member_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(["pull_id"], ["roster_pull.id"], name=op.f("fk_roster_member_pull_id_roster_pull")),
        sa.PrimaryKeyConstraint("pull_id", "identity_id", name=op.f("pk_roster_member")),
    )
    with op.batch_alter_table("roster_member", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_roster_member_identity_id"), ["identity_id"], unique=False)

    with op.batch_alter_table("launch_session", schema=None) as batch_op:
        batch_op.add_column(sa.Column("kind", sa.String(), nullable=False, server_default="resource_link"))
        batch_op.add_column(sa.Column("platform_id", BIG_ID, nullable=True))
        batch_op.add_column(sa.Column("deployment_id", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("reviewed_identity_id", BIG_ID, nullable=True))
        batch_op.add_column(sa.Column("account_id", BIG_ID, nullable=True))
        batch_op.add_column(sa.Column("browser", sa.String(), nullable=True))
        batch_op.alter_column("identity_id", existing_type=BIG_ID, nullable=True)
        batch_op.alter_column("resource_link_pk", existing_type=BIG_ID, nullable=True)
        batch_op.create_index(batch_op.f("ix_launch_session_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_launch_session_organisation_id"), ["organisation_id"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_launch_session_reviewed_identity_id_lti_identity"),
            "lti_identity",
            ["reviewed_identity_id"],
            ["id"],
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_launch_session_platform_id_platform"), "platform", ["platform_id"], ["id"]
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_launch_session_account_id_local_account"), "local_account", ["account_id"], ["id"]
        )

    with op.batch_alter_table("lti_identity", schema=None) as batch_op:
        batch_op.add_column(sa.Column("last_launched_at", sa.DateTime(timezone=True), nullable=True))

    with op.batch_alter_table("platform", schema=None) as batch_op:
        batch_op.add_column(sa.Column("trusted_audiences", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("scopes", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("product", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("succeeds_id", BIG_ID, nullable=True))
        batch_op.add_column(sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_foreign_key(batch_op.f("fk_platform_succeeds_id_platform"), "platform", ["succeeds_id"], ["id"])

    with op.batch_alter_table("resource_link", schema=None) as batch_op:
        batch_op.add_column(sa.Column("is_choice", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("item_key", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("context_history", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("copied_from_pk", BIG_ID, nullable=True))
        batch_op.add_column(sa.Column("line_items_url", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("ags_scopes", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("line_item_wait_until", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("line_item_tries", sa.Integer(), nullable=False, server_default="0"))
        batch_op.create_index(batch_op.f("ix_resource_link_item_key"), ["item_key"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_resource_link_copied_from_pk_resource_link"), "resource_link", ["copied_from_pk"], ["id"]
        )

    with op.batch_alter_table("score_delivery", schema=None) as batch_op:
        batch_op.add_column(sa.Column("compared_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("standing", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("held_score", sa.Double(), nullable=True))
        batch_op.add_column(sa.Column("held_maximum", sa.Double(), nullable=True))
        batch_op.add_column(sa.Column("set_aside_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("set_aside_by", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("event_id", BIG_ID, nullable=True))
        batch_op.add_column(sa.Column("mark", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("maximum", sa.Integer(), nullable=True))
        batch_op.create_index("ix_score_delivery_organisation_id_state", ["organisation_id", "state"], unique=False)
    for column in ("event_id", "mark", "maximum"):
        op.execute(
            f"UPDATE score_delivery SET {column} = "  # noqa: S608 - three names of ours
            f"(SELECT {column} FROM attempt_result WHERE attempt_result.id = score_delivery.result_id)"
        )
    with op.batch_alter_table("score_delivery", schema=None) as batch_op:
        batch_op.alter_column("event_id", existing_type=BIG_ID, nullable=False)
        batch_op.alter_column("mark", existing_type=sa.Integer(), nullable=False)
        batch_op.alter_column("maximum", existing_type=sa.Integer(), nullable=False)
        batch_op.drop_constraint(batch_op.f("fk_score_delivery_result_id_attempt_result"), type_="foreignkey")
        batch_op.drop_column("result_id")
        batch_op.create_foreign_key(
            batch_op.f("fk_score_delivery_event_id_ledger_event"),
            "ledger_event",
            ["event_id"],
            ["id"],
            initially="DEFERRED",
            deferrable=True,
        )

    op.create_table(
        "score_try",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("organisation_id", BIG_ID, nullable=False),
        sa.Column("delivery_id", BIG_ID, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("timestamp", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mark", sa.Integer(), nullable=False),
        sa.Column("maximum", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["score_delivery.id"], name=op.f("fk_score_try_delivery_id_score_delivery")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_score_try_organisation_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_score_try")),
    )
    with op.batch_alter_table("score_try", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_score_try_at"), ["at"], unique=False)
        batch_op.create_index(batch_op.f("ix_score_try_delivery_id"), ["delivery_id"], unique=False)

    _drop_defaults()
    op.execute(
        "UPDATE launch_session SET platform_id = (SELECT platform_id FROM resource_link WHERE resource_link.id = resource_link_pk), "
        "deployment_id = (SELECT deployment_id FROM resource_link WHERE resource_link.id = resource_link_pk)"
    )
    op.execute("UPDATE lti_identity SET last_launched_at = last_seen_at")


def _drop_defaults() -> None:
    """The defaults were for the rows that are there; the tool writes every value."""
    for table, column in (
        ("launch_session", "kind"),
        ("platform", "trusted_audiences"),
        ("resource_link", "is_choice"),
        ("resource_link", "line_item_tries"),
    ):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.alter_column(column, server_default=None)


def downgrade() -> None:
    op.execute(
        "DELETE FROM handover_ticket WHERE handle IN (SELECT handle FROM launch_session WHERE kind <> 'resource_link')"
    )
    op.execute("DELETE FROM deep_linking_request")
    op.execute("DELETE FROM launch_session WHERE kind <> 'resource_link'")
    with op.batch_alter_table("score_try", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_score_try_delivery_id"))
        batch_op.drop_index(batch_op.f("ix_score_try_at"))

    op.drop_table("score_try")
    op.execute("DELETE FROM score_delivery WHERE event_id NOT IN (SELECT event_id FROM attempt_result)")
    with op.batch_alter_table("score_delivery", schema=None) as batch_op:
        batch_op.add_column(sa.Column("result_id", BIG_ID, nullable=True))
    op.execute(
        "UPDATE score_delivery SET result_id = "
        "(SELECT id FROM attempt_result WHERE attempt_result.event_id = score_delivery.event_id)"
    )
    with op.batch_alter_table("score_delivery", schema=None) as batch_op:
        batch_op.alter_column("result_id", existing_type=BIG_ID, nullable=False)
        batch_op.drop_constraint(batch_op.f("fk_score_delivery_event_id_ledger_event"), type_="foreignkey")
        batch_op.create_foreign_key(
            batch_op.f("fk_score_delivery_result_id_attempt_result"), "attempt_result", ["result_id"], ["id"]
        )
        batch_op.drop_column("event_id")
        batch_op.drop_column("mark")
        batch_op.drop_column("maximum")
        batch_op.drop_index("ix_score_delivery_organisation_id_state")
        batch_op.drop_column("set_aside_by")
        batch_op.drop_column("set_aside_at")
        batch_op.drop_column("held_maximum")
        batch_op.drop_column("held_score")
        batch_op.drop_column("standing")
        batch_op.drop_column("compared_at")

    with op.batch_alter_table("resource_link", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_resource_link_copied_from_pk_resource_link"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_resource_link_item_key"))
        batch_op.drop_column("line_item_tries")
        batch_op.drop_column("line_item_wait_until")
        batch_op.drop_column("ags_scopes")
        batch_op.drop_column("line_items_url")
        batch_op.drop_column("copied_from_pk")
        batch_op.drop_column("context_history")
        batch_op.drop_column("item_key")
        batch_op.drop_column("is_choice")

    with op.batch_alter_table("platform", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_platform_succeeds_id_platform"), type_="foreignkey")
        batch_op.drop_column("stopped_at")
        batch_op.drop_column("succeeds_id")
        batch_op.drop_column("product")
        batch_op.drop_column("scopes")
        batch_op.drop_column("trusted_audiences")

    with op.batch_alter_table("lti_identity", schema=None) as batch_op:
        batch_op.drop_column("last_launched_at")

    with op.batch_alter_table("launch_session", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_launch_session_account_id_local_account"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_launch_session_platform_id_platform"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_launch_session_reviewed_identity_id_lti_identity"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_launch_session_organisation_id"))
        batch_op.drop_index(batch_op.f("ix_launch_session_account_id"))
        batch_op.alter_column("resource_link_pk", existing_type=BIG_ID, nullable=False)
        batch_op.alter_column("identity_id", existing_type=BIG_ID, nullable=False)
        batch_op.drop_column("browser")
        batch_op.drop_column("account_id")
        batch_op.drop_column("reviewed_identity_id")
        batch_op.drop_column("deployment_id")
        batch_op.drop_column("platform_id")
        batch_op.drop_column("kind")

    with op.batch_alter_table("roster_member", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_roster_member_identity_id"))

    op.drop_table("roster_member")
    op.drop_table("deep_linking_request")
    with op.batch_alter_table("roster_pull", schema=None) as batch_op:
        batch_op.drop_index("ix_roster_pull_state_next_try_at")
        batch_op.drop_index(batch_op.f("ix_roster_pull_source_id"))
        batch_op.drop_index(batch_op.f("ix_roster_pull_organisation_id"))

    op.drop_table("roster_pull")
    with op.batch_alter_table("reconciliation", schema=None) as batch_op:
        batch_op.drop_index("ix_reconciliation_state_next_try_at")
        batch_op.drop_index(batch_op.f("ix_reconciliation_resource_link_pk"))
        batch_op.drop_index(batch_op.f("ix_reconciliation_organisation_id"))

    op.drop_table("reconciliation")
    with op.batch_alter_table("roster_source", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_roster_source_organisation_id"))

    op.drop_table("roster_source")
    with op.batch_alter_table("registration_request", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_registration_request_organisation_id"))

    op.drop_table("registration_request")
    with op.batch_alter_table("placed_item", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_placed_item_organisation_id"))

    op.drop_table("placed_item")
    with op.batch_alter_table("sign_in_attempt", schema=None) as batch_op:
        batch_op.drop_index("ix_sign_in_attempt_address")
        batch_op.drop_index("ix_sign_in_attempt_account")

    op.drop_table("sign_in_attempt")
    op.drop_table("worker_beat")
    with op.batch_alter_table("platform_invitation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_platform_invitation_organisation_id"))

    op.drop_table("platform_invitation")
    with op.batch_alter_table("local_account", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_local_account_organisation_id"))

    op.drop_table("local_account")
