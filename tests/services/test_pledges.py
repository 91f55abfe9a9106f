"""Texts of pledges: drafted with the organisation's own values, approved by decision, taken back until they take effect."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from hashlib import sha256

import pytest
from sqlalchemy.orm import Session

from courses.awareness import LANGUAGES
from courses.parameters import MissingParameterError, parameters_in
from courses.pledges import TextState, text_state
from lms.services.organisations import set_parameters
from lms.services.pledges import (
    AlreadyApprovedError,
    ApprovalInEffectError,
    BadDecisionError,
    BadTextError,
    NewText,
    RetroactiveApprovalError,
    TextDecision,
    UnchangedTextError,
    UnknownPledgeError,
    approve_text,
    approved_texts,
    draft_text,
    filled_sample,
    shipped_pledges,
    text_in_force,
    void_approval,
)
from lms.services.record_checks import verify_records
from lms.store.organisations import Organisation
from tests.factories import ACTOR, FOUNDED
from tests.pledges import BY, approved, new_text, sign_as, signer_of

DECISION = TextDecision("第1回委員会 議題2", "情報セキュリティ委員会", date(2026, 4, 1))


def test_the_shipped_samples_use_the_same_parameters_in_both_languages() -> None:
    assert set(shipped_pledges()) == {"confidentiality", "leaving", "vendor"}
    for sample in shipped_pledges().values():
        assert parameters_in(sample.texts["ja"]) == parameters_in(sample.texts["en"]) != frozenset()
        assert all(sample.titles.values())
        items = {language: sample.texts[language].count("\n") for language in LANGUAGES}
        assert items["ja"] == items["en"], "the languages differ in their paragraphs"


def test_a_sample_is_filled_with_the_organisations_values(session: Session, organisation: Organisation) -> None:
    with pytest.raises(MissingParameterError):
        filled_sample(session, organisation.id, "vendor")
    names = parameters_in(shipped_pledges()["vendor"].texts["ja"])
    set_parameters(session, organisation, {name: {"ja": f"値{name}", "en": name} for name in names}, *BY[::-1])
    filled = filled_sample(session, organisation.id, "vendor")
    assert "{{" not in "".join(filled.texts.values())
    row = draft_text(session, organisation, filled, *BY)
    assert row.sha256_ja == sha256(row.text_ja.encode()).hexdigest()
    assert row.sha256_en == sha256(row.text_en.encode()).hexdigest()
    with pytest.raises(UnknownPledgeError):
        filled_sample(session, organisation.id, "no-such")


def test_versions_count_up_within_a_key_and_an_unchanged_text_is_no_version(
    session: Session, organisation: Organisation
) -> None:
    assert draft_text(session, organisation, new_text(), *BY).version == 1
    with pytest.raises(UnchangedTextError):
        draft_text(session, organisation, new_text(), *BY)
    assert draft_text(session, organisation, new_text("改"), *BY).version == 2
    assert draft_text(session, organisation, new_text(key="vendor"), *BY).version == 1


def test_line_ends_of_a_form_do_not_change_the_bytes(session: Session, organisation: Organisation) -> None:
    row = draft_text(
        session, organisation, NewText("a", {"ja": "題", "en": "t"}, {"ja": " 一\r\n二\r\n", "en": "x\n"}), *BY
    )
    assert (row.text_ja, row.text_en) == ("一\n二", "x")


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("key", "Upper", "malformed"),
        ("title_ja", " ", "empty"),
        ("title_en", "a\nb", "unprintable"),
        ("text_ja", "", "empty"),
        ("text_en", "a\u202eb", "unprintable"),
        ("text_ja", "a" * 20_001, "too_long"),
    ],
)
def test_a_draft_that_cannot_be_kept_is_refused(
    session: Session, organisation: Organisation, field: str, value: str, problem: str
) -> None:
    new = new_text()
    part, _, language = field.partition("_")
    if field == "key":
        new = NewText(value, new.titles, new.texts)
    else:
        getattr(new, f"{part}s")[language] = value
    with pytest.raises(BadTextError) as refused:
        draft_text(session, organisation, new, *BY)
    assert (refused.value.field, refused.value.problem) == (field, problem)


def test_an_approved_text_is_in_force_from_its_day(session: Session, organisation: Organisation) -> None:
    row = draft_text(session, organisation, new_text(), *BY)
    with pytest.raises(UnknownPledgeError):
        text_in_force(session, organisation.id, "confidentiality", date(2026, 4, 1))
    approve_text(session, organisation, row.id, DECISION, BY)
    assert text_in_force(session, organisation.id, "confidentiality", date(2026, 4, 1)).text_id == row.id
    with pytest.raises(UnknownPledgeError):
        text_in_force(session, organisation.id, "confidentiality", date(2026, 3, 31))
    with pytest.raises(AlreadyApprovedError):
        approve_text(session, organisation, row.id, DECISION, BY)
    assert verify_records(session, organisation.id).problems == []


@pytest.mark.parametrize(
    ("field", "decision"),
    [
        ("decision", TextDecision(" ", "委員会", date(2026, 4, 1))),
        ("approved_by", TextDecision("議題", "", date(2026, 4, 1))),
        ("days_to_sign", TextDecision("議題", "委員会", date(2026, 4, 1), days_to_sign=366)),
        ("days_to_sign", TextDecision("議題", "委員会", date(2026, 4, 1), days_to_sign=-1)),
        ("effective_on", TextDecision("議題", "委員会", date(1026, 4, 1))),
    ],
)
def test_a_decision_that_lacks_something_is_refused(
    session: Session, organisation: Organisation, field: str, decision: TextDecision
) -> None:
    row = draft_text(session, organisation, new_text(), *BY)
    with pytest.raises(BadDecisionError) as refused:
        approve_text(session, organisation, row.id, decision, BY)
    assert refused.value.field == field


def test_an_approval_can_be_taken_back_until_it_takes_effect(session: Session, organisation: Organisation) -> None:
    approved(session, organisation, "初版", date(2026, 4, 1))
    later = approved(session, organisation, "改", date(2026, 10, 1))
    before = datetime.fromisoformat("2026-09-30T14:59:59Z")
    void_approval(session, organisation, later.approval_id, "文言を直すため", (ACTOR, before))
    assert text_in_force(session, organisation.id, "confidentiality", date(2026, 12, 1)).version == 1
    texts = approved_texts(session, organisation.id)["confidentiality"]
    assert text_state(later.text_id, texts, date(2026, 12, 1)) is TextState.DRAFT
    with pytest.raises(UnknownPledgeError):
        void_approval(session, organisation, later.approval_id, "もう一度", (ACTOR, before))


def test_an_approval_in_effect_stays(session: Session, organisation: Organisation) -> None:
    text = approved(session, organisation, "初版", date(2026, 4, 1))
    with pytest.raises(ApprovalInEffectError):
        void_approval(session, organisation, text.approval_id, "x", (ACTOR, FOUNDED))
    with pytest.raises(BadDecisionError):
        void_approval(session, organisation, text.approval_id, " ", (ACTOR, FOUNDED))


def test_no_text_slips_in_before_signatures_of_another(session: Session, organisation: Organisation) -> None:
    approved(session, organisation, "初版", date(2026, 4, 1))
    sign_as(session, organisation, signer_of(session, organisation), FOUNDED + timedelta(days=9))
    draft = draft_text(session, organisation, new_text("改"), *BY)
    with pytest.raises(RetroactiveApprovalError):
        approve_text(session, organisation, draft.id, DECISION, (ACTOR, FOUNDED + timedelta(days=20)))
    later = TextDecision("第2回", "委員会", date(2026, 4, 15))
    assert approve_text(session, organisation, draft.id, later, (ACTOR, FOUNDED + timedelta(days=20))).id
