"""File 15: what the self-check asks, and how named people judged it.

Source: ISO/IEC 27001 clause 10.2; domain.md §6, §7.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from courses.selfcheck import CLAUSES_OF, RULES_TO_COME, Rule
from lms.reports.evidence.pack import EventColumn
from lms.services.evidence.source import Source
from lms.services.evidence.tables import Table
from lms.services.selfcheck import JudgedHit, judged_hits, unexamined

SELF_CHECK = "15_self_check.csv"
RULES = "15_rules.csv"

_MEMBERS = ("judgement", "reason", "judged_on", "treatment", "due_on", "closed_on")


def self_check_tables(source: Source) -> Iterator[Table]:
    """Yield file 15: the hits, and which rules were put."""
    found = judged_hits(source.session, source.organisation_id, source.question.moment)
    blind = unexamined(source.session, source.organisation_id, source.question.moment)
    yield _hits(source, found, blind)
    yield _rules(source, found, blind)


def _rules(source: Source, found: Sequence[JudgedHit], blind: frozenset[Rule]) -> Table:
    table = source.table(
        path=RULES,
        columns=("rule", "state", "hits", "clauses"),
        notes=(
            (
                "state",
                "run: put to the records; not_examined: put, and there was nothing that it could look at (NC19: the writers of the material are not recorded as people); not_run: not part of the tool yet",
            ),
            ("hits", "number of rows of 15_self_check.csv; empty where the rule looked at nothing"),
        ),
    )
    for rule in Rule:
        is_blind = rule in blind
        hits = sum(each.hit.rule is rule for each in found)
        state = "not_examined" if is_blind else "run"
        table.add(rule.value, state, "" if is_blind else hits, CLAUSES_OF[rule])
    for name in RULES_TO_COME:
        table.add(name, "not_run", "", "")
    return table


def _hits(source: Source, found: Sequence[JudgedHit], blind: frozenset[Rule]) -> Table:
    table = source.table(
        path=SELF_CHECK,
        columns=(
            *("rule", "hit", "clauses", "person", "facts", "detected", "judgement", "judged_by", "judged_on", "reason"),
            *("treatment", "approved_by", "due_on", "closed_on", "judgement_evidence_id", "evidence_id"),
        ),
        people=frozenset({"person"}),
        actors=frozenset({"judged_by", "approved_by"}),
        evidence=("judgement_evidence_id", "evidence_id"),
        values=tuple(EventColumn(name, "judgement_evidence_id", f"body.{name}") for name in _MEMBERS),
        notes=(
            ("rules", " ".join(rule.value for rule in Rule if rule not in blind)),
            ("rules_not_examined", " ".join(sorted(rule.value for rule in blind))),
            ("rules_not_run", " ".join(RULES_TO_COME)),
            ("content", "every hit on the as-of date; a hit is a question, and not yet a finding"),
            ("judgement", "nonconformity, observation or not_applicable; empty: nobody has judged yet"),
        ),
    )
    moment = source.question.moment
    judgements = [each.judgement.event_id for each in found if each.judgement is not None]
    events = source.evidence_ids([*judgements, *(event_id for each in found for event_id in each.hit.evidence)])
    for each in found:
        hit, judged = each.hit, each.judgement
        table.add(
            *(hit.rule.value, hit.key),
            CLAUSES_OF[hit.rule],
            hit.about[0] if hit.about else None,
            "; ".join(f"{name}={value}" for name, value in hit.facts.items()),
            moment.as_of,
            *((judged.judgement, judged.judged_by, judged.judged_on, judged.reason) if judged else ("",) * 4),
            *((judged.treatment, judged.approved_by, judged.due_on, judged.closed_on) if judged else ("",) * 4),
            events[judged.event_id] if judged else "",
            [events[event_id] for event_id in hit.evidence],
        )
    return table
