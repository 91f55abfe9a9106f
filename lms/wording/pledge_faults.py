"""What to say where something that was entered about pledges or vendors can't be taken."""

from __future__ import annotations

from collections.abc import Callable

from lms.wording.gettext import _

_SENTENCES: dict[str, Callable[[], str]] = {
    "key_malformed": lambda: _("The key is made of lower-case letters, digits and hyphens, such as confidentiality."),
    "unchanged": lambda: _("The newest version says exactly this already; there is nothing new to draft."),
    "parameter_missing": lambda: _(
        "The sample needs a value that is not set yet (akashi parameters set); please write the text in full."
    ),
    "text_empty": lambda: _("Title and text are needed in both languages."),
    "text_too_long": lambda: _("A text has at most 20,000 characters, a title 200."),
    "text_unprintable": lambda: _(
        "There is a character that cannot be seen, or a line break in a title. Type it again."
    ),
    "decision": lambda: _("Please give the number or name of the decision, as in the minutes."),
    "approved_by": lambda: _("Please say which office or body approved."),
    "days_to_sign": lambda: _("The days to sign are a number from 0 to 365."),
    "effective_on": lambda: _("Please give the day on which the text takes effect, like 2026-10-01."),
    "reason": lambda: _("Please say why, in at most 200 characters."),
    "already_approved": lambda: _("This version is approved already."),
    "retroactive": lambda: _(
        "People have signed another version on or after that day. Choose a day after the last of those signatures."
    ),
    "in_effect": lambda: _(
        "This approval has taken effect and stays. To change the text, draft and approve a new version."
    ),
    "name_empty": lambda: _("Please give a name."),
    "name_taken": lambda: _("There is a firm with this name."),
    "number_empty": lambda: _("Please give the contract's number."),
    "number_taken": lambda: _("There is a contract with this number."),
    "title_empty": lambda: _("Please give the contract's title."),
    "too_long": lambda: _("Names and numbers have at most 200 characters."),
    "firm_unknown": lambda: _("Please choose the firm."),
    "contract_unknown": lambda: _("Please choose the contract."),
    "person_unknown": lambda: _("Nobody on the staff list has this number on that day."),
    "dates": lambda: _("Dates are written like 2026-04-01, and the last day is not before the first."),
    "period_outside_contract": lambda: _("The period must lie within the contract's."),
    "period_overlaps": lambda: _("The person is engaged under this contract for some of these days already."),
    "ends_on_order": lambda: _("The end must lie within the engagement."),
    "not_engaged": lambda: _(
        "The person is not engaged under a contract today. Record the engagement first; then invite."
    ),
    "pledge_unknown": lambda: _("There is no text in effect for this pledge."),
    "self_verified": lambda: _("You can't verify your own paper. Somebody else compares it and enters it."),
    "paper_text": lambda: _("This text was not in effect on the day that the paper bears."),
    "paper_signed_on": lambda: _("Please give the day that the paper bears; it can't be to come."),
    "paper_original_place": lambda: _("Please say where the original is kept."),
    "already_signed": lambda: _("A signature of this text by this person stands already."),
    "document_empty": lambda: _("Please choose the scan to hand in."),
    "document_too_large": lambda: _("The scan is larger than 10 MB. Scan it in black and white or at 200 dpi."),
    "document_kind": lambda: _("The file is neither PDF nor JPEG nor PNG, whatever its name says."),
    "document_cut": lambda: _("The file is cut off: its end is missing. Copy or scan it again."),
}


_PAPER_PROBLEMS: dict[str, Callable[[str], str]] = {
    "unknown_verifier": lambda value: _("Nobody has the staff number “%(value)s” today.", value=value),
    "bad_date": lambda value: _("“%(value)s” is not a date that can be read. Write it like 2026-04-01.", value=value),
    "to_come": lambda value: _("The day “%(value)s” is still to come.", value=value),
    "unknown_person": lambda value: _("Nobody has the staff number “%(value)s” on that day.", value=value),
    "unknown_text": lambda value: _("There is no approved text “%(value)s”. See: akashi pledge list", value=value),
    "not_in_effect": lambda value: _("The text “%(value)s” was not in effect on that day.", value=value),
    "already_signed": lambda value: _("A signature of this text by “%(value)s” stands already.", value=value),
    "twice": lambda value: _("The same person and text stand in row %(value)s already.", value=value),
    "self_verified": lambda value: _("“%(value)s” can't verify their own paper.", value=value),
}


def paper_problem_sentence(code: str, row: int | None, column: str, value: str) -> str:
    """Return where in a list of papers a problem stands, and what it is."""
    sentence = _PAPER_PROBLEMS[code](value)
    if row is None:
        return sentence
    return _("Row %(row)s, column %(column)s: %(sentence)s", row=row, column=column, sentence=sentence)


def fault_sentence(code: str) -> str:
    """Return what to say for a code; an unknown one is answered in general terms."""
    found = _SENTENCES.get(code)
    return found() if found else _("Something that was entered can't be taken. Please look at it again.")
