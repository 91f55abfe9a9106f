"""What is wrong with a staff list or a list of units, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable

from courses.staff_lists import HEADINGS, MOST_PROBLEMS, UNIT_HEADINGS, Problem, ProblemCode, Remark, RemarkCode
from lms.wording.gettext import _, current_language


def column_label(column: str) -> str:
    """Return a column's heading in the language in force."""
    if current_language() == "en":
        return column
    headings = {**HEADINGS, **UNIT_HEADINGS}
    return next((heading for heading, named in headings.items() if named == column), column)


def problem_sentence(problem: Problem) -> str:
    """Return where a problem stands, what it is, and what to do."""
    return _placed(problem.row, problem.column, _PROBLEMS[problem.code](_facts(problem)))


def remark_sentence(remark: Remark) -> str:
    """Return where a remark belongs and what to look at."""
    facts: dict[str, object] = {"value": remark.value, "other": remark.other}
    return _placed(remark.row, remark.column, _REMARKS[remark.code](facts))


def problem_count_sentence(count: int) -> str:
    """Return how many problems there are, and whether all of them are shown."""
    if count > MOST_PROBLEMS:
        return _(
            "The file has %(count)s problems, of which the first %(shown)s are shown. Nothing was changed.",
            count=count,
            shown=MOST_PROBLEMS,
        )
    return _("The file was refused; problems: %(count)s. Nothing was changed.", count=count)


def _facts(problem: Problem) -> dict[str, object]:
    return {"value": problem.value, "number": problem.number, "column": column_label(problem.column or "")}


def _placed(row: int | None, column: str | None, sentence: str) -> str:
    if row is None:
        return sentence
    if column is None:
        return _("Row %(row)s: %(sentence)s", row=row, sentence=sentence)
    return _("Row %(row)s, column %(column)s: %(sentence)s", row=row, column=column_label(column), sentence=sentence)


_PROBLEMS: dict[ProblemCode, Callable[[dict[str, object]], str]] = {
    ProblemCode.WRONG_ENCODING: lambda facts: _(
        "The file is neither UTF-8 nor CP932 (Shift_JIS) text: it cannot be read at byte %(number)s (%(value)s)."
        " Save it again as CSV in UTF-8.",
        **facts,
    ),
    ProblemCode.EMPTY_FILE: lambda facts: _("The file has no rows beneath a heading. Check that it is the right file."),
    ProblemCode.TOO_MANY_ROWS: lambda facts: _(
        "The file has more than %(number)s rows. Divide it into several files.", **facts
    ),
    ProblemCode.BROKEN_QUOTES: lambda facts: _(
        "The text cannot be divided into cells from here on. Look for a quotation mark that is not closed."
    ),
    ProblemCode.RAGGED_ROW: lambda facts: _(
        "The row has %(value)s cells, the heading has %(number)s. Look for a missing or superfluous comma.", **facts
    ),
    ProblemCode.MISSING_COLUMN: lambda facts: _(
        "The column %(column)s is missing. Add it; its cells may be empty where there is nothing to say.", **facts
    ),
    ProblemCode.UNKNOWN_COLUMN: lambda facts: _(
        'The heading "%(value)s" is not known. Correct it or take the column out.', **facts
    ),
    ProblemCode.DUPLICATE_COLUMN: lambda facts: _(
        'The column %(column)s stands twice, here as "%(value)s". Take one of them out.', **facts
    ),
    ProblemCode.MISSING_VALUE: lambda facts: _("The cell is empty. Fill it in.", **facts),
    ProblemCode.DUPLICATE_STAFF_NUMBER: lambda facts: _(
        'The staff number "%(value)s" stands in row %(number)s already. One row per person.', **facts
    ),
    ProblemCode.DUPLICATE_UNIT: lambda facts: _(
        'The unit "%(value)s" stands in row %(number)s already. Take one of them out.', **facts
    ),
    ProblemCode.UNKNOWN_UNIT: lambda facts: _(
        'The unit "%(value)s" is not known. Correct it, or add the unit first (akashi unit add).', **facts
    ),
    ProblemCode.UNKNOWN_EMPLOYMENT: lambda facts: _(
        '"%(value)s" is no kind of employment. Write 常勤, 非常勤, 出向, 派遣 or 業者.', **facts
    ),
    ProblemCode.UNKNOWN_CATEGORY: lambda facts: _(
        '"%(value)s" is no category of staff. Write 教員, 事務職員, 技術職員, 学生 or 外部.', **facts
    ),
    ProblemCode.BAD_DATE: lambda facts: _(
        '"%(value)s" is not a date that can be read. Write it like 2026-04-01, 2026/4/1, 令和8年4月1日 or R8.4.1,'
        " and leave the cell empty where there is none.",
        **facts,
    ),
    ProblemCode.END_BEFORE_START: lambda facts: _(
        "The last day lies before the first. Correct one of the two dates.", **facts
    ),
    ProblemCode.FORMULA: lambda facts: _(
        '"%(value)s" starts like a formula (= + - @ or a tab). Write the value itself.', **facts
    ),
    ProblemCode.CONTROL_CHARACTER: lambda facts: _(
        'In "%(value)s" there is a line break, or a character that cannot be seen or was lost. Type the value again.',
        **facts,
    ),
    ProblemCode.TOO_LONG: lambda facts: _(
        '"%(value)s" is longer than %(number)s characters. Shorten it, and look for a missing comma.', **facts
    ),
}

_REMARKS: dict[RemarkCode, Callable[[dict[str, object]], str]] = {
    RemarkCode.FULL_WIDTH_NUMBER: lambda facts: _(
        'The staff number "%(value)s" is written in full-width characters; it is taken in plain ones.', **facts
    ),
    RemarkCode.PRIVATE_USE_CHARACTER: lambda facts: _(
        '"%(value)s" has a character of your computer\'s own (外字), which others cannot see.', **facts
    ),
    RemarkCode.VARIANT_SPELLING: lambda facts: _(
        '"%(value)s" and "%(other)s" differ only by variants of characters. Are they the same person?', **facts
    ),
    RemarkCode.SCOPE_WITHOUT_REASON: lambda facts: _(
        "There is no reason for the scope membership of %(value)s.", **facts
    ),
    RemarkCode.SCOPE_LEFT_EMPTY: lambda facts: _(
        "%(value)s has a scope membership, which is left as it is. To end it, write its first and its last day.",
        **facts,
    ),
    RemarkCode.SAME_PERSON: lambda facts: _(
        "%(value)s is new, but has the name of the known %(other)s, perhaps in other variants of its characters."
        " Are they the same person?",
        **facts,
    ),
    RemarkCode.LEADING_ZEROS: lambda facts: _(
        "%(value)s is new, and differs from the known %(other)s only by leading zeros. Were they lost in a spreadsheet?",
        **facts,
    ),
}
