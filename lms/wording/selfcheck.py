"""The questions of the self-check, what was found, and judgements, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

from courses.selfcheck import Fact, Hit, Judgement, Rule, Treatment
from lms.wording.auditors import ground_label
from lms.wording.gettext import _
from lms.wording.permissions import role_label
from lms.wording.registers import date_label


def rule_title(rule: Rule | str) -> str:
    """Return a rule's name."""
    titles: dict[Rule, Callable[[], str]] = {
        Rule.NC05: lambda: _("Auditor excluded from the area"),
        Rule.NC06: lambda: _("Qualification not valid on the days of the audit"),
        Rule.NC08: lambda: _("Module version unknown or not adopted"),
        Rule.NC10: lambda: _("Obsolete pledge text"),
        Rule.NC11: lambda: _("Role without a competence requirement"),
        Rule.NC12: lambda: _("Exemption without approver, reason or end"),
        Rule.NC18: lambda: _("Qualified by attendance only"),
        Rule.NC19: lambda: _("One person wrote, approved and graded"),
    }
    return titles[Rule(rule)]()


def rule_question(rule: Rule | str) -> str:
    """Return the question that a rule asks."""
    questions: dict[Rule, Callable[[], str]] = {
        Rule.NC05: lambda: _("Did anybody audit an area from which they were excluded in the audited period, without an approved exception?"),
        Rule.NC06: lambda: _("Was every auditor qualified on each day of the audit?"),
        Rule.NC08: lambda: _("Is each module version that evidence names kept, and had a decision adopted it by that day?"),
        Rule.NC10: lambda: _("Did anybody sign a text that had been replaced, or still stand bound by one past the days for re-signing?"),
        Rule.NC11: lambda: _("Is there a competence requirement for every role that somebody holds?"),
        Rule.NC12: lambda: _("Does every exemption say who approved it, why, and until when?"),
        Rule.NC18: lambda: _("Has every appointed auditor with a course on record passed it, and not merely been there?"),
        Rule.NC19: lambda: _("Did one and the same person write the material, approve it and grade on it?"),
    }  # fmt: skip
    return questions[Rule(rule)]()


_KEYS = frozenset({"pledge", "requirement", "competence", "module", "area"})


def hit_sentence(hit: Hit, titles: Mapping[str, str]) -> str:
    """Return what was found, as a sentence without names.

    Args:
        hit: what a rule asks.
        titles: what the keys of pledges, requirements, modules and areas are called; one without a title stands for itself.
    """
    facts: Mapping[str, Fact] = {name: _in_words(name, value, titles) for name, value in hit.facts.items()}
    sentences: dict[Rule, Callable[[], str]] = {
        Rule.NC05: lambda: _("Audit %(audit)s, area %(area)s: excluded by %(grounds)s.", audit=facts["audit"], area=facts["area"], grounds=_grounds(str(facts["grounds"]))),
        Rule.NC06: lambda: _("Audit %(audit)s, area %(area)s: not qualified on %(first_day)s.", **facts),
        Rule.NC08: lambda: _version_sentence(facts),
        Rule.NC10: lambda: _pledge_sentence(facts),
        Rule.NC11: lambda: _("The role “%(role)s” is held (people: %(holders)s), and no requirement names it.", role=role_label(str(facts["role"])), holders=facts["holders"]),
        Rule.NC12: lambda: _("The exemption from %(requirement)s of %(valid_from)s lacks: %(lacking)s.", requirement=facts["requirement"], valid_from=facts["valid_from"], lacking=_lacking(str(facts["lacking"]))),
        Rule.NC18: lambda: _course_sentence(facts),
        Rule.NC19: lambda: _("The same person wrote, approved and graded %(competence)s.", **facts),
    }  # fmt: skip
    return sentences[hit.rule]()


def _in_words(name: str, value: Fact, titles: Mapping[str, str]) -> Fact:
    if isinstance(value, date):
        return date_label(value)
    return titles.get(str(value), str(value)) if name in _KEYS else value


def _grounds(text: str) -> str:
    return ", ".join(ground_label(each.partition(":")[0]) for each in text.split())


def _version_sentence(facts: Mapping[str, Fact]) -> str:
    if facts["problem"] == "not_kept":
        return _("Version %(version)s of %(module)s is not kept.", **facts)
    return _("Version %(version)s of %(module)s had not been adopted by that day.", **facts)


def _pledge_sentence(facts: Mapping[str, Fact]) -> str:
    if facts["problem"] == "signed_obsolete":
        return _("%(pledge)s: version %(signed_version)s was signed when version %(newer_version)s had been in effect since %(effective_on)s.", **facts)  # fmt: skip
    return _("%(pledge)s: bound by version %(signed_version)s, and version %(newer_version)s of %(effective_on)s was to be signed by now.", **facts)  # fmt: skip


def _course_sentence(facts: Mapping[str, Fact]) -> str:
    if facts["problem"] == "attended_only":
        return _("The course of %(completed_on)s was attended and not passed.", **facts)
    return _("The course of %(completed_on)s is recorded as passed, without marks and without a certificate.", **facts)


def _lacking(text: str) -> str:
    labels: dict[str, Callable[[], str]] = {
        "approver": lambda: _("approver"),
        "reason": lambda: _("reason"),
        "end": lambda: _("end date"),
    }
    return ", ".join(labels[each]() if each in labels else each for each in text.split())


def judgement_label(code: str) -> str:
    """Return a judgement in words; an empty one: nobody has judged yet."""
    labels: dict[str, Callable[[], str]] = {
        "": lambda: _("Not judged yet"),
        Judgement.NONCONFORMITY.value: lambda: _("Nonconformity"),
        Judgement.OBSERVATION.value: lambda: _("Observation"),
        Judgement.NOT_APPLICABLE.value: lambda: _("Not applicable"),
    }
    return labels[code]() if code in labels else code


def treatment_label(code: str) -> str:
    """Return a treatment in words."""
    labels: dict[str, Callable[[], str]] = {
        Treatment.NONE.value: lambda: _("None needed"),
        Treatment.ACCEPTED.value: lambda: _("Accepted until a day"),
        Treatment.CORRECTIVE_ACTION.value: lambda: _("Corrective action"),
    }
    return labels[code]() if code in labels else code


def decision_error(field: str) -> str:
    """Return what a decision on a hit lacks."""
    sentences: dict[str, Callable[[], str]] = {
        "judgement": lambda: _("Please choose a judgement."),
        "reason": lambda: _("Please give the reason."),
        "treatment": lambda: _("A nonconformity needs a treatment, and a hit that is not applicable needs none."),
        "approved_by": lambda: _("Name who approved the treatment; leave it empty where there is none."),
        "due_on": lambda: _("Give the treatment's day; leave it empty where there is none."),
        "closed": lambda: _("Only a treatment can be closed."),
    }
    return sentences[field]()
