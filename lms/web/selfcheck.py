"""The self-check: what its rules ask, and the judgements of named people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from courses.calendar import jst_date
from courses.selfcheck import CLAUSES_OF, Decision, Judgement, JudgementError, Rule, Treatment
from lms.services.people import particulars_on
from lms.services.permissions import Permission
from lms.services.selfcheck import counts, find_hit, judge, judged_hits
from lms.services.titles import titles_of
from lms.web.moments import asked_moment, asked_one_of, moment_arguments
from lms.web.request import now, reading, transaction
from lms.web.security import NotPermittedError, requires, visitor
from lms.wording.selfcheck import (
    decision_error,
    hit_sentence,
    judgement_label,
    rule_question,
    rule_title,
    treatment_label,
)

blueprint = Blueprint("selfcheck", __name__, url_prefix="/s/<handle>/self-check")


@dataclass(frozen=True, slots=True)
class Refused:
    """A decision that was sent and could not stand; the form shows it again."""

    rule: str
    key: str
    field: str
    sentence: str
    entered: dict[str, str]


@blueprint.get("")
@requires(Permission.READ_SELF_CHECK)
def page(handle: str) -> str:
    """Show what the rules ask as of a date and as known then, with the judgements of then."""
    return _page(None)


def _page(refused: Refused | None) -> str:
    asking, moment = visitor(), asked_moment()
    rule = asked_one_of("rule", {each.value for each in Rule})
    found = judged_hits(reading(), asking.organisation.id, moment)
    is_today = moment.known_at is None and moment.as_of == jst_date(now())
    return render_template(
        "selfcheck/page.html",
        moment=moment,
        rules=[each for each in Rule if rule is None or each.value == rule],
        all_rules=list(Rule),
        chosen=rule,
        counts=counts([each.hit for each in found]),
        waiting=sum(each.judgement is None for each in found),
        hits={each: [hit for hit in found if hit.hit.rule is each] for each in Rule},
        names=particulars_on(reading(), asking.organisation.id, moment.as_of, moment.known_at),
        may_judge=asking.may(Permission.JUDGE_HITS) and asking.person_id is not None and is_today,
        refused=refused,
        judgements=[each.value for each in Judgement],
        treatments=[each.value for each in Treatment],
        today=moment.as_of,
        arguments=moment_arguments(),
        clauses_of=CLAUSES_OF,
        rule_title=rule_title,
        rule_question=rule_question,
        hit_sentence=hit_sentence,
        titles=titles_of(reading(), asking.organisation.id, moment.as_of),
        judgement_label=judgement_label,
        treatment_label=treatment_label,
    )


@blueprint.post("/judge")
@requires(Permission.JUDGE_HITS)
def decide(handle: str) -> Response:
    """Record a judgement on a hit as it stands today."""
    asking = visitor()
    if asking.person_id is None:
        raise NotPermittedError(Permission.JUDGE_HITS)
    rule, key = _text("rule"), _text("hit")
    hit = find_hit(reading(), asking.organisation.id, rule, key, jst_date(now()))
    try:
        decision = _decision()
        with transaction() as session:
            judge(session, asking.organisation, hit, decision, asking.person_id, now())
    except JudgementError as error:
        entered = {
            name: _text(name) for name in ("judgement", "reason", "treatment", "approved_by", "due_on", "closed")
        }
        refused = Refused(rule, key, error.field, decision_error(error.field), entered)
        return make_response(_page(refused), 422)
    return make_response(redirect(f"{url_for('selfcheck.page', handle=handle)}#{rule}", 303))


def _text(field: str) -> str:
    return request.form.get(field, "").replace("\0", "").strip()


def _decision() -> Decision:
    judgement, treatment, due_on = _text("judgement"), _text("treatment"), _text("due_on")
    if judgement not in set(Judgement):
        raise JudgementError("judgement")
    if treatment not in set(Treatment):
        raise JudgementError("treatment")
    try:
        day = date.fromisoformat(due_on) if due_on else None
    except ValueError:
        raise JudgementError("due_on") from None
    is_closed = _text("closed") == "yes"
    return Decision(
        Judgement(judgement), _text("reason")[:2000], Treatment(treatment), _text("approved_by")[:200], day, is_closed
    )
