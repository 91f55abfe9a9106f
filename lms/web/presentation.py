"""What every template can use: wording, labels, dates, the visitor, addresses of static files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import Flask, g, session, url_for
from flask_login import current_user
from jinja2 import StrictUndefined

from courses.awareness import ModuleKind
from courses.calendar import JST, jst_date
from courses.ledger import short_id
from courses.parameters import fill
from lms.lti.http import origin_of
from lms.services.permissions import Permission
from lms.web.activities import has_activity
from lms.web.auditor_words import auditor_words
from lms.web.markdown import to_inline_html
from lms.web.moments import moment_arguments, moment_shown
from lms.web.rooms import home_of, moodle_rooms_of, rooms_of
from lms.web.security import csp_nonce
from lms.wording import gettext as wording
from lms.wording import platforms as platform_words
from lms.wording import pledges as pledge_words
from lms.wording.identities import held_back_label, link_method_label, link_state_label, name_match_label
from lms.wording.modules import catalogue_state_label, module_kind_label, module_part_label
from lms.wording.people import fact_field_label, fact_kind_label, fact_value_text
from lms.wording.permissions import role_label
from lms.wording.registers import (
    category_label,
    date_label,
    employment_label,
    mode_label,
    occasion_label,
    state_label,
    year_label,
)
from lms.wording.roles import (
    chart_date,
    end_kind_label,
    field_label,
    problem_sentence,
    separation_reason,
    term_label,
    vacancy_label,
)


def init_app(app: Flask) -> None:
    """Give the templates their words."""
    version = _version_of(Path(app.static_folder or ""))
    environment = app.jinja_env
    environment.add_extension("jinja2.ext.i18n")
    environment.install_gettext_callables(wording.gettext, _ngettext, newstyle=False)  # type: ignore[attr-defined]  # by the extension
    environment.undefined = StrictUndefined
    environment.trim_blocks = True
    environment.lstrip_blocks = True
    environment.globals.update(
        _=wording.gettext,
        ngettext=wording.ngettext,
        csp_nonce=csp_nonce,
        Permission=Permission,
        state_label=state_label,
        employment_label=employment_label,
        category_label=category_label,
        mode_label=mode_label,
        occasion_label=occasion_label,
        year_label=year_label,
        fact_kind_label=fact_kind_label,
        fact_field_label=fact_field_label,
        fact_value_text=fact_value_text,
        role_label=role_label,
        link_state_label=link_state_label,
        link_method_label=link_method_label,
        held_back_label=held_back_label,
        name_match_label=name_match_label,
        end_kind_label=end_kind_label,
        term_label=term_label,
        vacancy_label=vacancy_label,
        chart_date=chart_date,
        field_label=field_label,
        problem_sentence=problem_sentence,
        separation_reason=separation_reason,
        moment_shown=moment_shown,
        moment_arguments=moment_arguments,
        rooms_of=rooms_of,
        moodle_rooms_of=moodle_rooms_of,
        home_of=home_of,
        has_activity=has_activity,
        auditing=auditor_words(),
        static=lambda name: url_for("static", filename=name, v=version),
    )
    environment.globals.update(
        purpose_label=pledge_words.purpose_label,
        method_label=pledge_words.method_label,
        ground_label=pledge_words.ground_label,
        signature_state_label=pledge_words.signature_state_label,
        text_state_label=pledge_words.text_state_label,
        reason_sentence=pledge_words.reason_sentence,
    )
    environment.globals.update(
        platform_field_label=platform_words.platform_field_label,
        catalogue_state_label=catalogue_state_label,
        module_kinds=[kind.value for kind in ModuleKind],
        module_kind_label=module_kind_label,
        module_part_label=module_part_label,
        platform_state_label=platform_words.platform_state_label,
        invitation_state_label=platform_words.invitation_state_label,
        scope_label=platform_words.scope_label,
    )
    environment.filters.update(origin=origin_of)
    environment.filters.update(
        date=date_label, moment=moment_label, inline=to_inline_html, filled=fill, short_id=short_id
    )
    environment.filters.update(previous_day=lambda day: day - timedelta(days=1))
    environment.filters.update(day=day_label, seconds_jst=seconds_jst, seconds_utc=seconds_utc)
    app.context_processor(_of_this_request)


def _ngettext(singular: str, plural: str, count: int) -> str:
    return wording.ngettext(singular, plural, count)


def _of_this_request() -> dict[str, Any]:
    is_known = "_login_user" in g and current_user.is_authenticated
    return {
        "visitor": current_user.visitor if is_known else None,
        "form_token": session.form_token if is_known else "",  # type: ignore[attr-defined]  # LaunchedSession
        "language": wording.current_language(),
    }


def moment_label(moment: datetime) -> str:
    """Return a point in time as pages write it, in JST: "2026年11月23日 12:00" or "23 Nov 2026, 12:00 JST"."""
    local = moment.astimezone(JST)
    if wording.current_language() == "ja":
        return f"{date_label(local.date())} {local:%H:%M}"
    return f"{date_label(local.date())}, {local:%H:%M} JST"


def day_label(moment: datetime) -> str:
    """Return the JST day of a point in time as pages write it."""
    return date_label(jst_date(moment))


def seconds_jst(moment: datetime) -> str:
    """Return a point in time to the second: "2026-11-23 12:00:00 JST"."""
    return f"{moment.astimezone(JST):%Y-%m-%d %H:%M:%S} JST"


def seconds_utc(moment: datetime) -> str:
    """Return a point in time to the second: "2026-11-23T03:00:00Z"."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _version_of(folder: Path) -> str:
    """Return a short hash of all static files: their addresses carry it, so that browsers can keep them for a year."""
    digest = sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
