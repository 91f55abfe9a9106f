"""ISMS roles 役割・責任・権限, as clause 5.3 asks for them to be assigned and communicated.

Source: ISO/IEC 27001 clause 5.3; domain.md §1.
"""

from __future__ import annotations

from enum import StrEnum


class IsmsRole(StrEnum):
    """The roles of an ISMS; rights in the tool come from them."""

    MANAGEMENT = "management"
    """ISMS経営陣."""
    COMMITTEE = "committee"
    """情報セキュリティ委員会."""
    CISO = "ciso"
    """ISMS-CISO."""
    SECRETARIAT = "secretariat"
    """ISMS事務局."""
    RISK_ASSESSOR = "risk_assessor"
    """リスクアセスメント担当."""
    AUDIT_COMMITTEE = "audit_committee"
    """監査委員会."""
    CHIEF_AUDITOR = "chief_auditor"
    """内部監査責任者."""
    INTERNAL_AUDITOR = "internal_auditor"
    """内部監査員."""
    UNIT_HEAD = "unit_head"
    """部門長."""
