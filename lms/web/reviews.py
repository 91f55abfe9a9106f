"""Reviewing a submission: what one person did in this activity.

Source: lti.md §4 (messages): ``sub == for_user`` unless an instructor of that context asks.
"""

from __future__ import annotations

from flask import Blueprint, render_template

from courses.calendar import jst_date
from lms.lti.messages import MessageKind
from lms.services.permissions import Permission
from lms.services.reviews import UnknownReviewError, review_of
from lms.web.request import now, reading
from lms.web.security import requires, visitor

blueprint = Blueprint("reviews", __name__, url_prefix="/s/<handle>/review")


@blueprint.get("")
@requires(Permission.LEARN)
def review(handle: str) -> str:
    """Show attempts, marks and times of the person whose submission was opened.

    Raises:
        UnknownReviewError: the session was opened for something else, or the visitor may not see this submission.
    """
    asking = visitor()
    is_own = asking.reviewed_identity_id == asking.launched_identity_id
    if asking.kind != MessageKind.SUBMISSION_REVIEW or not (is_own or asking.is_instructor):
        raise UnknownReviewError(handle)
    today = jst_date(now())
    found = review_of(reading(), asking.organisation.id, asking.resource_link_pk, asking.reviewed_identity_id, today)
    return render_template("reviews/review.html", review=found, is_own=is_own)
