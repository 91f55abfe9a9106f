"""What keys are called: modules, requirements, pledges and audited areas, in the language of the reader."""

from __future__ import annotations

from datetime import date

from sqlalchemy.orm import Session

from lms.services.awareness import modules_in_use
from lms.store.auditors import AuditArea, known_rows
from lms.store.pledges import texts_of
from lms.store.requirements import requirements_of
from lms.wording.gettext import _, current_language


def titles_of(session: Session, organisation_id: int, on: date) -> dict[str, str]:
    """Return the titles of an organisation's keys as they are called on a day; pages and papers write them instead."""
    language = current_language()
    pledges = {each.key: each.title(language) for each in texts_of(session, organisation_id)}
    return {
        **{f"pledge:{key}": title for key, title in pledges.items()},
        **pledges,
        **{key: module.body[language].title for key, module in modules_in_use(session, organisation_id, on).items()},
        **{each.key: each.name(language) for each in known_rows(session, AuditArea, organisation_id)},
        **{each.key: each.title(language) for each in requirements_of(session, organisation_id)},
        "internal-auditor-course": _("Course for internal auditors"),
    }
