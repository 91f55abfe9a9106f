"""Taking a test by its pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select, update

from lms.services import attempts
from lms.store.attempts import Attempt, AttemptResult
from lms.store.base import Database
from lms.store.ledger import LedgerEvent
from lms.store.outbox import ScoreDelivery
from quizzes.marking import right_answer
from quizzes.questions import PaperItem, Question, QuestionKind, draw_paper
from tests.factories import items_of
from tests.practice_organisation.seed import MODULE
from tests.web.conftest import BOTH_DATABASES, OTHER_STAFF, SECRETARY, STAFF, Launched
from tests.web.papers import TEST, Sitting, form_of, start
from tests.web.visits import StandingClock, Visit, audit_events, contents, page_of, path_of


@pytest.fixture(autouse=True)
def papers_with_every_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw papers from a seed that yields every kind of question."""

    def draw(questions: list[Question], count: int, _seed: str) -> tuple[PaperItem, ...]:
        kinds = {question.key: question.kind for question in questions}
        for number in range(200):
            paper = tuple(draw_paper(questions, count, f"{number:032x}"))
            if {kinds[item.question_key] for item in paper} == set(QuestionKind):
                return paper
        raise AssertionError

    monkeypatch.setattr(attempts, "draw_paper", draw)


@pytest.fixture
def sitting(staff: Visit, tool_database: Database) -> Sitting:
    return start(staff, tool_database)


@pytest.fixture
def refuses(tool_database: Database) -> Callable[[Any, int, str], None]:
    """Checks that a refusal has its status and audit event; `unchanged` around it looks at the rest."""

    def check(response: Any, status: int, code: str) -> None:
        assert response.status_code == status, page_of(response)
        assert code in page_of(response)
        event = audit_events(tool_database)[-1]
        assert (event.kind, event.facts["code"], event.facts["status"]) == ("request.refused", code, status)
        assert event.organisation_id is not None
        assert event.actor.startswith(("person:", "identity:"))

    return check


Refuses = Callable[[Any, int, str], None]


def items_recorded(database: Database, row: AttemptResult) -> list[dict[str, Any]]:
    with database.reading() as session:
        return items_of(session, row)


def result_row(database: Database, attempt_id: int) -> AttemptResult:
    with database.reading() as session:
        return session.scalars(select(AttemptResult).where(AttemptResult.attempt_id == attempt_id)).one()


class TestAttempt:
    @pytest.mark.parametrize("database_kind", BOTH_DATABASES)
    def test_a_whole_attempt_is_answered_submitted_and_recorded(self, staff: Visit, tool_database: Database) -> None:
        desk = page_of(staff.get(TEST))
        assert "80" in desk
        assert staff.path(TEST) in desk
        sitting = start(staff, tool_database)
        questions = sitting.paper().questions
        assert {each.question.kind for each in questions} == set(QuestionKind)
        for each in questions:
            page = staff.get(f"{sitting.at}/questions/{each.position}")
            assert page.status_code == 200
            landed = path_of(sitting.answer(each.position, form_of(each, right_answer(each.question))))
            last = each.position == len(questions)
            assert landed == staff.path(f"{sitting.at}/{'summary' if last else f'questions/{each.position + 1}'}")
        assert "/questions/" not in page_of(staff.get(f"{sitting.at}/summary")).replace(
            f"questions/{len(questions)}", ""
        )
        assert path_of(sitting.submit()) == staff.path(f"{sitting.at}/result")
        row = result_row(tool_database, sitting.attempt_id)
        assert (row.mark, row.maximum, row.is_passed) == (10, 10, True)
        assert [item["answer"] for item in items_recorded(tool_database, row)] == [
            right_answer(each.question) for each in questions
        ]
        with tool_database.reading() as session:
            assert session.get(LedgerEvent, row.event_id) is not None
        assert staff.get(f"{sitting.at}/result").status_code == 200

    def test_a_page_shows_the_answer_saved_and_never_what_is_right(self, sitting: Sitting) -> None:
        for each in sitting.paper().questions:
            before = page_of(sitting.visit.get(f"{sitting.at}/questions/{each.position}"))
            assert " checked" not in before
            assert " selected" not in before
            assert each.question.feedback["ja"] not in before
            sitting.answer(each.position, form_of(each, right_answer(each.question)), go="stay")
            after = page_of(sitting.visit.get(f"{sitting.at}/questions/{each.position}"))
            right = right_answer(each.question)
            wanted = len(right.get("choices") or right.get("pairs") or [1])  # type: ignore[arg-type]
            assert after.count(" checked") + after.count(" selected") == wanted

    def test_right_sides_are_offered_by_place_so_that_the_page_gives_nothing_away(self, sitting: Sitting) -> None:
        here = sitting.of_kind(QuestionKind.matching)
        html = sitting.visit.get(f"{sitting.at}/questions/{here.position}").get_data(as_text=True)
        values = re.findall(r'<option value="([^"]*)"', html)
        assert set(values) == {"", *(str(place) for place in range(len(here.item.order)))}

    def test_saving_in_the_page_answers_in_json_and_stays(self, sitting: Sitting) -> None:
        here = sitting.of_kind(QuestionKind.single)
        chosen = here.question.options[0].key
        response = sitting.answer(here.position, {"choice": chosen}, go="stay")
        assert (response.status_code, response.get_json()) == (200, {"saved": True})
        assert sitting.saved() == {here.position: {"choice": chosen}}
        assert sitting.answer(here.position, {}, go="stay").get_json() == {"saved": False}
        assert sitting.saved() == {here.position: {"choice": chosen}}, "nothing chosen takes nothing back"

    def test_a_later_answer_takes_the_place_of_an_earlier_one(self, sitting: Sitting) -> None:
        here = sitting.of_kind(QuestionKind.multiple)
        keys = sorted(option.key for option in here.question.options)
        sitting.answer(here.position, {"choice": keys[:2]})
        sitting.answer(here.position, {"choice": []})
        assert sitting.saved() == {here.position: {"choices": []}}

    def test_an_unfinished_matching_is_saved_as_far_as_it_goes(self, sitting: Sitting) -> None:
        here = sitting.of_kind(QuestionKind.matching)
        first, second = here.question.pairs[:2]
        sitting.answer(here.position, {f"pair-{first.key}": "1", f"pair-{second.key}": ""})
        assert sitting.saved() == {here.position: {"pairs": {first.key: here.item.order[1]}}}

    @pytest.mark.parametrize(
        ("go", "position", "leads_to"),
        [
            ("next", 1, "questions/2"), ("next", 10, "summary"), ("previous", 2, "questions/1"), ("previous", 1, "summary"),
            ("7", 1, "questions/7"), ("11", 1, "summary"), ("0", 1, "summary"), ("summary", 3, "summary"),
            ("9" * 5000, 1, "summary"), ("²", 1, "summary"), ("//evil.example.invalid", 1, "summary"),
        ],
    )  # fmt: skip
    def test_the_pressed_button_says_where_to_go(self, sitting: Sitting, go: str, position: int, leads_to: str) -> None:
        assert path_of(sitting.answer(position, {}, go=go)) == sitting.visit.path(f"{sitting.at}/{leads_to}")

    def test_an_attempt_is_resumed_at_its_first_open_question_also_elsewhere(
        self, sitting: Sitting, launched: Launched
    ) -> None:
        for each in sitting.paper().questions[:3]:
            sitting.answer(each.position, form_of(each, right_answer(each.question)))
        elsewhere = launched(STAFF, locale="en")
        assert "Go on with the test" in page_of(elsewhere.get(TEST))
        assert path_of(elsewhere.post(TEST)) == elsewhere.path(f"{sitting.at}/questions/4")

    def test_a_complete_attempt_is_resumed_at_its_beginning(self, sitting: Sitting) -> None:
        sitting.answer_all()
        assert path_of(sitting.visit.post(TEST)).endswith("/questions/1")

    def test_the_summary_names_what_is_open(self, sitting: Sitting) -> None:
        sitting.answer_all(wrong=2)
        links = re.findall(r"/questions/(\d+)", page_of(sitting.visit.get(f"{sitting.at}/summary")))
        assert set(links) == {"1", "2"}

    def test_an_unanswered_question_gives_no_points(self, sitting: Sitting, tool_database: Database) -> None:
        sitting.answer_all(wrong=3)
        sitting.submit()
        row = result_row(tool_database, sitting.attempt_id)
        assert (row.mark, row.is_passed) == (7, False)


class TestResult:
    def test_a_passed_result_shows_marks_feedback_and_how_far_the_grade_has_come(
        self, launched: Launched, tool_database: Database
    ) -> None:
        staff = launched(STAFF, locale="en")
        sitting = start(staff, tool_database)
        sitting.answer_all(wrong=1)
        sitting.submit()
        page = page_of(staff.get(f"{sitting.at}/result"))
        for sentence in ("Passed", "9 of 10 points", "8 points were needed", "Recorded", "On its way to Moodle", "Certificate (PDF)", "Right answer", "not answered"):  # fmt: skip
            assert sentence in page
        self.set_delivery(tool_database, state="delivered", delivered_at=datetime(2026, 11, 23, 3, 1, tzinfo=UTC))
        assert "Delivered to Moodle" in page_of(staff.get(f"{sitting.at}/result"))
        self.set_delivery(tool_database, state="dead", refusal="status_400")
        assert "Recorded here, not in Moodle" in page_of(staff.get(f"{sitting.at}/result"))

    @staticmethod
    def set_delivery(database: Database, **values: Any) -> None:
        with database.transaction() as session:
            assert session.execute(update(ScoreDelivery).values(**values)).rowcount == 1

    def test_a_failed_result_keeps_the_right_answers_back(self, launched: Launched, tool_database: Database) -> None:
        staff = launched(STAFF, locale="en")
        sitting = start(staff, tool_database)
        sitting.submit()
        page = page_of(staff.get(f"{sitting.at}/result"))
        assert "Not passed this time" in page
        assert "What comes next" in page
        assert "Right answer" not in page
        assert "Certificate" not in page
        assert page.count("Read again") == 10

    def test_a_submitted_attempt_leads_from_its_questions_to_its_result(self, sitting: Sitting) -> None:
        sitting.submit()
        for page in ("questions/1", "summary"):
            assert path_of(sitting.visit.get(f"{sitting.at}/{page}")).endswith("/result")

    def test_the_certificate_is_a_pdf(self, sitting: Sitting) -> None:
        sitting.answer_all()
        sitting.submit()
        response = sitting.visit.get(f"{sitting.at}/certificate.pdf")
        assert response.status_code == 200
        assert response.headers["Content-Type"] == "application/pdf"
        assert response.data.startswith(b"%PDF-")
        assert response.headers["Content-Disposition"].startswith("attachment")
        assert response.headers["Cache-Control"] != "public"

    def test_a_failed_attempt_has_no_certificate(self, sitting: Sitting, refuses: Refuses) -> None:
        sitting.submit()
        refuses(sitting.visit.get(f"{sitting.at}/certificate.pdf"), 404, "not_passed")

    def test_somebody_who_is_not_linked_has_a_result_and_no_certificate_yet(
        self, launched: Launched, tool_database: Database, refuses: Refuses
    ) -> None:
        sitting = start(launched("unlinked"), tool_database)
        sitting.answer_all()
        sitting.submit()
        assert "certificate.pdf" not in page_of(sitting.visit.get(f"{sitting.at}/result"))
        refuses(sitting.visit.get(f"{sitting.at}/certificate.pdf"), 409, "not_on_staff_list")
        assert audit_events(tool_database)[-1].actor.startswith("identity:")


class TestDesk:
    def test_after_a_failed_attempt_the_next_one_waits_ten_minutes(
        self, sitting: Sitting, clock: StandingClock, refuses: Refuses
    ) -> None:
        sitting.submit()
        refuses(sitting.visit.post(TEST), 409, "may_not_start")
        assert "12:10" in page_of(sitting.visit.get(TEST))
        clock.advance(600)
        assert "/questions/1" in path_of(sitting.visit.post(TEST))

    def test_a_passed_test_is_not_started_again(self, sitting: Sitting, clock: StandingClock, refuses: Refuses) -> None:
        sitting.answer_all()
        sitting.submit()
        clock.advance(700)
        refuses(sitting.visit.post(TEST), 409, "may_not_start")

    def test_used_up_attempts_lead_through_the_supplementary_lesson_to_a_new_round(
        self, staff: Visit, tool_database: Database, clock: StandingClock, refuses: Refuses
    ) -> None:
        for _ in range(3):
            start(staff, tool_database).submit()
            clock.advance(601)
        refuses(staff.post(TEST), 409, "may_not_start")
        lesson = f"/modules/{MODULE}/supplement"
        assert lesson in page_of(staff.get(TEST))
        assert "<button" in page_of(staff.get(lesson)).split("</article>")[1]
        assert path_of(staff.post(lesson)) == staff.path(TEST)
        assert "/attempts/" in path_of(staff.post(TEST))

    def test_the_supplementary_lesson_is_recorded_only_when_it_is_due(
        self, staff: Visit, refuses: Refuses, tool_database: Database
    ) -> None:
        before = contents(tool_database)
        refuses(staff.post(f"/modules/{MODULE}/supplement"), 409, "no_supplement_due")
        assert contents(tool_database) == before


class TestRefusals:
    """Each is answered, noted as an audit event, and changes nothing."""

    @pytest.mark.parametrize("position", ["0", "11", "999", "9" * 18])
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_a_question_that_is_not_on_the_paper_is_404(
        self, sitting: Sitting, tool_database: Database, refuses: Refuses, position: str, method: str
    ) -> None:
        before = contents(tool_database)
        path = f"{sitting.at}/questions/{position}"
        response = sitting.visit.get(path) if method == "GET" else sitting.visit.post(path, {"choice": "a"})
        refuses(response, 404, "not_on_paper")
        assert contents(tool_database) == before

    @pytest.mark.parametrize("number", ["-1", "1.5", "x", "9" * 19, "9" * 5000, "%00", "１"])
    def test_what_is_no_number_names_no_page(self, sitting: Sitting, number: str) -> None:
        for path in (f"/attempts/{number}/result", f"/attempts/{number}/summary", f"{sitting.at}/questions/{number}"):
            assert sitting.visit.get(path).status_code == 404

    @pytest.mark.parametrize(
        ("kind", "form"),
        [
            (QuestionKind.single, {"choice": "no-such-option"}),
            (QuestionKind.single, {"choice": ["a", "b"]}),
            (QuestionKind.single, {"choice": ["a", "a"]}),
            (QuestionKind.single, {"choice": "\0"}),
            (QuestionKind.multiple, {"choice": ["a", "no-such-option"]}),
            (QuestionKind.true_false, {"choice": "perhaps"}),
            (QuestionKind.true_false, {"choice": "True"}),
            (QuestionKind.true_false, {"choice": ["true", "false"]}),
        ],
    )
    def test_a_malformed_answer_is_422(
        self, sitting: Sitting, tool_database: Database, refuses: Refuses, kind: QuestionKind, form: dict[str, Any]
    ) -> None:
        here = sitting.of_kind(kind)
        before = contents(tool_database)
        refuses(sitting.answer(here.position, form, go="stay"), 422, "answer_malformed")
        assert contents(tool_database) == before

    @pytest.mark.parametrize("place", ["99", "-1", "1.0", "x", "١", " 1", "9" * 5000, ["0", "1"], "\0"])
    def test_a_right_side_that_is_no_place_is_422(
        self, sitting: Sitting, tool_database: Database, refuses: Refuses, place: str | list[str]
    ) -> None:
        here = sitting.of_kind(QuestionKind.matching)
        before = contents(tool_database)
        refuses(sitting.answer(here.position, {f"pair-{here.question.pairs[0].key}": place}), 422, "answer_malformed")
        assert contents(tool_database) == before

    def test_a_right_side_cannot_be_named_by_its_key_which_would_give_the_answer_away(
        self, sitting: Sitting, refuses: Refuses
    ) -> None:
        here = sitting.of_kind(QuestionKind.matching)
        guess = {f"pair-{pair.key}": pair.key for pair in here.question.pairs}
        refuses(sitting.answer(here.position, guess), 422, "answer_malformed")
        assert sitting.saved() == {}

    def test_an_answer_after_the_end_is_409(self, sitting: Sitting, tool_database: Database, refuses: Refuses) -> None:
        here = sitting.of_kind(QuestionKind.single)
        sitting.submit()
        before = contents(tool_database)
        refuses(sitting.answer(here.position, {"choice": here.question.options[0].key}), 409, "attempt_over")
        refuses(sitting.submit(), 409, "attempt_over")
        assert contents(tool_database) == before

    @pytest.mark.parametrize(
        "asked",
        [
            ("GET", "questions/1"), ("POST", "questions/1"), ("GET", "summary"), ("POST", "submit"), ("GET", "result"),
            ("GET", "certificate.pdf"),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("somebody", [OTHER_STAFF, SECRETARY, "unlinked"])
    def test_somebody_elses_attempt_is_none_of_theirs(
        self, sitting: Sitting, launched: Launched, tool_database: Database, refuses: Refuses, asked: tuple[str, str], somebody: str
    ) -> None:  # fmt: skip
        (method, page), curious = asked, launched(somebody)
        assert curious.form_token
        before = contents(tool_database)
        path = f"{sitting.at}/{page}"
        refuses(curious.get(path) if method == "GET" else curious.post(path), 404, "attempt_unknown")
        assert contents(tool_database) == before

    def test_an_attempt_that_is_not_submitted_has_no_result(self, sitting: Sitting, refuses: Refuses) -> None:
        refuses(sitting.visit.get(f"{sitting.at}/result"), 404, "attempt_unknown")

    def test_a_form_without_its_token_is_403(self, sitting: Sitting, tool_database: Database, refuses: Refuses) -> None:
        before = contents(tool_database)
        for path in (f"{sitting.at}/questions/1", f"{sitting.at}/submit", TEST):
            refuses(sitting.visit.browser.post(sitting.visit.path(path), data={"choice": "a"}), 403, "form_token")
            wrong = {"form_token": "0" * 64, "choice": "é"}
            refuses(sitting.visit.browser.post(sitting.visit.path(path), data=wrong), 403, "form_token")
        assert contents(tool_database) == before

    def test_nothing_of_a_refused_answer_is_in_its_audit_event(self, sitting: Sitting, tool_database: Database) -> None:
        here = sitting.of_kind(QuestionKind.single)
        sitting.answer(here.position, {"choice": "my-private-text"})
        assert audit_events(tool_database)[-1].facts == {
            "code": "answer_malformed",
            "status": 422,
            "endpoint": "tests.answer",
        }


def test_two_starts_in_two_tabs_are_one_attempt(launched: Launched, tool_database: Database) -> None:
    first, second = (start(launched(STAFF), tool_database) for _ in range(2))
    assert first.attempt_id == second.attempt_id
    with tool_database.reading() as session:
        open_ones = session.scalars(select(Attempt.id).where(Attempt.submitted_at.is_(None))).all()
    assert len(open_ones) == 1
