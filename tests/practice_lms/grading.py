"""What a score, a teacher's override and a reset do to a grade.

Source: LTI Assignment and Grade Services 2.0, "Score publish service"; the departures are named in the profile.
"""

from dataclasses import dataclass

from tests.practice_lms.model import Grade, LineItem
from tests.practice_lms.profiles import Profile


@dataclass(frozen=True)
class Score:
    """A score as the tool sent it, already checked for shape."""

    sub: str
    moment: int
    """The score's own timestamp in whole epoch seconds."""
    is_fully_graded: bool
    given: float | None
    maximum: float | None
    comment: str | None


class ScoreConflictError(Exception):
    """The stored grade is not older than the score."""

    def __init__(self, line_item_id: int, sub: str) -> None:
        super().__init__(f"Refusing score with an earlier timestamp for item {line_item_id} and user {sub}")


class ScoreOutOfRangeError(Exception):
    """The score is negative on a platform that does not force scores into the range."""


def apply_score(grade: Grade, score: Score, item: LineItem, profile: Profile) -> None:
    """Change the grade as the platform does.

    Raises:
        ScoreConflictError: See the profile's ``same_second_conflicts``.
        ScoreOutOfRangeError: See the profile's ``clamps_scores``.
    """
    if grade.modified is not None and _conflicts(grade.modified, score.moment, profile):
        raise ScoreConflictError(item.id, score.sub)
    points = _points(score, item, profile)
    if points is None and not profile.ungraded_scores_wipe:
        return
    grade.raw = points
    if grade.overridden:
        # Moodle keeps the final grade, the comment and the time of the override and still answers 200.
        return
    grade.final = points
    grade.comment = score.comment or None
    # Moodle forgets the time when neither grade nor comment is left: an older score is welcome then.
    grade.modified = None if points is None and grade.comment is None else score.moment


def override(grade: Grade, points: float | None, comment: str | None, now: int) -> None:
    """Put a teacher's points over whatever the tool sent; ``None`` empties the cell."""
    grade.final, grade.comment, grade.modified, grade.overridden = points, comment, now, True


def lift_override(grade: Grade) -> None:
    """Let the tool's own points count again; the stored time stays the override's."""
    grade.final, grade.overridden = grade.raw, False


def _conflicts(stored: int, moment: int, profile: Profile) -> bool:
    return stored >= moment if profile.same_second_conflicts else stored > moment


def _points(score: Score, item: LineItem, profile: Profile) -> float | None:
    if score.given is None or not score.is_fully_graded:
        return None
    points = score.given / score.maximum * item.maximum if score.maximum else score.given
    if profile.clamps_scores:
        return min(max(points, 0.0), item.maximum)
    if points < 0:
        raise ScoreOutOfRangeError(points)
    return points
