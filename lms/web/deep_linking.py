"""The picker: an instructor chooses what activities a course gets, and the signed answer goes back to the platform.

What is ticked stands in the address until the answer is given: searching and reading forget nothing and need no
script. The frame in Moodle is about 770 × 577 px.

Source: LTI Deep Linking 2.0; lti.md §4 (deep linking).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, make_response, render_template, request

from courses.calendar import jst_date
from courses.parameters import MissingParameterError
from courses.pledges import text_on
from lms.lti.deep_linking import MAX_TITLE, POINTS, answer_claims
from lms.services.awareness import module_in_use, parameter_values
from lms.services.content import PLEDGES, ROLES, Content, contents_on, search
from lms.services.deep_linking import NothingToChooseError, Request, Wish, answer_request, request_of
from lms.services.permissions import Permission
from lms.services.pledges import approved_texts
from lms.services.role_texts import shipped_role_texts
from lms.store.pledges import PledgeText
from lms.web.markdown import shown_sections
from lms.web.request import now, reading, tool, transaction
from lms.web.security import post_only_to, requires, visitor
from lms.wording.gettext import _

blueprint = Blueprint("deep_linking", __name__, url_prefix="/s/<handle>/choose")

_LONGEST_SEARCH = 200


@dataclass(frozen=True, slots=True)
class Draft:
    """An item as the form has it, before it is an activity."""

    content: Content
    title: str
    points: str
    title_error: str = ""
    points_error: str = ""

    @property
    def has_errors(self) -> bool:
        """Tell whether something is to be mended."""
        return bool(self.title_error or self.points_error)


def _contents() -> dict[str, Content]:
    return contents_on(reading(), visitor().organisation.id, jst_date(now()))


def _ticked(asked: Request, contents: dict[str, Content]) -> list[str]:
    """The keys that were ticked, each once; only the last where the platform takes one."""
    keys = list(dict.fromkeys(key for key in request.values.getlist("item") if key in contents))
    return keys if asked.takes_several else keys[-1:]


@blueprint.get("")
@requires(Permission.LEARN)
def choose(handle: str) -> str:
    """Show what activities can open, to be searched, read and ticked."""
    return _list(request_of(reading(), handle), "")


def _list(asked: Request, error: str) -> str:
    contents = _contents()
    wanted = request.values.get("q", "")[:_LONGEST_SEARCH]
    ticked = _ticked(asked, contents)
    found = search(contents.values(), wanted)
    return render_template(
        "deep_linking/choose.html",
        asked=asked,
        wanted=wanted,
        ticked=ticked,
        kept=[contents[key] for key in ticked if contents[key] not in found],
        found=found,
        error=error,
    )


@blueprint.get("/preview/<content_key>")
@requires(Permission.LEARN)
def preview(handle: str, content_key: str) -> str:
    """Show what an activity would open, as staff would read it; a module's test questions stay unseen.

    Raises:
        NothingToChooseError: nothing has this key.
    """
    asked, contents = request_of(reading(), handle), _contents()
    content = contents.get(content_key)
    if content is None:
        raise NothingToChooseError(content_key)
    return render_template(
        "deep_linking/preview.html",
        asked=asked,
        content=content,
        ticked=_ticked(asked, contents),
        wanted=request.args.get("q", "")[:_LONGEST_SEARCH],
        **_what_is_read(content),
    )


def _what_is_read(content: Content) -> dict[str, Any]:
    asking, session, today = visitor(), reading(), jst_date(now())
    shown: dict[str, Any] = {"objectives": (), "sections": [], "texts": [], "roles": {}, "missing": False}
    if content.is_module:
        lesson = module_in_use(session, asking.organisation.id, content.key, today).module.body[asking.language]
        values = parameter_values(session, asking.organisation.id, asking.language)
        shown["objectives"] = lesson.objectives
        try:
            shown["sections"] = shown_sections(lesson, values)
        except MissingParameterError:
            shown["missing"] = True
    elif content.key == PLEDGES:
        current = (text_on(each, today) for each in approved_texts(session, asking.organisation.id).values())
        shown["texts"] = [session.get_one(PledgeText, each.text_id) for each in current if each is not None]
    elif content.key == ROLES:
        shown["roles"] = {role.value: text.duties[asking.language] for role, text in shipped_role_texts().items()}
    return shown


@blueprint.get("/items")
@requires(Permission.LEARN)
def items(handle: str) -> str:
    """Show the ticked items with title and points, to be changed before they are placed."""
    asked, contents = request_of(reading(), handle), _contents()
    ticked = _ticked(asked, contents)
    if not ticked:
        return _list(asked, _("Please tick at least one."))
    return _items(asked, [_fresh(contents[key]) for key in ticked])


def _fresh(content: Content) -> Draft:
    return Draft(content, content.title, "" if content.maximum is None else str(content.maximum))


def _items(asked: Request, drafts: list[Draft]) -> str:
    return render_template(
        "deep_linking/items.html",
        asked=asked,
        drafts=drafts,
        longest=MAX_TITLE,
        points=POINTS,
        has_errors=any(each.has_errors for each in drafts),
    )


@blueprint.post("")
@requires(Permission.LEARN)
def answer(handle: str) -> Response:
    """Give the platform its one answer: the items, or none at all."""
    asked, contents = request_of(reading(), handle), _contents()
    if request.form.get("action") == "cancel":
        return _hand_over(asked, [])
    drafts = [_read(contents[key]) for key in _ticked(asked, contents)]
    if not drafts:
        return make_response(_list(asked, _("Please tick at least one.")), 422)
    if any(each.has_errors for each in drafts):
        return make_response(_items(asked, drafts), 422)
    return _hand_over(asked, drafts)


def _read(content: Content) -> Draft:
    title = request.form.get(f"title-{content.key}", "").strip()
    points = request.form.get(f"points-{content.key}", "").strip()
    return Draft(content, title, points, _title_error(title), _points_error(content, points))


def _title_error(title: str) -> str:
    if not title:
        return _("Please give the activity a title.")
    if len(title) > MAX_TITLE:
        return _(
            "A title has %(longest)s characters at most; this one has %(length)s.", longest=MAX_TITLE, length=len(title)
        )
    if any(ord(sign) < 32 or ord(sign) == 127 for sign in title):
        return _("A title can't hold control characters.")
    return ""


def _points_error(content: Content, points: str) -> str:
    if content.maximum is None and not points:
        return ""
    is_number = points.isascii() and points.isdigit() and len(points) <= 3
    if not is_number or int(points) not in POINTS:
        return _("Please give a whole number from %(least)s to %(most)s.", least=POINTS[0], most=POINTS[-1])
    return ""


def _hand_over(asked: Request, drafts: list[Draft]) -> Response:
    """Record the answer, and show the page that posts it."""
    wishes = [
        Wish(each.content.key, each.title, each.content.summary, int(each.points) if each.points else None)
        for each in drafts
    ]
    actor = visitor().actor
    with transaction() as session:
        placed = answer_request(session, asked, wishes, (actor, now()))
    message = None if placed else _("Nothing was chosen; the course is as it was.")
    token = tool().keys.signer(now()).sign(answer_claims(asked.to, placed, now(), message))
    post_only_to(asked.return_url)
    page = render_template("deep_linking/answer.html", asked=asked, placed=placed, token=token)
    return make_response(page, 200)
