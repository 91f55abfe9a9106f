"""Vendors 業者: firms, their contracts, and the people who work under them.

Source: ISO/IEC 27001 Annex A 5.19-5.20; domain.md §4.
"""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from lms.store.base import Base, BigId
from lms.store.people import PersonFact
from lms.store.records import Fact, Record


class VendorFirm(Record, Base):
    """A firm 委託先."""

    __tablename__ = "vendor_firm"
    event_type: ClassVar[str] = "vendor.firm_added"

    name_ja: Mapped[str]
    name_en: Mapped[str]

    def name(self, language: str) -> str:
        """Return the name in a language."""
        return self.name_ja if language == "ja" else self.name_en


class VendorContract(Fact, Base):
    """A contract with a firm, in force on the days of its period."""

    __tablename__ = "vendor_contract"
    event_type: ClassVar[str] = "vendor.contract_recorded"

    firm_id: Mapped[int] = mapped_column(BigId, ForeignKey("vendor_firm.id"))
    number: Mapped[str]
    title: Mapped[str]


class VendorEngagement(PersonFact, Base):
    """That somebody works for the organisation under a firm's contract."""

    __tablename__ = "vendor_engagement"
    event_type: ClassVar[str] = "vendor.engagement_recorded"

    firm_id: Mapped[int] = mapped_column(BigId, ForeignKey("vendor_firm.id"))
    contract_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("vendor_contract.id"))
