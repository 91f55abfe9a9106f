"""The table of rights: whole, in words, and as the documentation shows it."""

from __future__ import annotations

import pytest

from courses.roles import IsmsRole
from lms.services.permissions import ACCOUNT, EVERYONE, ON_STAFF, PERMISSIONS_OF, ROLES_WITH, Permission
from lms.wording.gettext import use_language
from lms.wording.permissions import permission_sentence, role_label
from tests.policy.permissions_page import PAGE, page


def test_the_page_is_as_new_as_the_table() -> None:
    assert PAGE.read_text("utf-8") == page(), "make permissions"


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_right_and_every_role_has_words_of_its_own(language: str) -> None:
    with use_language(language):
        sentences = [permission_sentence(each.value) for each in Permission]
        labels = [role_label(each.value) for each in IsmsRole]
    assert len(set(sentences)) == len(Permission)
    assert len(set(labels)) == len(IsmsRole)
    assert not set(labels) & {each.value for each in IsmsRole}


def test_every_right_but_everybodys_comes_from_some_role_and_from_no_all() -> None:
    for permission in set(Permission) - EVERYONE - ON_STAFF - {Permission.USE_ACCOUNT}:
        holders = {role for role, rights in PERMISSIONS_OF.items() if permission in rights}
        assert holders, permission
        assert holders != set(IsmsRole), permission


def test_every_right_stands_in_the_table_once() -> None:
    assert set(ROLES_WITH) | EVERYONE | ON_STAFF | ACCOUNT == set(Permission)
    assert ACCOUNT - set(ROLES_WITH) == {Permission.USE_ACCOUNT}
    assert not ACCOUNT & (EVERYONE | ON_STAFF), "an emergency account learns nothing and signs nothing"


def test_what_everybody_may_is_not_listed_again() -> None:
    assert {role for role, rights in PERMISSIONS_OF.items() if rights & (EVERYONE | ON_STAFF)} == set()
