"""Texts of pledges: drafting in both languages, preview side by side, what changed, approval and taking it back."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from courses.awareness import LANGUAGES
from courses.calendar import jst_date
from courses.parameters import MissingParameterError
from courses.pledges import difference, text_state
from lms.services.permissions import Permission
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
    text_version,
    void_approval,
)
from lms.store.pledges import approvals_of, texts_of
from lms.web.request import now, reading, transaction
from lms.web.security import requires, visitor
from lms.wording.pledge_faults import fault_sentence

blueprint = Blueprint("pledge_texts", __name__, url_prefix="/s/<handle>/pledge-texts")

_FAULTS: dict[type[Exception], str] = {
    UnchangedTextError: "unchanged",
    AlreadyApprovedError: "already_approved",
    RetroactiveApprovalError: "retroactive",
    ApprovalInEffectError: "in_effect",
}


@blueprint.get("")
@requires(Permission.READ_PLEDGES)
def overview(handle: str) -> str:
    """Show all text versions with their state."""
    asking, today = visitor(), jst_date(now())
    approved = approved_texts(reading(), asking.organisation.id)
    approvals = {row.text_id: row for row in approvals_of(reading(), asking.organisation.id)}
    texts = [
        (row, text_state(row.id, approved.get(row.key, ()), today), approvals.get(row.id))
        for row in reversed(texts_of(reading(), asking.organisation.id))
    ]
    begun = {key: sample.titles[asking.language] for key, sample in shipped_pledges().items()}
    begun |= {row.key: row.title(asking.language) for row, _state, _approval in reversed(texts)}
    return render_template("pledges/texts.html", texts=texts, begun=sorted(begun.items()))


@blueprint.get("/draft")
@requires(Permission.MANAGE_PLEDGES)
def draft_page(handle: str) -> str:
    """Show the form of a draft, filled from a sample or the newest version where one is named."""
    organisation_id = visitor().organisation.id
    sample, error = request.args.get("sample", ""), ""
    new = NewText("", {}, {})
    versions = [row for row in texts_of(reading(), organisation_id) if row.key == sample]
    if versions:
        newest = versions[-1]
        titles = {each: newest.title(each) for each in LANGUAGES}
        new = NewText(sample, titles, {each: newest.text(each) for each in LANGUAGES})
    elif sample in shipped_pledges():
        try:
            new = filled_sample(reading(), organisation_id, sample)
        except MissingParameterError:
            new, error = shipped_pledges()[sample], fault_sentence("parameter_missing")
    return render_template("pledges/draft.html", new=new, error=error)


@blueprint.post("/draft")
@requires(Permission.MANAGE_PLEDGES)
def draft(handle: str) -> Response:
    """Keep a draft."""
    asking, sent = visitor(), request.form
    new = NewText(
        sent.get("key", "").strip(),
        {each: sent.get(f"title_{each}", "") for each in LANGUAGES},
        {each: sent.get(f"text_{each}", "") for each in LANGUAGES},
    )
    try:
        with transaction() as session:
            row = draft_text(session, asking.organisation, new, asking.actor, now())
    except BadTextError as bad:
        code = "key_malformed" if bad.field == "key" else f"text_{bad.problem}"
        return make_response(render_template("pledges/draft.html", new=new, error=fault_sentence(code)), 422)
    except UnchangedTextError:
        page = render_template("pledges/draft.html", new=new, error=fault_sentence("unchanged"))
        return make_response(page, 422)
    return make_response(redirect(url_for("pledge_texts.version", handle=handle, text_id=row.id), 303))


@blueprint.get("/<row:text_id>")
@requires(Permission.READ_PLEDGES)
def version(handle: str, text_id: int) -> str:
    """Show one version in both languages side by side, what changed since the one before, and its approval."""
    return _version_page(text_id)


def _version_page(text_id: int, error: str = "") -> str:
    asking, today = visitor(), jst_date(now())
    organisation_id = asking.organisation.id
    text = text_version(reading(), organisation_id, text_id)
    approved = approved_texts(reading(), organisation_id).get(text.key, ())
    earlier = [
        row for row in texts_of(reading(), organisation_id) if row.key == text.key and row.version < text.version
    ]
    changes = {each: difference(earlier[-1].text(each), text.text(each)) for each in LANGUAGES} if earlier else {}
    approval = next((row for row in approvals_of(reading(), organisation_id) if row.text_id == text_id), None)
    return render_template(
        "pledges/version.html",
        text=text,
        state=text_state(text_id, approved, today),
        approval=approval,
        is_in_effect=approval is not None and approval.valid_from <= today,
        earlier=earlier[-1] if earlier else None,
        changes=changes,
        error=error,
        sent=request.form,
    )


@blueprint.post("/<row:text_id>/approve")
@requires(Permission.APPROVE_PLEDGES)
def approve(handle: str, text_id: int) -> Response:
    """Record the decision that approves a version."""
    asking = visitor()
    try:
        decided = _decision()
        with transaction() as session:
            approve_text(session, asking.organisation, text_id, decided, (asking.actor, now()))
    except BadDecisionError as bad:
        return make_response(_version_page(text_id, fault_sentence(bad.field)), 422)
    except (AlreadyApprovedError, RetroactiveApprovalError) as refused:
        return make_response(_version_page(text_id, fault_sentence(_FAULTS[type(refused)])), 409)
    return make_response(redirect(url_for("pledge_texts.version", handle=handle, text_id=text_id), 303))


def _decision() -> TextDecision:
    sent = request.form
    days = sent.get("days_to_sign", "").strip()
    if not (days.isascii() and days.isdigit() and len(days) < 5):
        raise BadDecisionError("days_to_sign")
    try:
        effective_on = date.fromisoformat(sent.get("effective_on", "").strip())
    except ValueError:
        raise BadDecisionError("effective_on") from None
    return TextDecision(
        sent.get("decision", "").replace("\0", ""),
        sent.get("approved_by", "").replace("\0", ""),
        effective_on,
        sent.get("requires_resigning") == "yes",
        int(days),
    )


@blueprint.post("/<row:text_id>/void")
@requires(Permission.APPROVE_PLEDGES)
def void(handle: str, text_id: int) -> Response:
    """Take the approval of a version back before it takes effect."""
    asking = visitor()
    approvals = approvals_of(reading(), asking.organisation.id)
    approval_id = next((row.id for row in approvals if row.text_id == text_id), None)
    if approval_id is None:
        raise UnknownPledgeError(text_id)
    try:
        with transaction() as session:
            reason = request.form.get("reason", "").replace("\0", "")
            void_approval(session, asking.organisation, approval_id, reason, (asking.actor, now()))
    except BadDecisionError as bad:
        return make_response(_version_page(text_id, fault_sentence(bad.field)), 422)
    except ApprovalInEffectError:
        return make_response(_version_page(text_id, fault_sentence("in_effect")), 409)
    return make_response(redirect(url_for("pledge_texts.version", handle=handle, text_id=text_id), 303))
