"""Makes docs/permissions.md from the table in force: ``python -m tests.policy.permissions_page``."""

from __future__ import annotations

from pathlib import Path

from courses.roles import IsmsRole
from lms.services.permissions import ACCOUNT, EVERYONE, ON_STAFF, PERMISSIONS_OF, Permission
from lms.wording.gettext import use_language
from lms.wording.permissions import permission_sentence, role_label

PAGE = Path(__file__).resolve().parents[2] / "docs" / "permissions.md"

RIGHTS_AT_WORK = EVERYONE | ON_STAFF

HEAD = """# Permissions 権限

Made by `make permissions` from the table in `lms/services/permissions.py`; a test fails where this page is older than that.

Whoever was launched has the rights in the column "everyone"; who serves in the organisation today and whose account is linked to the
staff list has those in "staff" too. Beyond them a person has the rights of every ISMS role to which they are appointed today, and of no other. An appointment that begins tomorrow,
ended yesterday, or was ended or corrected a moment ago gives nothing. No role in Moodle gives any. `akashi grant` stands in for an
appointment until the first ones are recorded; see [administration](administration.md#the-first-rights). An [emergency account](administration.md#emergency-accounts) has the rights in the last column and no others.
権限は、本日在任中のISMSの役割だけから生じます。任期前・任期後・解任後の役割からも、Moodleの権限からも生じません。
"""


def page() -> str:
    """Return the whole page."""
    return "\n".join([HEAD, *_matrix(), "", *_sentences()]) + "\n"


def _matrix() -> list[str]:
    with use_language("en"):
        heads = [role_label(role) for role in IsmsRole]
    with use_language("ja"):
        heads = [f"{english}<br>{role_label(role)}" for english, role in zip(heads, IsmsRole, strict=True)]
    lines = [
        f"| right | everyone<br>全員 | staff<br>在職者 | {' | '.join(heads)} | emergency account<br>緊急用アカウント |",
        "|---|" + ":-:|" * (len(heads) + 3),
    ]
    for permission in Permission:
        held = [
            permission in EVERYONE,
            permission in RIGHTS_AT_WORK,
            *(permission in _rights_of(role) for role in IsmsRole),
            permission in ACCOUNT,
        ]
        lines.append(f"| `{permission.value}` | {' | '.join('●' if each else '' for each in held)} |")
    return lines


def _rights_of(role: IsmsRole) -> frozenset[Permission]:
    return RIGHTS_AT_WORK | PERMISSIONS_OF[role]


def _sentences() -> list[str]:
    lines = ["| right | what it allows | できること |", "|---|---|---|"]
    for permission in Permission:
        with use_language("en"):
            english = permission_sentence(permission.value)
        with use_language("ja"):
            lines.append(f"| `{permission.value}` | {english} | {permission_sentence(permission.value)} |")
    return lines


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
