"""Taking a test: the desk, one question a page with each answer saved, submission, result and certificate."""

from __future__ import annotations

from io import BytesIO

from flask import Blueprint, Response, jsonify, make_response, redirect, render_template, request, send_file, url_for

from lms.services.attempts import (
    AttemptOverError,
    PlaceOnPaper,
    place_on_paper,
    read_paper,
    result_of,
    save_answer,
    start_attempt,
    submit_attempt,
    test_desk,
)
from lms.services.certificates import certificate_of
from lms.services.permissions import Permission
from lms.services.scores import deliveries_of
from lms.web.modules import learner, module_here, values_here
from lms.web.request import now, reading, transaction
from lms.web.security import requires, visitor
from lms.wording.deliveries import learner_sentence
from quizzes.marking import is_answered, mark_answer, right_answer
from quizzes.questions import QuestionKind

blueprint = Blueprint("tests", __name__, url_prefix="/s/<handle>")


@blueprint.get("/modules/<key>/test")
@requires(Permission.LEARN)
def desk(handle: str, key: str) -> str:
    """Show the test's rules, the attempts so far, and the button that starts or goes on."""
    module = module_here(key)
    return render_template(
        "tests/desk.html",
        module=module,
        lesson=module.module.body[visitor().language],
        desk=test_desk(reading(), learner(), module, now()),
    )


@blueprint.post("/modules/<key>/test")
@requires(Permission.LEARN)
def start(handle: str, key: str) -> Response:
    """Start an attempt, or go on with the open one."""
    module = module_here(key)
    with transaction() as session:
        attempt_id = start_attempt(session, learner(), module, now())
    paper = read_paper(reading(), learner(), attempt_id)
    first_open = next((each.position for each in paper.questions if not is_answered(each.question, each.answer)), 1)
    return _to_question(handle, attempt_id, first_open)


@blueprint.get("/attempts/<row:attempt_id>/questions/<row:position>")
@requires(Permission.LEARN)
def question(handle: str, attempt_id: int, position: int) -> str | Response:
    """Show one question of the paper with the answer saved so far."""
    paper = read_paper(reading(), learner(), attempt_id)
    if paper.submitted_at is not None:
        return make_response(redirect(url_for("tests.result", handle=handle, attempt_id=attempt_id), 303))
    return render_template(
        "tests/question.html", paper=paper, here=paper.at(position), is_answered=is_answered, values=values_here()
    )


@blueprint.post("/attempts/<row:attempt_id>/questions/<row:position>")
@requires(Permission.LEARN)
def answer(handle: str, attempt_id: int, position: int) -> Response:
    """Save the answer, then go where the pressed button leads; ``go=stay`` is the page's own saving."""
    here = place_on_paper(reading(), learner(), (attempt_id, position))
    if here.submitted_at is not None:
        raise AttemptOverError(attempt_id)
    raw = _raw_answer(here)
    if raw is not None:
        with transaction() as session:
            save_answer(session, learner(), (attempt_id, position), raw, now())
    go = request.form.get("go", "next")
    if go == "stay":
        return jsonify(saved=raw is not None)
    if go == "next" and position < here.places:
        return _to_question(handle, attempt_id, position + 1)
    if go == "previous" and position > 1:
        return _to_question(handle, attempt_id, position - 1)
    if go.isascii() and go.isdigit() and len(go) < 4 and 1 <= int(go) <= here.places:
        return _to_question(handle, attempt_id, int(go))
    return make_response(redirect(url_for("tests.summary", handle=handle, attempt_id=attempt_id), 303))


def _to_question(handle: str, attempt_id: int, position: int) -> Response:
    address = url_for("tests.question", handle=handle, attempt_id=attempt_id, position=position)
    return make_response(redirect(address, 303))


def _raw_answer(here: PlaceOnPaper) -> dict[str, object] | None:
    """Return the answer in the form, as `quizzes.marking` takes it; None where none is given."""
    kind = here.question.kind
    if kind is QuestionKind.multiple:
        return {"choices": request.form.getlist("choice")} if "shown" in request.form else None
    if kind is QuestionKind.matching:
        return {"pairs": _raw_pairs(here)} if "shown" in request.form else None
    chosen = request.form.getlist("choice")
    if not chosen:
        return None
    if len(chosen) > 1:
        return {"choice": chosen}  # two answers to a question with one: refused as a malformed answer
    if kind is QuestionKind.true_false:
        return {"value": {"true": True, "false": False}.get(chosen[0], chosen[0])}
    return {"choice": chosen[0]}


def _raw_pairs(here: PlaceOnPaper) -> dict[str, str]:
    """Read the right sides by their place in the shown order: their keys would give the answer away."""
    key_at = {str(place): key for place, key in enumerate(here.order)}
    given = {pair.key: request.form.getlist(f"pair-{pair.key}") for pair in here.question.pairs}
    # What is no place becomes the empty key, which is nobody's: refused as a malformed answer.
    return {left: key_at.get(",".join(places), "") for left, places in given.items() if places not in ([], [""])}


@blueprint.get("/attempts/<row:attempt_id>/summary")
@requires(Permission.LEARN)
def summary(handle: str, attempt_id: int) -> str | Response:
    """Show which questions are answered, before submitting."""
    paper = read_paper(reading(), learner(), attempt_id)
    if paper.submitted_at is not None:
        return make_response(redirect(url_for("tests.result", handle=handle, attempt_id=attempt_id), 303))
    unanswered = [each.position for each in paper.questions if not is_answered(each.question, each.answer)]
    return render_template("tests/summary.html", paper=paper, unanswered=unanswered)


@blueprint.post("/attempts/<row:attempt_id>/submit")
@requires(Permission.LEARN)
def submit(handle: str, attempt_id: int) -> Response:
    """Submit the attempt."""
    with transaction() as session:
        submit_attempt(session, learner(), attempt_id, now())
    return make_response(redirect(url_for("tests.result", handle=handle, attempt_id=attempt_id), 303))


@blueprint.get("/attempts/<row:attempt_id>/result")
@requires(Permission.LEARN)
def result(handle: str, attempt_id: int) -> str:
    """Show the marks, feedback for each question, and how far the grade has come."""
    asking = visitor()
    paper, row = result_of(reading(), learner(), attempt_id)
    module = paper.module
    return render_template(
        "tests/result.html",
        paper=paper,
        result=row,
        module=module,
        lesson=module.module.body[asking.language],
        values=values_here(),
        marks={each.position: mark_answer(each.question, each.answer) for each in paper.questions},
        right_answer=right_answer,
        learner_sentence=learner_sentence,
        deliveries=deliveries_of(reading(), asking.identity_ids, module.module.key),
        desk=test_desk(reading(), learner(), module, now()),
    )


@blueprint.get("/attempts/<row:attempt_id>/certificate.pdf")
@requires(Permission.LEARN)
def certificate(handle: str, attempt_id: int) -> Response:
    """Hand out the certificate of a passed attempt."""
    asking = visitor()
    pdf = certificate_of(reading(), learner(), attempt_id, asking.language)
    return send_file(BytesIO(pdf), "application/pdf", as_attachment=True, download_name=f"certificate-{attempt_id}.pdf")
