"""Which text bound whom, also against a slow reading that shares no code with the rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courses.pledges import (
    BINDING_STATES,
    ApprovedText,
    AssuranceMethod,
    Declined,
    History,
    ReasonCode,
    SignatureState,
    Signed,
    TextState,
    binding_on,
    difference,
    signature_state,
    text_hash,
    text_on,
    text_state,
)

APRIL, OCTOBER = date(2026, 4, 1), date(2026, 10, 1)


def text(version: int, effective_on: date, *, resign: bool = False, days: int = 30) -> ApprovedText:
    return ApprovedText(
        version, version, "confidentiality", version, effective_on, resign, days, 100 + version, 200 + version
    )


def signed(text_id: int, day: date, number: int = 1, **more: object) -> Signed:
    return replace(Signed(number, text_id, day, AssuranceMethod.LAUNCH, 300 + number), **more)  # type: ignore[arg-type]


V1, V2 = text(1, APRIL), text(2, OCTOBER, resign=True)


def codes(history: History, day: date) -> list[ReasonCode]:
    return [reason.code for reason in binding_on(history, day).reasons]


def test_the_signed_bytes_are_the_texts_utf8() -> None:
    assert text_hash("誓約\n") == "0657e97d75969dac0745228f309b20e5d26ce5d5363900d0312905d6a3bfba94"
    assert text_hash("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert text_hash("a") != text_hash("a ")


def test_the_text_that_took_effect_last_is_in_force() -> None:
    assert text_on([V2, V1], date(2026, 9, 30)) == V1
    assert text_on([V2, V1], OCTOBER) == V2
    assert text_on([V1], date(2026, 3, 31)) is None


def test_of_two_texts_that_take_effect_on_one_day_the_later_version_holds() -> None:
    assert text_on([text(3, APRIL), text(1, APRIL)], APRIL).version == 3  # type: ignore[union-attr]


def test_a_text_goes_from_draft_to_approved_to_effective_to_replaced() -> None:
    assert text_state(1, [], APRIL) is TextState.DRAFT
    assert text_state(1, [V1], date(2026, 3, 31)) is TextState.APPROVED
    assert text_state(1, [V1, V2], APRIL) is TextState.EFFECTIVE
    assert text_state(1, [V1, V2], OCTOBER) is TextState.REPLACED


def test_a_signature_is_in_force_then_asked_anew_then_obsolete() -> None:
    history = History((V1, V2), (signed(1, date(2026, 4, 2)),))
    expected = [
        (date(2026, 9, 30), SignatureState.IN_FORCE),
        (OCTOBER, SignatureState.RESIGN_DUE),
        (date(2026, 10, 31), SignatureState.RESIGN_DUE),
        (date(2026, 11, 1), SignatureState.OBSOLETE),
    ]
    for day, state in expected:
        assert binding_on(history, day).state is state, day
    assert codes(history, date(2026, 11, 1)) == [
        ReasonCode.TEXT_APPROVED,
        ReasonCode.SIGNED,
        ReasonCode.RESIGNING_ASKED,
        ReasonCode.RESIGNING_MISSED,
    ]


def test_a_newer_text_without_resigning_leaves_the_older_signature_in_force() -> None:
    history = History((V1, replace(V2, requires_resigning=False)), (signed(1, APRIL),))
    assert binding_on(history, date(2027, 3, 1)).state is SignatureState.IN_FORCE
    assert codes(history, date(2027, 3, 1))[-1] is ReasonCode.NEWER_TEXT


def test_signing_anew_replaces_the_older_signature() -> None:
    history = History((V1, V2), (signed(1, APRIL), signed(2, date(2026, 12, 1), 2)))
    assert binding_on(history, date(2026, 12, 1)).text == V2
    assert signature_state(history.signatures[0], history, date(2026, 12, 1)) is SignatureState.REPLACED
    assert binding_on(history, date(2026, 11, 30)).state is SignatureState.OBSOLETE


def test_a_leaver_stays_bound_and_is_not_asked_for_later_texts() -> None:
    left = date(2026, 10, 15)
    history = History((V1, V2), (signed(1, APRIL),), left_on=left)
    assert binding_on(history, date(2026, 10, 14)).state is SignatureState.IN_FORCE
    assert binding_on(history, left).state is SignatureState.CONTINUING
    assert binding_on(history, date(2028, 1, 1)).is_bound
    assert codes(history, left)[-1] is ReasonCode.LEFT


def test_a_withdrawn_signature_binds_no_more_and_leaves_the_earlier_one_to_be_judged() -> None:
    withdrawn = signed(2, OCTOBER, 2, withdrawn_on=date(2026, 10, 20), withdrawal_event=9)
    history = History((V1, V2), (signed(1, APRIL), withdrawn))
    assert binding_on(history, date(2026, 10, 19)).text == V2
    after = binding_on(history, date(2026, 10, 20))
    assert (after.text, after.state) == (V1, SignatureState.RESIGN_DUE)
    assert signature_state(withdrawn, history, date(2026, 10, 20)) is SignatureState.WITHDRAWN
    alone = binding_on(History((V1, V2), (withdrawn,)), date(2026, 10, 20))
    assert (alone.text, alone.state, alone.is_bound) == (None, SignatureState.WITHDRAWN, False)


def test_who_never_signed_is_not_bound_and_a_decline_is_named() -> None:
    history = History((V1,), declines=(Declined(1, date(2026, 5, 1), 7),))
    found = binding_on(history, date(2026, 6, 1))
    assert not found.is_bound
    assert codes(history, date(2026, 6, 1)) == [
        ReasonCode.TEXT_APPROVED,
        ReasonCode.DECLINED,
        ReasonCode.NEVER_SIGNED,
    ]
    assert codes(History(()), APRIL) == [ReasonCode.NO_TEXT, ReasonCode.NEVER_SIGNED]


def test_a_difference_gives_back_both_texts() -> None:
    lines = difference("a\nb\nc", "a\nx\nc\nd")
    assert "\n".join(each.text for each in lines if each.change != "removed") == "a\nx\nc\nd"
    assert "\n".join(each.text for each in lines if each.change != "added") == "a\nb\nc"
    assert {each.change for each in lines} == {"same", "added", "removed"}


# Against a slow reading

days = st.integers(0, 60).map(lambda number: APRIL + timedelta(days=number))


@st.composite
def any_history(draw: st.DrawFn) -> History:
    count = draw(st.integers(1, 4))
    starts = sorted(draw(st.lists(days, min_size=count, max_size=count)))
    approved = tuple(
        text(version, start, resign=draw(st.booleans()), days=draw(st.integers(0, 20)))
        for version, start in enumerate(starts, 1)
    )
    signatures = []
    for number in range(1, draw(st.integers(0, 4)) + 1):
        chosen = draw(st.sampled_from(approved))
        day = max(draw(days), chosen.effective_on)
        ended = draw(st.none() | st.integers(0, 20).map(lambda gap, day=day: day + timedelta(days=gap)))
        signatures.append(signed(chosen.text_id, day, number, withdrawn_on=ended))
    return History(approved, tuple(signatures), (), draw(st.none() | days))


def slow_state(history: History, until: date) -> tuple[int | None, SignatureState | None]:
    """Look at the last day alone: which versions are signed and not withdrawn, and whether each newer one is missed."""
    alive = [
        each.text_id
        for each in history.signatures
        if each.signed_on <= until and (each.withdrawn_on is None or until < each.withdrawn_on)
    ]
    if not alive:
        withdrawn = any(each.withdrawn_on is not None and each.withdrawn_on <= until for each in history.signatures)
        return None, SignatureState.WITHDRAWN if withdrawn else None
    version, asked, missed = max(alive), False, False
    for newer in history.approved:
        allowed = [newer.effective_on + timedelta(days=number) for number in range(newer.days_to_sign + 1)]
        was_there = history.left_on is None or all(day < history.left_on for day in allowed)
        if newer.version > version and newer.requires_resigning and allowed[0] <= until and was_there:
            asked = True
            missed = missed or until not in allowed
    if missed:
        return version, SignatureState.OBSOLETE
    if history.left_on is not None and history.left_on <= until:
        return version, SignatureState.CONTINUING
    return version, SignatureState.RESIGN_DUE if asked else SignatureState.IN_FORCE


@given(any_history(), days)
def test_the_binding_text_is_that_of_the_slow_reading(history: History, day: date) -> None:
    found = binding_on(history, day)
    assert (found.text.version if found.text else None, found.state) == slow_state(history, day)


@given(any_history(), days)
def test_at_most_one_signature_binds_and_it_is_the_binding_one(history: History, day: date) -> None:
    made = [each for each in history.signatures if each.signed_on <= day]
    binding = [each for each in made if signature_state(each, history, day) in BINDING_STATES]
    found = binding_on(history, day)
    assert binding == ([found.signature] if found.is_bound else [])


@given(any_history(), days, days)
def test_what_happens_later_changes_no_earlier_answer(history: History, day: date, later: date) -> None:
    late = max(day, later) + timedelta(days=1)
    more = replace(
        history,
        approved=(*history.approved, text(9, late, resign=True, days=0)),
        signatures=(*history.signatures, signed(1, late, 9)),
        declines=(Declined(1, late, 1),),
    )
    assert binding_on(more, day) == binding_on(history, day)


@given(any_history(), days)
def test_the_reasons_are_in_order_and_none_is_of_the_future(history: History, day: date) -> None:
    reasons = binding_on(history, day).reasons
    assert reasons
    assert [each.day for each in reasons] == sorted(each.day for each in reasons)
    assert all(each.day <= day for each in reasons)


@pytest.mark.parametrize("state", SignatureState)
def test_every_state_binds_or_does_not(state: SignatureState) -> None:
    binding = {SignatureState.IN_FORCE, SignatureState.RESIGN_DUE, SignatureState.CONTINUING}
    assert (state in BINDING_STATES) is (state in binding)


@given(st.text(), st.text())
def test_every_difference_gives_back_both_texts(old: str, new: str) -> None:
    lines = difference(old, new)
    assert "\n".join(each.text for each in lines if each.change != "removed") == new
    assert "\n".join(each.text for each in lines if each.change != "added") == old
