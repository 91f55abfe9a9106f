"""Words around pledges: purposes, methods, states, grounds and reasons, and the fixed sentences of the paper."""

from __future__ import annotations

from courses.pledges import AssuranceMethod, Purpose, Reason, ReasonCode, SignatureState, TextState, WithdrawalGround
from lms.wording.gettext import _


def purpose_label(code: str) -> str:
    """Return why a pledge was signed."""
    return {
        Purpose.JOINING.value: _("on joining"),
        Purpose.CHANGED_TEXT.value: _("for a changed text"),
        Purpose.YEARLY.value: _("yearly"),
        Purpose.ROLE.value: _("for a role"),
        Purpose.LEAVING.value: _("on leaving"),
    }.get(code, code)


def method_label(code: str) -> str:
    """Return how it was made sure who signed."""
    return {
        AssuranceMethod.LAUNCH.value: _("fresh launch from Moodle, in a window of its own"),
        AssuranceMethod.INVITATION.value: _("one-time invitation"),
        AssuranceMethod.PAPER.value: _("paper, verified"),
    }.get(code, code)


def signature_state_label(state: str | None) -> str:
    """Return where a signature stands; None: nothing was signed."""
    return {
        SignatureState.IN_FORCE.value: _("In force"),
        SignatureState.RESIGN_DUE.value: _("In force, to be signed anew"),
        SignatureState.CONTINUING.value: _("Left, duty continues"),
        SignatureState.OBSOLETE.value: _("Lapsed: newer text not signed"),
        SignatureState.REPLACED.value: _("Signed anew since"),
        SignatureState.WITHDRAWN.value: _("Withdrawn"),
    }.get(state or "", _("Not signed"))


def text_state_label(state: str) -> str:
    """Return where a text version stands."""
    return {
        TextState.DRAFT.value: _("Draft"),
        TextState.APPROVED.value: _("Approved, not yet in effect"),
        TextState.EFFECTIVE.value: _("In effect"),
        TextState.REPLACED.value: _("Replaced"),
    }[state]


def ground_label(code: str) -> str:
    """Return why a signature was withdrawn."""
    return {
        WithdrawalGround.BY_SIGNER.value: _("by the signer"),
        WithdrawalGround.SIGNED_IN_ERROR.value: _("signed or entered in error"),
        WithdrawalGround.WRONG_PERSON.value: _("recorded for the wrong person"),
        WithdrawalGround.RELEASED.value: _("released by the organisation"),
    }.get(code, code)


def version_label(version: int) -> str:
    """Return the number of a text version."""
    return _("Version %(number)s", number=version)


def reason_sentence(reason: Reason) -> str:
    """Return a step of the answer to "how do we know" as a sentence."""
    version = reason.version or 0
    return {
        ReasonCode.TEXT_DRAFTED: _("Version %(number)s of the text was drafted.", number=version),
        ReasonCode.TEXT_APPROVED: _("Version %(number)s of the text took effect by approval.", number=version),
        ReasonCode.SIGNED: _("Version %(number)s was signed.", number=version),
        ReasonCode.NEWER_TEXT: _(
            "Version %(number)s took effect; those who had signed before need not sign it.", number=version
        ),
        ReasonCode.RESIGNING_ASKED: _(
            "Version %(number)s took effect; those who had signed before are to sign it.", number=version
        ),
        ReasonCode.RESIGNING_MISSED: _(
            "The days to sign version %(number)s were over, and it was not signed.", number=version
        ),
        ReasonCode.DECLINED: _("Version %(number)s was declined.", number=version),
        ReasonCode.WITHDRAWN: _("The signature under version %(number)s was withdrawn.", number=version),
        ReasonCode.LEFT: _("The person left; the duty of confidentiality goes on."),
        ReasonCode.NO_TEXT: _("No text was in effect on this day."),
        ReasonCode.NEVER_SIGNED: _("No signature is recorded up to this day."),
    }[reason.code]


def paper_wording() -> dict[str, str]:
    """Return the sentences of the paper, by field of `lms.reports.pledge_record.PledgePaperWording`."""
    return {
        "kind": _("Signature record (electromagnetic record)"),
        "signed_text": _("The text that was signed"),
        "record": _("Record"),
        "name": _("Signer"),
        "staff_number": _("Staff number"),
        "unit": _("Unit (as then)"),
        "post": _("Post (as then)"),
        "typed_name": _("Name as typed"),
        "signed_jst": _("Signed at (JST)"),
        "signed_utc": _("Signed at (UTC)"),
        "method": _("How the signer was assured"),
        "purpose": _("Signed for"),
        "text_version": _("Text version"),
        "approved": _("Approval of the text"),
        "sha256": _("SHA-256 of the text"),
        "evidence_id": _("Evidence id"),
        "code": _("Verify code"),
        "withdrawn": _("Withdrawn from"),
        "verification": _(
            "The record in the organisation's register is what counts. The code shows at this address whether it is there:"
        ),
    }


def register_labels() -> dict[str, str]:
    """Return the headings of the register's columns and of its head."""
    return {
        "organisation": _("Organisation"),
        "as_of": _("As of"),
        "known_at": _("As known at"),
        "rows": _("Rows"),
        "filter:pledge": _("Filter: pledge"),
        "filter:state": _("Filter: state"),
        "filter:unit": _("Filter: unit"),
        "filter:kind": _("Filter: staff or vendor"),
        **{f"state:{state.value}": signature_state_label(state.value) for state in SignatureState},
        "staff_number": _("Staff number"),
        "name": _("Name"),
        "unit": _("Unit (as then)"),
        "post": _("Post (as then)"),
        "kind": _("Staff or vendor"),
        "pledge": _("Pledge"),
        "title": _("Title"),
        "version": _("Version"),
        "language": _("Language shown"),
        "text_sha256": _("SHA-256 of the text"),
        "purpose": _("Signed for"),
        "method": _("How the signer was assured"),
        "signed_at_jst": _("Signed at (JST)"),
        "signed_at_utc": _("Signed at (UTC)"),
        "state": _("State"),
        "withdrawn_on": _("Withdrawn from"),
        "replaced_by": _("Replaced by"),
        "verified_by": _("Verified by"),
        "original_place": _("Place of the original"),
        "evidence_id": _("Evidence id"),
        "record_hash": _("Hash of the record"),
        "verify_code": _("Verify code"),
    }
