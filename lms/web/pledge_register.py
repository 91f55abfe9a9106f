"""The secretariat's register of pledges, one person's pledges with the reasons, and papers handed in."""

from __future__ import annotations

from contextlib import closing
from datetime import date

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from courses.calendar import jst_date
from courses.pledges import SignatureState, WithdrawalGround
from lms.services.attendance_export import MEDIA_TYPES, Format
from lms.services.documents import LARGEST_DOCUMENT, BadDocumentError, UnknownDocumentError, document_of, store_document
from lms.services.documents import MEDIA_TYPES as DOCUMENT_TYPES
from lms.services.people import find_person
from lms.services.permissions import Permission
from lms.services.pledge_export import export_pledges
from lms.services.pledge_papers import BadPaperError, SelfVerifiedError, SignedPaper, Verifier, record_paper
from lms.services.pledge_records import record_of, state_of
from lms.services.pledge_register import PledgeFilter, person_pledges, pledge_register
from lms.services.pledges import UnknownPledgeError, approved_texts
from lms.services.signing import AlreadySignedError, BadGroundError, withdraw_signature
from lms.store.documents import StoredDocument
from lms.store.organisations import units_of
from lms.store.pledges import texts_of
from lms.web.moments import asked_moment, asked_one_of, moment_arguments
from lms.web.pledges import pdf_response
from lms.web.request import now, reading, transaction
from lms.web.security import accepts, requires, visitor
from lms.wording.pledge_faults import fault_sentence

blueprint = Blueprint("pledge_register", __name__, url_prefix="/s/<handle>/pledge-register")

PAGE_SIZE = 100
_FILTERS = ("key", "state", "unit", "kind")


def _filter() -> PledgeFilter:
    state = asked_one_of("state", {each.value for each in SignatureState})
    kind = asked_one_of("kind", {"staff", "vendor"})
    return PledgeFilter(
        key=request.args.get("key") or None,
        state=SignatureState(state) if state else None,
        unit=request.args.get("unit") or None,
        is_vendor=None if kind is None else kind == "vendor",
    )


@blueprint.get("")
@requires(Permission.READ_PLEDGES)
def register(handle: str) -> str:
    """Show the register."""
    asking, moment, chosen = visitor(), asked_moment(), _filter()
    found = pledge_register(reading(), asking.organisation.id, moment, chosen, asking.language)
    page_text = request.args.get("page", "1")
    pages = max(1, -(-len(found.rows) // PAGE_SIZE))
    page = min(
        max(1, int(page_text) if page_text.isascii() and page_text.isdigit() and len(page_text) < 6 else 1), pages
    )
    arguments = {name: value for name in _FILTERS if (value := request.args.get(name, ""))} | moment_arguments()
    return render_template(
        "pledges/register.html",
        found=found,
        rows=found.rows[(page - 1) * PAGE_SIZE : page * PAGE_SIZE],
        page=page,
        pages=pages,
        moment=moment,
        chosen=chosen,
        states=list(SignatureState),
        keys=sorted(
            {row.key: row.title(asking.language) for row in texts_of(reading(), asking.organisation.id)}.items()
        ),
        units=units_of(reading(), asking.organisation.id),
        arguments=arguments,
        without_state={name: value for name, value in arguments.items() if name != "state"},
    )


@blueprint.get("/export.<any(csv, xlsx):file_format>")
@requires(Permission.READ_PLEDGES)
def export(handle: str, file_format: Format) -> Response:
    """Hand out the register as a file, with the filters of the page."""
    asking, moment = visitor(), asked_moment()
    response = make_response(export_pledges(reading(), asking.organisation, moment, _filter(), file_format))
    response.headers["Content-Type"] = MEDIA_TYPES[file_format]
    name = f"pledges-{asking.organisation.key}-{moment.as_of:%Y%m%d}.{file_format}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@blueprint.get("/people/<row:person_id>")
@requires(Permission.READ_PLEDGES)
def person(handle: str, person_id: int) -> str:
    """Show which text of each pledge bound a person on a day, and how that is known."""
    asking, moment = visitor(), asked_moment()
    particulars, pledges = person_pledges(reading(), asking.organisation.id, person_id, moment)
    titles = {row.key: row.title(asking.language) for row in texts_of(reading(), asking.organisation.id)}
    rows = pledge_register(reading(), asking.organisation.id, moment, PledgeFilter(), asking.language).rows
    return render_template(
        "pledges/person.html",
        particulars=particulars,
        pledges=pledges,
        titles=titles,
        moment=moment,
        rows=[row for row in rows if row.person_id == person_id],
        arguments=moment_arguments(),
    )


@blueprint.get("/records/<row:signature_id>")
@requires(Permission.READ_PLEDGES)
def record_page(handle: str, signature_id: int) -> str:
    """Show one record, with its scan and its withdrawal."""
    return _record_page(signature_id)


def _record_page(signature_id: int) -> str:
    found = record_of(reading(), visitor().organisation, signature_id)
    document = reading().get(StoredDocument, found.signature.document_id) if found.signature.document_id else None
    return render_template(
        "pledges/record.html",
        found=found,
        state=state_of(reading(), found, jst_date(now())),
        grounds=list(WithdrawalGround),
        document=document,
    )


@blueprint.get("/records/<row:signature_id>/record.pdf")
@requires(Permission.READ_PLEDGES)
def paper_pdf(handle: str, signature_id: int) -> Response:
    """Hand out a record as PDF."""
    return pdf_response(record_of(reading(), visitor().organisation, signature_id))


@blueprint.get("/records/<row:signature_id>/scan")
@requires(Permission.READ_PLEDGES)
def scan(handle: str, signature_id: int) -> Response:
    """Hand out the scan of a paper, to be saved and never shown within the tool's own address."""
    organisation = visitor().organisation
    found = record_of(reading(), organisation, signature_id)
    if found.signature.document_id is None:
        raise UnknownDocumentError
    document = document_of(reading(), organisation, found.signature.document_id)
    response = make_response(document.content)
    response.headers["Content-Type"] = document.media_type
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    name = f"scan-{found.signature.code}.{DOCUMENT_TYPES[document.media_type]}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@blueprint.post("/records/<row:signature_id>/withdraw")
@requires(Permission.MANAGE_PLEDGES)
def withdraw(handle: str, signature_id: int) -> Response:
    """Withdraw a signature, with its ground."""
    asking = visitor()
    try:
        ground = WithdrawalGround(request.form.get("ground", ""))
    except ValueError:
        raise BadGroundError from None
    why = (ground, request.form.get("reason", ""))
    with transaction() as session:
        withdraw_signature(session, asking.organisation, signature_id, why, (asking.actor, now(), None))
    address = url_for("pledge_register.record_page", handle=handle, signature_id=signature_id)
    return make_response(redirect(address, 303))


@blueprint.get("/paper")
@requires(Permission.MANAGE_PLEDGES)
def paper_page(handle: str) -> str:
    """Show the form for a pledge signed on paper."""
    return _paper_page()


def _paper_page(error: str = "") -> str:
    organisation_id, language = visitor().organisation.id, visitor().language
    titles = {row.id: row.title(language) for row in texts_of(reading(), organisation_id)}
    approved = [each for texts in approved_texts(reading(), organisation_id).values() for each in texts]
    return render_template("pledges/paper.html", approved=approved, titles=titles, error=error, sent=request.form)


@blueprint.post("/paper")
@requires(Permission.MANAGE_PLEDGES)
@accepts(LARGEST_DOCUMENT + 100_000)
def paper(handle: str) -> Response:
    """Record a pledge signed on paper, with its scan."""
    asking, sent = visitor(), request.form
    upload = request.files.get("scan")
    content = b""
    if upload is not None:
        with closing(upload):
            content = upload.read(LARGEST_DOCUMENT + 1)
    try:
        signed_on = date.fromisoformat(sent.get("signed_on", "").strip())
    except ValueError:
        return make_response(_paper_page(fault_sentence("paper_signed_on")), 422)
    text_id = sent.get("text_id", "")
    verifier = Verifier(asking.actor, asking.person_id, asking.actor)
    number = sent.get("staff_number", "").replace("\0", "").strip()
    try:
        with transaction() as session:
            person_id = find_person(session, asking.organisation.id, number, signed_on)
            if person_id is None:
                raise BadPaperError("signer")
            document = store_document(session, asking.organisation, content, asking.actor, now())
            signed = SignedPaper(
                person_id,
                int(text_id) if text_id.isascii() and text_id.isdigit() and len(text_id) < 16 else 0,
                signed_on,
                sent.get("original_place", ""),
                "en" if sent.get("language") == "en" else "ja",
                document.id,
            )
            row = record_paper(session, asking.organisation, signed, verifier, now())
    except (BadPaperError, SelfVerifiedError, BadDocumentError, AlreadySignedError, UnknownPledgeError) as bad:
        return make_response(_paper_page(fault_sentence(_fault(bad))), 422)
    address = url_for("pledge_register.record_page", handle=handle, signature_id=row.id)
    return make_response(redirect(address, 303))


def _fault(bad: Exception) -> str:
    if isinstance(bad, BadDocumentError):
        return bad.code
    if isinstance(bad, BadPaperError):
        return "person_unknown" if bad.field == "signer" else f"paper_{bad.field}"
    if isinstance(bad, AlreadySignedError):
        return "already_signed"
    return "self_verified" if isinstance(bad, SelfVerifiedError) else "pledge_unknown"
