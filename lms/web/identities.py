"""The linking queue: which person on the staff list an identity of a platform is; its history, undo, and many at once."""

from __future__ import annotations

from difflib import SequenceMatcher

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from courses.calendar import jst_date
from lms.services.identities import (
    Decision,
    LinkState,
    UnknownPersonError,
    decide_nobody,
    link_by_decision,
    undo_decision,
)
from lms.services.identity_bulk import link_pairs, propose_links
from lms.services.identity_queue import OPEN_STATES, QueueFilter, identity_history, identity_queue, platform_names
from lms.services.people import particulars_on
from lms.services.permissions import Permission
from lms.web.actors import actor_words
from lms.web.moments import asked_one_of
from lms.web.request import now, reading, transaction
from lms.web.security import requires, visitor

blueprint = Blueprint("identities", __name__, url_prefix="/s/<handle>/identities")

PAGE_SIZE = 50
LARGEST_BULK = 100
"""Pairs that one form shows and links; the next follow after it."""
LONGEST_REASON = 500
_STATES = {
    "open": OPEN_STATES,
    "waiting": frozenset({LinkState.WAITING}),
    "taken_back": frozenset({LinkState.TAKEN_BACK}),
    "linked": frozenset({LinkState.LINKED}),
    "nobody": frozenset({LinkState.NOBODY}),
    "all": frozenset(LinkState),
}


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


@blueprint.get("")
@requires(Permission.LINK_IDENTITIES)
def queue(handle: str) -> str:
    """Show the accounts that wait for a decision, or those that the filters choose."""
    return _page(None, "")


def _page(failed_identity: int | None, entered: str) -> str:
    organisation, day = visitor().organisation, jst_date(now())
    asked = request.args if request.method == "GET" else request.form
    state = (asked_one_of("state", set(_STATES)) if request.method == "GET" else asked.get("state")) or "open"
    chosen = QueueFilter(
        asked.get("q", "").strip()[:100], _STATES.get(state, OPEN_STATES), _number(asked.get("platform", ""))
    )
    queue = identity_queue(
        reading(), organisation.id, chosen, day, (max(1, _number(asked.get("page", "")) or 1), PAGE_SIZE)
    )
    done = _number(request.args.get("done", ""))
    people = {each.person_id for each in queue.shown if each.person_id is not None}
    return render_template(
        "identities/queue.html",
        shown=queue.shown,
        found=queue.found,
        counts=queue.counts,
        chosen=chosen,
        state=state,
        platforms=platform_names(reading(), organisation.id),
        people=particulars_on(reading(), organisation.id, day, None, people) if people else {},
        page=queue.page,
        pages=max(1, -(-queue.found // PAGE_SIZE)),
        arguments={name: asked[name] for name in ("q", "state", "platform") if asked.get(name)},
        failed_identity=failed_identity,
        entered=entered,
        decided=None if done is None else identity_history(reading(), organisation.id, done, day),
    )


@blueprint.get("/<row:identity_id>")
@requires(Permission.LINK_IDENTITIES)
def history(handle: str, identity_id: int) -> str:
    """Show one account with every decision on it."""
    return _history_page(identity_id, "")


def _history_page(identity_id: int, entered: str) -> str:
    found = identity_history(reading(), visitor().organisation.id, identity_id, jst_date(now()))
    return render_template(
        "identities/history.html",
        found=found,
        actors=actor_words({each.recorded_by for each in found.links}),
        entered=entered,
        longest_reason=LONGEST_REASON,
        done=request.args.get("done", ""),
    )


@blueprint.post("/<row:identity_id>")
@requires(Permission.LINK_IDENTITIES)
def decide(handle: str, identity_id: int) -> Response:
    """Link an account to the person with a staff number, take the link back, say that it is nobody's, or undo that."""
    asking, sent = visitor(), request.form
    staff_number = sent.get("staff_number", "").replace("\0", "").strip()
    reason = sent.get("reason", "").replace("\0", "").strip()[:LONGEST_REASON]
    decision = Decision((asking.actor, now()), reason, _number(sent.get("seen", "")))
    is_history = sent.get("from") == "history"
    try:
        with transaction() as session:
            match sent.get("action"):
                case "undo":
                    undo_decision(session, asking.organisation, identity_id, decision)
                case "nobody":
                    decide_nobody(session, asking.organisation, identity_id, decision)
                case "unlink":
                    link_by_decision(session, asking.organisation, identity_id, None, decision)
                case _:
                    link_by_decision(session, asking.organisation, identity_id, staff_number, decision)
    except UnknownPersonError:
        page = _history_page(identity_id, staff_number) if is_history else _page(identity_id, staff_number)
        return make_response(page, 422)
    if is_history:
        return make_response(
            redirect(url_for("identities.history", handle=handle, identity_id=identity_id, done="decided"), 303)
        )
    address = url_for(
        "identities.queue",
        handle=handle,
        done=identity_id,
        q=sent.get("q") or None,
        state=sent.get("state") or None,
        platform=sent.get("platform") or None,
        page=sent.get("page") or None,
    )
    return make_response(redirect(address, 303))


@blueprint.get("/bulk")
@requires(Permission.LINK_IDENTITIES)
def bulk(handle: str) -> str:
    """Show which accounts could be linked by their staff numbers, each beside the person."""
    proposals = propose_links(reading(), visitor().organisation.id, now())
    shown = proposals.pairs[:LARGEST_BULK]
    return render_template(
        "identities/bulk.html",
        proposals=proposals,
        shown=shown,
        held_back=proposals.held_back[:LARGEST_BULK],
        differences={
            each.key: name_difference(
                each.identity.claimed_name, f"{each.particulars.family_name} {each.particulars.given_name}"
            )
            for each in shown
        },
        linked=_number(request.args.get("linked", "")),
        missed=_number(request.args.get("missed", "")) or 0,
        longest_reason=LONGEST_REASON,
    )


@blueprint.post("/bulk")
@requires(Permission.LINK_IDENTITIES)
def link_bulk(handle: str) -> Response:
    """Link the pairs that were ticked, if they are still proposed."""
    asking = visitor()
    keys = request.form.getlist("pair")[:LARGEST_BULK]
    reason = request.form.get("reason", "").replace("\0", "").strip()[:LONGEST_REASON]
    with transaction() as session:
        linked, missed = link_pairs(session, asking.organisation, keys, (asking.actor, now()), reason)
    return make_response(redirect(url_for("identities.bulk", handle=handle, linked=linked, missed=missed), 303))


def name_difference(claimed: str, listed: str) -> tuple[list[tuple[str, bool]], list[tuple[str, bool]]]:
    """Return both names in parts, each with whether it differs from the other name; none does where only one is known."""
    if not claimed:
        return [], [(listed, False)]
    left, right = [], []
    for kind, start, end, other_start, other_end in SequenceMatcher(None, claimed, listed, False).get_opcodes():
        if claimed[start:end]:
            left.append((claimed[start:end], kind != "equal"))
        if listed[other_start:other_end]:
            right.append((listed[other_start:other_end], kind != "equal"))
    return left, right
