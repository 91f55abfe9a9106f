"""Organisations, their units, and the parameters that fill their texts."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from lms.store.base import Base, BigId
from lms.store.records import Record, known


class Organisation(Base):
    """A certified organisation; the owner of every row."""

    __tablename__ = "organisation"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    """Short ASCII name; stands in the ledger's origin and never changes."""
    name_ja: Mapped[str]
    name_en: Mapped[str]
    created_at: Mapped[datetime]

    def name(self, language: str) -> str:
        """Return the name in a language."""
        return self.name_ja if language == "ja" else self.name_en


class Unit(Record, Base):
    """A unit 所属 of the organisation; staff lists name it by its Japanese name."""

    __tablename__ = "unit"
    __table_args__ = (UniqueConstraint("organisation_id", "name_ja"),)
    event_type: ClassVar[str] = "unit.added"

    name_ja: Mapped[str]
    name_en: Mapped[str]
    parent_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("unit.id"))


class OrganisationParameters(Record, Base):
    """The values that fill the parameters of texts; the newest row holds, older ones say what was shown before."""

    __tablename__ = "organisation_parameters"
    event_type: ClassVar[str] = "parameters.set"

    entries: Mapped[dict[str, Any]]
    """Parameter name to its text by language: ``{"contact_name": {"ja": "…", "en": "…"}}``."""


def find_organisation(session: Session, key: str) -> Organisation | None:
    """Return the organisation with a key."""
    return session.scalar(select(Organisation).where(Organisation.key == key))


def wait_for_others(session: Session, organisation_id: int) -> None:
    """Let those who decide for an organisation do so one after the other, so that what was checked still holds.

    NO KEY UPDATE: writers of other records go on meanwhile. SQLite has one writer anyhow.
    """
    session.scalars(
        select(Organisation.id).where(Organisation.id == organisation_id).with_for_update(key_share=True)
    ).one()


def units_of(session: Session, organisation_id: int) -> list[Unit]:
    """Return the units in order of their recording."""
    return list(session.scalars(select(Unit).where(Unit.organisation_id == organisation_id).order_by(Unit.id)))


def parameters_of(session: Session, organisation_id: int, known_at: int | None = None) -> OrganisationParameters | None:
    """Return the newest known parameters."""
    return session.scalar(
        select(OrganisationParameters)
        .where(
            OrganisationParameters.organisation_id == organisation_id,
            known(OrganisationParameters, known_at),
        )
        .order_by(OrganisationParameters.id.desc())
        .limit(1)
    )


def earlier_parameters(session: Session, organisation_id: int, row_id: int) -> OrganisationParameters | None:
    """Return the parameters of a row of the organisation; they may hold no longer."""
    return session.scalar(
        select(OrganisationParameters).where(
            OrganisationParameters.organisation_id == organisation_id, OrganisationParameters.id == row_id
        )
    )
