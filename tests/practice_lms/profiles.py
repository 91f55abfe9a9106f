"""How a particular LMS departs from the specification: one switch for each habit.

"strict" is the specification to the letter: it checks what a platform may check, and sends what a platform may send. Facts of "moodle-4.5" were seen on a running stock Moodle 4.5.6 in 2026-11; where a docstring says "unseen" the
value is an assumption. Each switch works in both positions, so that a test can turn a single habit off with
``dataclasses.replace``.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """The habits of one kind of platform."""

    name: str
    """What the pages and the configuration call the profile."""
    product_family: str = "moodle"
    """``product_family_code`` in the launch."""
    product_version: str = "2024100706"
    """``version`` in the launch; Moodle 4.5.6 sends its build number."""
    product_release: str = "4.5.6 (Build: 20250811)"
    """``version`` in the openid configuration."""
    server_timezone: str = "Asia/Tokyo"
    """Zone in which the server shows times and reads timestamps that carry no zone."""
    id_token_lifetime: int = 60
    """Seconds from ``iat`` to ``exp`` of a launch."""
    access_token_lifetime: int = 3600
    """Seconds for which a service token is good."""
    future_iat_leeway: int = 0
    """Seconds by which an assertion's ``iat`` may lie ahead of the platform's clock."""
    registration_lifetime: int = 3600
    """Seconds for which a registration token is good."""
    update_tokens_serve_again: bool = True
    """A registration token for an update serves until it expires; one for a new registration always serves once."""
    registered_tools_wait: bool = True
    """A tool that registers itself is pending, and not in the activity chooser, until an administrator says so."""
    grades_scopes_come_together: bool = True
    """Any scope of the grade service brings all that read, and scores; what is echoed names the writing one too."""
    deep_linking_sends_data: bool = False
    """Deep-linking launches carry ``data``, which must come back; Moodle sends none."""
    deep_linking_looks_at_everything: bool = True
    """A return is refused for its audience, deployment, nonce, data, type or version too. Moodle itself looks at keys,
    ``iss`` and times alone; the tool is held to the specification all the same."""
    deep_linking_drops_label: bool = True
    """``lineItem.label`` is dropped: the line item is called what the activity is called."""
    deep_linking_drops_dates_and_window: bool = True
    """``available``, ``submission`` and ``window`` of an item are dropped."""
    audience_as_list: bool = False
    """``aud`` of a launch is a list, with ``azp`` beside it; otherwise one text."""
    deep_linking_points_whole_to_hundred: bool = True
    """An item whose points are not a whole number from 1 to 100, or whose title has more than 255 characters, is refused
    by Moodle's form: alone it says so, among several it is left out in silence."""
    hint_serves_once: bool = True
    """A second authorization with the same ``lti_message_hint`` is refused."""
    unknown_variables_stay_literal: bool = True
    """A custom variable that is not supported arrives as its own name, ``$...``; otherwise as an empty string."""
    kid_is_mandatory: bool = True
    """An assertion without ``kid`` is refused; otherwise every key of the tool is tried."""
    checks_assertion_audience: bool = False
    """The assertion's ``aud`` must be the token URL or the issuer; Moodle takes anything."""
    assertion_needs_everything: bool = False
    """An assertion without ``exp``, ``iat`` or ``jti`` is refused; Moodle takes it."""
    refuses_reused_assertion: bool = False
    """The same ``jti`` serves once; Moodle takes replays."""
    token_replies_as_html: bool = True
    """Token replies carry ``text/html`` although they are JSON, and errors are assembled without escaping."""
    strict_media_types: bool = True
    """A service call must name exactly the media type of the service."""
    ungraded_scores_wipe: bool = True
    """A score that is not ``FullyGraded`` empties the grade; otherwise the grade stays."""
    clamps_scores: bool = True
    """Scores are forced into 0..maximum; otherwise more is kept, and negative is refused."""
    same_second_conflicts: bool = True
    """A score as old as the stored one, in whole seconds, is refused with 409; otherwise only an older one."""
    future_timestamps_accepted: bool = True
    """A score dated ahead of the clock is stored, and blocks each later one; otherwise refused with 400."""
    unzoned_timestamps_read_as_local: bool = True
    """A timestamp without zone is read in the server's zone; otherwise refused with 400."""
    reason_repeats_body: bool = True
    """The reason phrase of a refused score ends with the request's whole body."""
    paging_links_malformed: bool = True
    """``Link`` of the line items has curly quotes and ``&amp;``, and names a next page that is empty."""
    page_size: int = 0
    """Entries on a page of line items, results or members where nobody asks for a limit; 0: all on one."""
    results_refuse_limit: bool = True
    """``results?limit=`` answers 404."""
    assistants_are_learners_in_roster: bool = True
    """Non-editing teachers are listed as Learner, although they launch as Instructor."""
    locked_grades_are_errors: bool = True
    """A score for a grade that a teacher has locked is answered 500 with ``[]``; otherwise 403."""
    suspended_are_gradable: bool = True
    """A suspended enrolment takes scores, although the roster leaves the person out."""
    same_site: str = "Lax"
    """SameSite of the platform's own session cookie."""
    frame_width: int = 860
    """Width in CSS pixels of an embedded tool on a screen of 1280 pixels; the side drawer takes the rest."""
    frame_height: int = 670
    """Height in CSS pixels of an embedded tool; it never grows with its content."""
    picker_size: tuple[int, int] = (770, 577)
    """Width and height in CSS pixels of the frame in which content is chosen."""
    registration_height: int = 800
    """Height in CSS pixels of the frame with the tool's registration page."""


MOODLE_4_5 = Profile(name="moodle-4.5")

STRICT = Profile(
    name="strict",
    product_family="practice",
    product_version="1",
    product_release="1",
    update_tokens_serve_again=False,
    registered_tools_wait=False,
    grades_scopes_come_together=False,
    deep_linking_sends_data=True,
    deep_linking_drops_label=False,
    deep_linking_drops_dates_and_window=False,
    deep_linking_points_whole_to_hundred=False,
    id_token_lifetime=300,
    audience_as_list=True,
    checks_assertion_audience=True,
    assertion_needs_everything=True,
    refuses_reused_assertion=True,
    token_replies_as_html=False,
    ungraded_scores_wipe=False,
    clamps_scores=False,
    same_second_conflicts=False,
    future_timestamps_accepted=False,
    unzoned_timestamps_read_as_local=False,
    reason_repeats_body=False,
    paging_links_malformed=False,
    page_size=2,
    results_refuse_limit=False,
    assistants_are_learners_in_roster=False,
    locked_grades_are_errors=False,
    suspended_are_gradable=False,
)

PROFILES = {profile.name: profile for profile in (MOODLE_4_5, STRICT)}
