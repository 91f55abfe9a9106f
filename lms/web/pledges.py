"""My pledges 誓約: what is asked of me, signing in a window of its own, and the records of what I signed.

Source: domain.md §4; lti.md rule 15.
"""

from __future__ import annotations

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from courses.calendar import jst_date
from courses.pledges import (
    AssuranceMethod,
    WithdrawalGround,
    signature_state,
    text_hash,
)
from lms.services.content import PLEDGES
from lms.services.handover import make_ticket, use_ticket
from lms.services.my_pledges import my_pledges
from lms.services.opening import LONGEST_SESSION
from lms.services.people import particulars_on
from lms.services.permissions import Permission
from lms.services.pledge_records import SignatureRecord, paper_of, record_of, state_of
from lms.services.pledges import histories, is_serving, text_in_force, text_version
from lms.services.scores import want_scores
from lms.services.signing import (
    Assurance,
    NameDiffersError,
    NotAcceptedError,
    SignerLeftError,
    SignerUnknownError,
    SigningForm,
    StaleLaunchError,
    decline_pledge,
    full_name,
    is_fresh,
    sign_pledge,
    unit_and_post,
    withdraw_signature,
)
from lms.web.request import now, reading, tool, transaction
from lms.web.security import (
    NotLaunchedError,
    forbid_frames,
    is_framed_request,
    open_to_anyone,
    requires,
    session_cookie_name,
    set_launch_cookie,
    visitor,
)

blueprint = Blueprint("pledges", __name__, url_prefix="/s/<handle>/pledges")
window_blueprint = Blueprint("pledge_window", __name__, url_prefix="/lti")


def is_in_frame() -> bool:
    """Tell whether the page is, or its launch was, shown within a frame."""
    return visitor().is_framed or is_framed_request()


@blueprint.get("")
@requires(Permission.LEARN)
def mine(handle: str) -> str:
    """Show what the visitor is asked to sign, has signed, and may sign."""
    asking, today = visitor(), jst_date(now())
    if asking.person_id is None:
        return render_template("pledges/mine.html", pledges=[], records=[], in_frame=is_in_frame())
    session = reading()
    known = histories(session, asking.organisation.id, None, {asking.person_id})
    pledges = my_pledges(session, asking.organisation.id, asking.person_id, known, now())
    records = [
        (record_of(session, asking.organisation, each.signature_id), signature_state(each, history, today))
        for history in known.values()
        for each in history.signatures
    ]
    records.sort(key=lambda pair: pair[0].signature.signed_at, reverse=True)
    return render_template("pledges/mine.html", pledges=pledges, records=records, in_frame=is_in_frame())


@blueprint.post("/<pledge_key>/window")
@requires(Permission.LEARN)
def open_window(handle: str, pledge_key: str) -> str:
    """Make the ticket with which a window of its own goes on where this frame is."""
    text_in_force(reading(), visitor().organisation.id, pledge_key, jst_date(now()))
    _check_fresh()
    with transaction() as session:
        ticket = make_ticket(session, handle, now())
    return render_template("pledges/window.html", ticket=ticket, pledge_key=pledge_key)


@window_blueprint.post("/window")
@open_to_anyone
def take_window() -> Response:
    """Open the window's own session for the ticket that its frame gave it."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin" or is_framed_request():
        raise NotLaunchedError
    with transaction() as session:
        opened = use_ticket(session, request.form.get("ticket", ""), now())
    key = request.form.get("pledge_key", "")
    inside = url_for("pledges.mine", handle=opened.handle)
    known = key.isascii() and key.replace("-", "").isalnum()
    address = url_for("pledges.sign_page", handle=opened.handle, pledge_key=key) if known else inside
    response = make_response(redirect(address, 303))
    set_launch_cookie(response, session_cookie_name(opened.handle), opened.secret, int(LONGEST_SESSION.total_seconds()))
    return response


def _check_fresh() -> None:
    asking = visitor()
    if asking.person_id is None:
        raise SignerUnknownError
    if not is_fresh(asking.launched_at, now()):
        raise StaleLaunchError
    if not is_serving(reading(), asking.person_id, jst_date(now())):
        raise SignerLeftError


@blueprint.get("/<pledge_key>/sign")
@requires(Permission.LEARN)
def sign_page(handle: str, pledge_key: str) -> Response:
    """Show the text in force and the form beneath it."""
    if is_in_frame():
        return make_response(redirect(url_for("pledges.mine", handle=handle), 303))
    forbid_frames()
    _check_fresh()
    asking = visitor()
    current = text_in_force(reading(), asking.organisation.id, pledge_key, jst_date(now()))
    chosen = request.args.get("text", "")
    language = chosen if chosen in {"ja", "en"} else asking.language
    return make_response(_form_page(pledge_key, current.text_id, language))


def _form_page(key: str, text_id: int, language: str, error: str = "", sent: SigningForm | None = None) -> str:
    asking, today, session = visitor(), jst_date(now()), reading()
    assert asking.person_id is not None  # noqa: S101 - _check_fresh has looked
    text = text_version(session, asking.organisation.id, text_id)
    particulars = particulars_on(session, asking.organisation.id, today).get(asking.person_id)
    return render_template(
        "pledges/sign.html",
        pledge_key=key,
        text=text,
        text_language=language,
        sha256=text_hash(text.text(language)),
        name=full_name(particulars),
        staff_number=particulars.staff_number if particulars else "",
        place=unit_and_post(session, asking.organisation.id, asking.person_id, today),
        error=error,
        sent=sent,
    )


@blueprint.post("/<pledge_key>/sign")
@requires(Permission.LEARN)
def sign(handle: str, pledge_key: str) -> Response:
    """Record a signature or a decline; ask once more where the typed name is not the one on the staff list."""
    forbid_frames()
    asking = visitor()
    form = signing_form()
    act = decline_pledge if request.form.get("action") == "decline" else sign_pledge
    asked = (
        Assurance(
            method=AssuranceMethod.LAUNCH,
            actor=asking.actor,
            is_framed=is_in_frame(),
            identity_id=asking.identity_id,
            platform_issuer=asking.platform_issuer,
            deployment_id=asking.deployment_id,
            launched_at=asking.launched_at,
            address=request.remote_addr,
            user_agent=request.user_agent.string,
        ),
        now(),
    )
    try:
        with transaction() as session:
            row = act(session, asking.organisation, asking.person_id, form, asked)
            want_scores(session, asking.identity_ids, PLEDGES, now())
    except (NameDiffersError, NotAcceptedError) as again:
        error = "name" if isinstance(again, NameDiffersError) else "missing"
        return make_response(_form_page(pledge_key, form.text_id, form.language, error, form), 422)
    if act is decline_pledge:
        return make_response(redirect(url_for("pledges.mine", handle=handle), 303))
    return make_response(redirect(url_for("pledges.receipt", handle=handle, signature_id=row.id), 303))


def signing_form() -> SigningForm:
    """Return the form as sent; what is no number names no row."""
    sent = request.form

    def number(field: str) -> int:
        value = sent.get(field, "")
        return int(value) if value.isascii() and value.isdigit() and len(value) < 16 else 0

    return SigningForm(
        text_id=number("text_id"),
        sha256=sent.get("sha256", ""),
        language=sent.get("text_language", ""),
        signer=number("signer"),
        is_accepted=sent.get("accepted") == "yes",
        typed_name=sent.get("typed_name", ""),
        confirmed_name=sent.get("confirmed_name", ""),
        reason=sent.get("reason", ""),
    )


def _mine(signature_id: int) -> SignatureRecord:
    asking = visitor()
    if asking.person_id is None:
        raise SignerUnknownError
    return record_of(reading(), asking.organisation, signature_id, asking.person_id)


@blueprint.get("/records/<row:signature_id>")
@requires(Permission.LEARN)
def receipt(handle: str, signature_id: int) -> str:
    """Show the record of one of the visitor's signatures."""
    found = _mine(signature_id)
    return render_template("pledges/receipt.html", found=found, state=state_of(reading(), found, jst_date(now())))


@blueprint.get("/records/<row:signature_id>/record.pdf")
@requires(Permission.LEARN)
def paper(handle: str, signature_id: int) -> Response:
    """Hand out the record as PDF."""
    return pdf_response(_mine(signature_id))


def pdf_response(found: SignatureRecord) -> Response:
    """Return a record as a PDF to be saved, in the visitor's language."""
    asking = visitor()
    address = f"{tool().settings.base_url}{url_for('verify.verify', code=found.signature.code)}"
    response = make_response(paper_of(found, asking.organisation, asking.language, address))
    response.headers["Content-Type"] = "application/pdf"
    response.headers["Content-Disposition"] = f'attachment; filename="pledge-{found.signature.code}.pdf"'
    return response


@blueprint.post("/records/<row:signature_id>/withdraw")
@requires(Permission.LEARN)
def withdraw(handle: str, signature_id: int) -> Response:
    """Withdraw one of the visitor's own signatures."""
    asking = visitor()
    if asking.person_id is None:
        raise SignerUnknownError
    why = (WithdrawalGround.BY_SIGNER, request.form.get("reason", ""))
    with transaction() as session:
        withdraw_signature(session, asking.organisation, signature_id, why, (asking.actor, now(), asking.person_id))
    return make_response(redirect(url_for("pledges.receipt", handle=handle, signature_id=signature_id), 303))
