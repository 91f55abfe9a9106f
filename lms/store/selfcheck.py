"""Judgements on hits of the self-check 自己点検: a hit is a question, and a named person answers it.

Source: ISO/IEC 27001 clause 10.2; domain.md §6.
"""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from sqlalchemy import select
from sqlalchemy.orm import Mapped, Session, mapped_column

from lms.store.base import Base
from lms.store.records import Record, known


class SelfCheckJudgement(Record, Base):
    """What somebody found a hit to be, and how it is treated; the newest for a hit holds."""

    __tablename__ = "self_check_judgement"
    event_type: ClassVar[str] = "self_check.judged"

    rule: Mapped[str]
    """``NC05`` …"""
    hit: Mapped[str] = mapped_column(index=True)
    """Key of the hit within the rule, made from what it is about; the same hit has the same key every night."""
    judgement: Mapped[str]
    """`courses.selfcheck.Judgement`: nonconformity 不適合, observation 観察事項, not applicable 非該当."""
    reason: Mapped[str]
    judged_by: Mapped[str]
    """``person:12``."""
    judged_on: Mapped[date]
    treatment: Mapped[str]
    """``accepted`` or ``corrective_action``; empty where none is needed."""
    approved_by: Mapped[str]
    due_on: Mapped[date | None]
    """For a corrective action its due date, for an acceptance its last day."""
    closed_on: Mapped[date | None]


def judgements_of(
    session: Session, organisation_id: int, known_at: int | None = None
) -> dict[tuple[str, str], list[SelfCheckJudgement]]:
    """Return the known judgements by rule and hit, in order of their recording."""
    rows = session.scalars(
        select(SelfCheckJudgement)
        .where(SelfCheckJudgement.organisation_id == organisation_id, known(SelfCheckJudgement, known_at))
        .order_by(SelfCheckJudgement.id)
    )
    found: dict[tuple[str, str], list[SelfCheckJudgement]] = {}
    for row in rows:
        found.setdefault((row.rule, row.hit), []).append(row)
    return found
