"""The words that templates about auditors and audits use, under the name ``auditing``."""

from __future__ import annotations

from types import SimpleNamespace

from lms.services.pools import auditor_id
from lms.wording import auditors, pools


def auditor_words() -> SimpleNamespace:
    """Return functions and tables by the names that templates give them."""
    return SimpleNamespace(
        auditor_id=auditor_id,
        verdict_label=auditors.verdict_label,
        verdict_signs=auditors.VERDICT_SIGNS,
        exclusion_label=auditors.ground_label,
        kept_ground_sentence=auditors.kept_ground_sentence,
        days_label=auditors.days_label,
        qualification_label=auditors.qualification_label,
        check_label=auditors.check_label,
        check_sentence=auditors.check_sentence,
        member_label=auditors.member_label,
        flag_sentence=auditors.flag_sentence,
        field_label=auditors.field_label,
        pool_verdict_label=pools.pool_verdict_label,
        pool_signs=pools.POOL_SIGNS,
        fact_sentence=pools.fact_sentence,
        repair_sentence=pools.repair_sentence,
        turn_sentence=pools.turn_sentence,
        causes=pools.cause_sentences,
    )
