"""What people read when something is refused: what happened, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lms.wording.gettext import _


@dataclass(frozen=True, slots=True)
class Refusal:
    """A message for the person in front of the page."""

    title: str
    advice: str


_SENTENCES: dict[str, Callable[[], Refusal]] = {
    "not_launched": lambda: Refusal(
        _("Please open this activity again from Moodle."),
        _(
            "For your safety a page stays open for 60 minutes without use, and only in the window in which it was opened. What you have saved is kept."
        ),
    ),
    "session_ended": lambda: Refusal(
        _("This session was ended."),
        _(
            "You ended it yourself, here or in another window, or the ISMS secretariat did. What you have saved is kept. To go on, please open this activity again from Moodle."
        ),
    ),
    "session_unknown": lambda: Refusal(
        _("There is no such open session."),
        _("It may have ended meanwhile. Please load the list again."),
    ),
    "account_expired": lambda: Refusal(
        _("The session of this emergency account is over."),
        _(
            "It ends after 15 minutes without use, after two hours in any case, and when the account is closed. Please sign in again, at the address /admin/sign-in."
        ),
    ),
    "not_permitted": lambda: Refusal(
        _("This page is not open to you."),
        _(
            "It needs a role that you do not hold in this organisation's ISMS. Please ask the ISMS secretariat if you think you should."
        ),
    ),
    "form_token": lambda: Refusal(
        _("This form could not be accepted."),
        _(
            "It did not come from the page that is open in this window. Please go back, load the page again and send it once more."
        ),
    ),
    "too_many": lambda: Refusal(
        _("Too much from your network was refused in a short time."),
        _(
            "Please wait a minute and try once more. If many of you see this at once, tell the administrator: the connection with Moodle may be set up wrongly."
        ),
    ),
    "login_refused": lambda: Refusal(
        _("This launch could not be accepted."),
        _(
            "Please close this window and open the activity again from Moodle. If it happens again, give the code below to your administrator."
        ),
    ),
    "launch_used": lambda: Refusal(
        _("This launch was used already."),
        _("Each launch opens the tool once. Please open the activity again from Moodle."),
    ),
    "browser_changed": lambda: Refusal(
        _("Your browser did not return what we left with it."),
        _(
            "It may block cookies in frames. Please open the activity in a new window, or allow cookies for this address."
        ),
    ),
    "may_not_choose": lambda: Refusal(
        _("Only those who make the course choose its activities."),
        _("Moodle says that you are not an instructor of this course. Nothing was chosen or changed."),
    ),
    "submission_foreign": lambda: Refusal(
        _("This is somebody else's submission."),
        _("It is shown to that person and to the instructors of the course alone. That you asked for it was noted."),
    ),
    "nothing_to_choose": lambda: Refusal(
        _("There is nothing to choose here."),
        _("Activities are chosen from a course in Moodle: add an activity there and press “Select content”."),
    ),
    "choice_answered": lambda: Refusal(
        _("Moodle has your choice already."),
        _("It is handed over once. To choose more, press “Select content” in Moodle again."),
    ),
    "activity_unknown": lambda: Refusal(
        _("There is no activity to look after here."),
        _(
            "This page is for instructors who opened an activity of their own course. Please open the activity from Moodle."
        ),
    ),
    "activity_decides": lambda: Refusal(
        _("The activity itself says what it opens."),
        _("Nothing was changed here. Change its custom parameters in Moodle instead."),
    ),
    "review_unknown": lambda: Refusal(
        _("There is no submission to review here."),
        _("A submission is opened from Moodle's gradebook."),
    ),
    "registration_unknown": lambda: Refusal(
        _("This Moodle is not registered with the tool."),
        _(
            "For administrators: invite it on the page “Platforms” in Akashi or by “akashi platform invite”, and paste the address into Moodle's “Manage tools”. If the tool was deleted in Moodle or came with a course from another site, it has a new client ID: register it anew, and name the registration that it stands in for; people and grades then follow."
        ),
    ),
    "registration_waiting": lambda: Refusal(
        _("This Moodle is waiting for approval."),
        _(
            "It has asked to be registered. Somebody who may manage platforms approves it on the page “Platforms” in Akashi, or the operator by “akashi platform approve”. Then open the activity again."
        ),
    ),
    "registration_stopped": lambda: Refusal(
        _("This Moodle's registration was stopped."),
        _(
            "Nobody comes in by it until an administrator of Akashi takes it into use again. What you have saved is kept."
        ),
    ),
    "platform_invitation_unknown": lambda: Refusal(
        _("There is no such invitation to register."),
        _("The address may be incomplete. Copy it whole, or have a new invitation made in Akashi."),
    ),
    "platform_invitation_used": lambda: Refusal(
        _("This invitation to register was used already."),
        _(
            "Each serves once. If a registration came of it, it waits for approval on the page “Platforms” in Akashi. For another one, have a new invitation made there."
        ),
    ),
    "platform_invitation_over": lambda: Refusal(
        _("This invitation to register is not open any more."),
        _("It was revoked, or its time is over. Nothing was registered. Have a new one made in Akashi."),
    ),
    "registration_unopened": lambda: Refusal(
        _("This address is for Moodle, not for the browser."),
        _(
            "In Moodle, open Site administration → Plugins → Activity modules → External tool → Manage tools, paste the address into “Tool URL” and press “Add LTI Advantage”. The invitation is still open."
        ),
    ),
    "registration_address": lambda: Refusal(
        _("The platform's address can't be called."),
        _(
            "It must be https, and public; a Moodle in a private network needs AKASHI_ALLOWED_NETWORKS. Nothing was registered, and the invitation is still open."
        ),
    ),
    "registration_token": lambda: Refusal(
        _("The platform's registration token can't be used."),
        _("Please start again from Moodle's “Manage tools”. Nothing was registered, and the invitation is still open."),
    ),
    "registration_redirected": lambda: Refusal(
        _("The platform answered with a redirect."),
        _(
            "Redirects are not followed. Check that the site's address ($CFG->wwwroot in Moodle) is the one that people use, and start again from there."
        ),
    ),
    "registration_silent": lambda: Refusal(
        _("The platform does not answer."),
        _(
            "Akashi's own server must reach it: name, firewall, certificate. The code below says which call it was. Try again from Moodle; if Akashi then says that the invitation was used, have a new one made."
        ),
    ),
    "registration_declined": lambda: Refusal(
        _("The platform did not register the tool."),
        _(
            "Its answer's status stands in the code below. Start again from Moodle's “Manage tools”: what Moodle hands over serves once and for an hour. If Akashi then says that the invitation was used, have a new one made."
        ),
    ),
    "registration_foreign": lambda: Refusal(
        _("The platform names addresses of another site."),
        _(
            "Its issuer and all its addresses must lie where its configuration lies. Nothing was registered. In Moodle, check $CFG->wwwroot and the proxy before it."
        ),
    ),
    "registration_senseless": lambda: Refusal(
        _("The platform's answer can't be used."),
        _("The code below says which answer, and what is missing or wrong in it. It needs LTI 1.3 with RS256."),
    ),
    "registration_elsewhere": lambda: Refusal(
        _("This registration can't be taken here."),
        _(
            "This installation has a registration with the same issuer and client ID already; an existing registration is never overwritten. Please ask the operator of Akashi."
        ),
    ),
    "registration_request_unknown": lambda: Refusal(
        _("There is no such request to register."),
        _("Please load the page “Platforms” again."),
    ),
    "registration_decided": lambda: Refusal(
        _("This request was decided already."),
        _("Somebody was quicker. Nothing was changed by you; the page “Platforms” shows how it stands."),
    ),
    "platform_unknown": lambda: Refusal(
        _("There is no such platform."),
        _("Please load the page “Platforms” again."),
    ),
    "keys_unavailable": lambda: Refusal(
        _("Moodle's public keys can't be reached at the moment."),
        _("Nothing was lost. Please wait a minute and open the activity again from Moodle."),
    ),
    "not_found": lambda: Refusal(
        _("This page does not exist."),
        _("The address may be incomplete, or what it showed is not in use any more."),
    ),
    "module_unknown": lambda: Refusal(
        _("This module is not in use."),
        _(
            "The organisation has not adopted a module with this key. Please tell the ISMS secretariat which activity you opened."
        ),
    ),
    "parameter_missing": lambda: Refusal(
        _("This text is not complete yet."),
        _(
            "The organisation has not set a value that it needs. Please tell the ISMS secretariat; nothing of yours is lost."
        ),
    ),
    "attempt_unknown": lambda: Refusal(
        _("There is no such attempt among yours."),
        _("Please go back to the module and open the test from there."),
    ),
    "attempt_over": lambda: Refusal(
        _("This attempt was submitted already."),
        _("Answers sent after the submission do not count and change nothing. The result is as it was recorded."),
    ),
    "not_on_paper": lambda: Refusal(
        _("This question is not on your paper."),
        _("Please go back to the test and answer the questions shown there. Nothing was changed."),
    ),
    "answer_malformed": lambda: Refusal(
        _("This answer does not fit the question."),
        _("Please load the question again and choose among the answers shown. What was saved before is kept."),
    ),
    "may_not_start": lambda: Refusal(
        _("The test can't be started now."),
        _("The test's own page says when the next attempt is open and what unlocks it."),
    ),
    "no_supplement_due": lambda: Refusal(
        _("You don't need this supplementary lesson now."),
        _("It is for those who have used up their attempts. You may read it, but there is nothing to record."),
    ),
    "not_passed": lambda: Refusal(
        _("There is no certificate for this attempt."),
        _("A certificate is made for a passed test only."),
    ),
    "not_on_staff_list": lambda: Refusal(
        _("Your account is not linked to the staff list yet."),
        _(
            "Your result is recorded and kept. The certificate can be made as soon as the ISMS secretariat has linked your account."
        ),
    ),
    "unprintable_name": lambda: Refusal(
        _("The certificate's font lacks a character of your name."),
        _("Please tell the ISMS secretariat. Your result is recorded all the same."),
    ),
    "year_unknown": lambda: Refusal(
        _("There is no such fiscal year."),
        _("Please give a year in four digits, for example 2026 for the year from April 2026 to March 2027."),
    ),
    "filter_bad": lambda: Refusal(
        _("One of the filters holds something that can't be used."),
        _("Dates are written like 2026-11-23. Please go back and choose again."),
    ),
    "tree_size_unknown": lambda: Refusal(
        _("The ledger never had this size."),
        _("“As known at” takes a size that the ledger has had. Leave it empty for everything recorded."),
    ),
    "appointment_unknown": lambda: Refusal(
        _("There is no such appointment."),
        _("It may have been corrected or ended meanwhile. Please open the page again and look at it as it is now."),
    ),
    "appointment_not_yours": lambda: Refusal(
        _("This appointment is not yours."),
        _("Only the appointee acknowledges an appointment and opens its letter here. Nothing was recorded."),
    ),
    "acknowledged_already": lambda: Refusal(
        _("You have acknowledged this appointment already."),
        _("It is recorded with its time. Nothing was recorded again."),
    ),
    "delivery_unknown": lambda: Refusal(
        _("There is no such grade."), _("It may belong to another organisation. Go back to the list.")
    ),
    "roster_unknown": lambda: Refusal(
        _("There is no such course."),
        _("Please choose one from the list of rosters."),
    ),
    "identity_unknown": lambda: Refusal(
        _("There is no such account in the linking queue."),
        _("Please load the queue again."),
    ),
    "nothing_to_undo": lambda: Refusal(
        _("There is nothing to undo."),
        _("Nobody has decided on this account yet. Please load the queue again."),
    ),
    "invitation_refused": lambda: Refusal(
        _("This invitation opens nothing."),
        _("Please ask whoever sent it to you for a new one."),
    ),
    "invitation_unknown": lambda: Refusal(
        _("There is no invitation with this address."),
        _("Part of it may be missing. Please copy the whole address from the message that you received."),
    ),
    "invitation_used": lambda: Refusal(
        _("This invitation was used already."),
        _(
            "It serves once, and the signature is recorded. If it was not you who signed, tell the organisation at once."
        ),
    ),
    "invitation_revoked": lambda: Refusal(
        _("This invitation was taken back."),
        _("You may have received a newer one. Otherwise please ask whoever sent it to you."),
    ),
    "invitation_expired": lambda: Refusal(
        _("This invitation has expired."),
        _("It was open for 14 days. Please ask whoever sent it to you for a new one."),
    ),
    "invitation_over": lambda: Refusal(
        _("The work that this invitation was for is over."),
        _(
            "By the records you work under no contract with the organisation today. Please ask whoever sent it to you if that is wrong."
        ),
    ),
    "document_unknown": lambda: Refusal(
        _("There is no such document."),
        _("No scan belongs to this record."),
    ),
    "ticket_refused": lambda: Refusal(
        _("This window can't be opened any more."),
        _("Its button serves once, within one minute. Please go back to Moodle's page and press it again."),
    ),
    "pledge_unknown": lambda: Refusal(
        _("There is no such pledge in effect."),
        _("Please go back to your pledges and choose one there. If you followed a link, tell the ISMS secretariat."),
    ),
    "signature_unknown": lambda: Refusal(
        _("There is no such signature record."),
        _("It is not among those that you may see. Please go back and choose one there."),
    ),
    "signer_unknown": lambda: Refusal(
        _("It can't be said yet who would sign."),
        _("Your account is not linked to the staff list. You can sign as soon as the ISMS secretariat has linked it."),
    ),
    "signing_framed": lambda: Refusal(
        _("A pledge is not signed within another page."),
        _("Nothing was recorded. Please open it in a window of its own, from your pledges."),
    ),
    "launch_stale": lambda: Refusal(
        _("To sign, please open the activity again from Moodle."),
        _(
            "A pledge is signed within 15 minutes of opening the activity, so that it is certain who signs. Nothing was recorded."
        ),
    ),
    "form_of_another": lambda: Refusal(
        _("This form was made for somebody else."),
        _(
            "Nothing was recorded. Everybody signs for themselves: please open the activity again from Moodle with your own account."
        ),
    ),
    "text_outdated": lambda: Refusal(
        _("This text is not the one in effect."),
        _(
            "It was replaced, or is not in effect yet. Nothing was recorded. Please open the pledge again and read the present text."
        ),
    ),
    "text_hash_wrong": lambda: Refusal(
        _("What this form shows is not the text as it is kept."),
        _("Nothing was recorded. Please open the pledge again; if it happens again, tell the ISMS secretariat."),
    ),
    "signer_left": lambda: Refusal(
        _("You do not serve this organisation today."),
        _(
            "By the staff list your service has ended or not begun, so there is nothing to sign. Please ask the ISMS secretariat if that is wrong."
        ),
    ),
    "already_signed": lambda: Refusal(
        _("You have signed this text already."),
        _("Your signature stands; signing twice changes nothing. You find its record among your pledges."),
    ),
    "already_withdrawn": lambda: Refusal(
        _("This signature was withdrawn already."),
        _("It stays in the register with the first withdrawal."),
    ),
    "ground_bad": lambda: Refusal(
        _("This is no ground that can be given here."),
        _("Please go back and choose one of those shown. Nothing was recorded."),
    ),
    "pack_unknown": lambda: Refusal(
        _("This evidence pack is not there."),
        _("Files are kept for seven days. Please have the pack made again: the same question gives the same bytes."),
    ),
    "clause_unknown": lambda: Refusal(
        _("There is no such clause in the list."),
        _("Please choose one of the list."),
    ),
    "evidence_unknown": lambda: Refusal(
        _("Nothing recorded has this evidence id."),
        _("An evidence id is written like E-0123456789abcdef. Please compare each character."),
    ),
    "hit_unknown": lambda: Refusal(
        _("The self-check does not ask this today."),
        _("The records have changed since the page was loaded. Please load it again."),
    ),
    "corrected_meanwhile": lambda: Refusal(
        _("Somebody else corrected or decided this a moment before you."),
        _("Nothing of yours was recorded. Please open the page again and look at it as it is now."),
    ),
    "own_case": lambda: Refusal(
        _("This hit is about you."),
        _("Nobody judges their own case. Please ask somebody who is not concerned."),
    ),
    "person_unknown": lambda: Refusal(
        _("Nobody is known under this address."),
        _("At an earlier “as known at” a person may not have been known yet. Please go back to the list of people."),
    ),
    "fact_unknown": lambda: Refusal(
        _("There is no such entry in this person's record."),
        _("Please go back to the person's page and choose again."),
    ),
    "malformed": lambda: Refusal(
        _("This request could not be read."),
        _("Please go back, load the page again and try once more."),
    ),
    "too_large": lambda: Refusal(
        _("This request is too large."),
        _("Please send less at once."),
    ),
    "unavailable": lambda: Refusal(
        _("The tool can't save or read at the moment."),
        _("Nothing was half-written, and what you saved before is kept. Please wait a minute and try again."),
    ),
    "audit_unknown": lambda: Refusal(
        _("There is no such audit."),
        _("It may not have been planned yet at the moment that you look at. Please choose one on the page of audits."),
    ),
    "area_unknown": lambda: Refusal(
        _("There is no such audited area."),
        _("It may not belong to this audit, or not be defined on the day. Please choose one on the audit's page."),
    ),
    "auditor_unknown": lambda: Refusal(
        _("Nothing is recorded of this person as an auditor."),
        _("Please choose somebody on the register of auditors, or look at a later moment."),
    ),
    "effort_spent": lambda: Refusal(
        _("The pool is too intricate to be reckoned exactly in the time allowed."),
        _("Please ask for less: fewer people to train, a shorter look-back, or fewer areas at once."),
    ),
    "failed": lambda: Refusal(
        _("Something went wrong on our side."),
        _("It has been noted. Please try again; if it happens again, give the code below to your administrator."),
    ),
}


def refusal(code: str) -> Refusal:
    """Return what to say for a stable code; an unknown one is answered in general terms."""
    return _SENTENCES.get(code, _SENTENCES["malformed"])()
