"""Working through a test as a learner does: by the forms of its pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from lms.services.attempts import Learner, Paper, PaperQuestion, read_paper
from lms.store.attempts import Answer, Attempt
from lms.store.base import Database
from lms.store.organisations import Organisation
from quizzes.marking import right_answer
from quizzes.questions import QuestionKind
from tests.practice_organisation.seed import MODULE
from tests.web.visits import Visit, path_of

TEST = f"/modules/{MODULE}/test"


@dataclass(frozen=True)
class Sitting:
    """An attempt under way."""

    visit: Visit
    attempt_id: int
    database: Database

    @property
    def at(self) -> str:
        """Path of the attempt within the session."""
        return f"/attempts/{self.attempt_id}"

    def paper(self) -> Paper:
        """The paper with the answers saved so far, as the services read it."""
        with self.database.reading() as session:
            row = session.get_one(Attempt, self.attempt_id)
            organisation = session.get_one(Organisation, row.organisation_id)
            learner = Learner(organisation, row.identity_id, (row.identity_id,), None, "identity:0")
            return read_paper(session, learner, self.attempt_id)

    def of_kind(self, kind: QuestionKind) -> PaperQuestion:
        """The first question of a kind."""
        return next(each for each in self.paper().questions if each.question.kind is kind)

    def saved(self) -> dict[int, Any]:
        """The answers saved so far, by position."""
        with self.database.reading() as session:
            rows = session.scalars(select(Answer).where(Answer.attempt_id == self.attempt_id)).all()
        return {row.position: row.given for row in rows}

    def answer(self, position: int, form: dict[str, Any], go: str = "next") -> Any:
        """Post an answer."""
        return self.visit.post(f"{self.at}/questions/{position}", {"shown": "1", **form, "go": go})

    def answer_all(self, wrong: int = 0) -> None:
        """Answer every question rightly, less the first ones, which stay unanswered."""
        for each in self.paper().questions[wrong:]:
            path_of(self.answer(each.position, form_of(each, right_answer(each.question))))

    def submit(self) -> Any:
        """Submit."""
        return self.visit.post(f"{self.at}/submit")


def start(visit: Visit, database: Database) -> Sitting:
    """Start the test, or go on with it."""
    parts = path_of(visit.post(TEST)).split("/")
    return Sitting(visit, int(parts[parts.index("attempts") + 1]), database)


def form_of(here: PaperQuestion, answer: dict[str, Any]) -> dict[str, Any]:
    """The fields in which the page sends an answer."""
    kind = here.question.kind
    if kind is QuestionKind.multiple:
        return {"choice": answer["choices"]}
    if kind is QuestionKind.true_false:
        return {"choice": "true" if answer["value"] else "false"}
    if kind is QuestionKind.matching:
        places = {key: str(place) for place, key in enumerate(here.item.order)}
        return {f"pair-{left}": places[right] for left, right in answer["pairs"].items()}
    return {"choice": answer["choice"]}
