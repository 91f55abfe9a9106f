"""Analyses of a pool of auditors in words: verdicts, reasons, ways out, and what is wrong with a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from courses.programme.model import ExclusionKind, Pool
from courses.programme.pool_files import MOST_PROBLEMS, FileProblem, FileProblemCode, Wanted
from courses.programme.results import Fact, FactKind, Repair, RepairKind, Verdict, Witness
from lms.wording.gettext import _, current_language

MOST_NAMES = 12
"""So many ids stand in a sentence; further ones are counted."""


def verdict_label(verdict: Verdict) -> str:
    """Return a verdict in one word or two."""
    return {
        Verdict.FEASIBLE: _("Feasible"),
        Verdict.INFEASIBLE: _("Infeasible"),
        Verdict.CANNOT_TELL: _("Cannot tell"),
    }[verdict]


def verdict_sentence(verdict: Verdict) -> str:
    """Return what a verdict means."""
    return {
        Verdict.FEASIBLE: _("Every area gets a team, whatever the undeclared auditors say."),
        Verdict.INFEASIBLE: _("Some area gets no team, whatever the undeclared auditors say."),
        Verdict.CANNOT_TELL: _("Whether every area gets a team depends on declarations that are missing."),
    }[verdict]


def names(ids: Iterable[str], most: int = MOST_NAMES) -> str:
    """Return ids in a row; beyond some, how many more there are."""
    every = list(ids)
    comma = "、" if current_language() == "ja" else ", "
    if len(every) <= most:
        return comma.join(every) or _("none")
    return _("%(names)s and %(count)s more", names=comma.join(every[:most]), count=len(every) - most)


def fact_sentence(fact: Fact) -> str:
    """Return one fact that keeps an auditor from a team."""
    facts: dict[str, object] = {
        "auditor": fact.auditor,
        "area": fact.area,
        "skill": fact.skill,
        "day": fact.day.isoformat() if fact.day else "",
    }
    if fact.kind is FactKind.EXCLUDED and fact.ground is not None:
        return _GROUNDS[fact.ground](facts)
    return _FACTS[fact.kind](facts)


def witness_sentences(pool: Pool, witness: Witness) -> list[str]:
    """Return why an area gets no team, fact by fact."""
    area = next(each for each in pool.areas if each.id == witness.area)
    first = _(
        "Area %(area)s gets no team: it needs %(k)s auditors, and %(count)s are eligible (%(eligible)s).",
        area=witness.area,
        k=pool.k,
        count=len(witness.eligible),
        eligible=names(witness.eligible),
    )
    asked = []
    if pool.leaders_per_team:
        asked.append(_("Of a team, %(count)s must be allowed to lead.", count=pool.leaders_per_team))
    if area.skills:
        asked.append(_("Together the team must have these skills: %(skills)s.", skills=names(sorted(area.skills))))
    return [first, *asked, *map(fact_sentence, witness.facts)]


def repair_sentence(repair: Repair) -> str:
    """Return one way to close an area's gap."""
    return _REPAIRS[repair.kind]({"count": repair.count, "auditors": names(repair.auditors)})


def file_problem_sentence(problem: FileProblem) -> str:
    """Return where a problem of a file stands, and what it is."""
    line, _colon, column = problem.other.partition(":")
    facts: dict[str, object] = {
        "value": problem.value,
        "limit": problem.limit,
        "other": problem.other,
        "line": line,
        "column": column,
        "wanted": _WANTED[problem.wanted]() if problem.wanted else "",
    }
    sentence = _PROBLEMS[problem.code](facts)
    return f"{problem.pointer}: {sentence}" if problem.pointer else sentence


def file_problem_count_sentence(count: int) -> str:
    """Return how many problems a file has, and whether all of them are shown."""
    if count > MOST_PROBLEMS:
        return _(
            "The file was refused; it has %(count)s problems, of which the first %(shown)s are shown.",
            count=count,
            shown=MOST_PROBLEMS,
        )
    return _("The file was refused; problems: %(count)s.", count=count)


_Facts = dict[str, object]

_GROUNDS: dict[ExclusionKind, Callable[[_Facts], str]] = {
    ExclusionKind.WORKS_IN: lambda facts: _("%(auditor)s works in %(area)s.", **facts),
    ExclusionKind.LINE_AUTHORITY: lambda facts: _("%(auditor)s has line authority over %(area)s.", **facts),
    ExclusionKind.AUTHORSHIP: lambda facts: _("%(auditor)s wrote documents of %(area)s.", **facts),
    ExclusionKind.CONSULTANCY: lambda facts: _("%(auditor)s is a consultant to %(area)s.", **facts),
    ExclusionKind.DECLARED_INTEREST: lambda facts: _("%(auditor)s has declared an interest in %(area)s.", **facts),
    ExclusionKind.CONFLICT: lambda facts: _("%(auditor)s has a conflict with %(area)s.", **facts),
}

_FACTS: dict[FactKind, Callable[[_Facts], str]] = {
    FactKind.EXCLUDED: lambda facts: _("%(auditor)s is excluded from %(area)s.", **facts),
    FactKind.NOT_VALID: lambda facts: _("%(auditor)s was qualified until %(day)s only.", **facts),
    FactKind.NOT_YET_VALID: lambda facts: _("%(auditor)s is qualified from %(day)s only.", **facts),
    FactKind.UNDECLARED: lambda facts: _("%(auditor)s has not declared interests.", **facts),
    FactKind.MAY_NOT_LEAD: lambda facts: _("%(auditor)s may not lead.", **facts),
    FactKind.LACKS_SKILL: lambda facts: _("%(auditor)s does not have the skill %(skill)s.", **facts),
}

_REPAIRS: dict[RepairKind, Callable[[_Facts], str]] = {
    RepairKind.DECLARE: lambda facts: _("Obtain declarations from %(count)s of: %(auditors)s.", **facts),
    RepairKind.RENEW: lambda facts: _("Renew the qualification of %(count)s of: %(auditors)s.", **facts),
    RepairKind.TRAIN: lambda facts: _("Train %(count)s of: %(auditors)s.", **facts),
    RepairKind.LET_LEAD: lambda facts: _("Qualify as leaders %(count)s of: %(auditors)s.", **facts),
    RepairKind.TEACH: lambda facts: _("Teach the skills that lack to %(count)s of: %(auditors)s.", **facts),
    RepairKind.EXCEPT: lambda facts: _(
        "Approve an exception with mitigation, or end what excludes, for %(count)s of: %(auditors)s.", **facts
    ),
    RepairKind.FIND: lambda facts: _("Find further auditors: %(count)s.", **facts),
}

_WANTED: dict[Wanted, Callable[[], str]] = {
    Wanted.OBJECT: lambda: _("an object"),
    Wanted.LIST: lambda: _("a list"),
    Wanted.TEXT: lambda: _("a text"),
    Wanted.YES_OR_NO: lambda: _("true or false"),
    Wanted.NUMBER: lambda: _("a number"),
    Wanted.WHOLE_NUMBER: lambda: _("a whole number"),
}

_PROBLEMS: dict[FileProblemCode, Callable[[_Facts], str]] = {
    FileProblemCode.TOO_LARGE: lambda facts: _("The file has more than %(limit)s bytes.", **facts),
    FileProblemCode.NOT_UTF8: lambda facts: _(
        "The file is not UTF-8 text: it cannot be read at byte %(limit)s.", **facts
    ),
    FileProblemCode.NOT_JSON: lambda facts: _(
        "The file is not JSON: it cannot be read at line %(line)s, column %(column)s.", **facts
    ),
    FileProblemCode.TOO_DEEP: lambda facts: _("Lists and objects are nested too deep in the file."),
    FileProblemCode.WRONG_TYPE: lambda facts: _("%(value)s is not %(wanted)s.", **facts),
    FileProblemCode.UNKNOWN_MEMBER: lambda facts: _("There is no member %(value)s here.", **facts),
    FileProblemCode.MISSING_MEMBER: lambda facts: _("The member %(value)s is missing.", **facts),
    FileProblemCode.REPEATED_MEMBER: lambda facts: _("The member %(value)s is there more than once.", **facts),
    FileProblemCode.TOO_FEW: lambda facts: _("The list has %(value)s entries; at least %(limit)s are needed.", **facts),
    FileProblemCode.TOO_MANY: lambda facts: _(
        "The list has %(value)s entries; at most %(limit)s are allowed.", **facts
    ),
    FileProblemCode.BAD_TEXT: lambda facts: _(
        "“%(value)s” is not a text of 1 to %(limit)s printable characters.", **facts
    ),
    FileProblemCode.BAD_DATE: lambda facts: _("%(value)s is not a date of the form 2026-11-30.", **facts),
    FileProblemCode.NOT_A_NUMBER: lambda facts: _("%(value)s is not a number that can be used.", **facts),
    FileProblemCode.NEGATIVE: lambda facts: _("%(value)s is negative.", **facts),
    FileProblemCode.OUT_OF_RANGE: lambda facts: _("%(value)s is beyond the limit %(limit)s.", **facts),
    FileProblemCode.TOO_MANY_DECIMALS: lambda facts: _("%(value)s has more than %(limit)s decimals.", **facts),
    FileProblemCode.DUPLICATE_ID: lambda facts: _("%(value)s is already there at %(other)s.", **facts),
    FileProblemCode.UNKNOWN_AREA: lambda facts: _("There is no area %(value)s.", **facts),
}
