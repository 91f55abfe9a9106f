"""File 15: what the self-check asks, and how named people judged it.

Source: ISO/IEC 27001 clause 10.2; domain.md §6, §7.
"""

from __future__ import annotations

from courses.selfcheck import CLAUSES_OF, Rule
from lms.reports.evidence.pack import EventColumn
from lms.services.evidence.source import Source
from lms.services.evidence.tables import Table
from lms.services.selfcheck import judged_hits

SELF_CHECK = "15_self_check.csv"

_MEMBERS = ("judgement", "reason", "judged_on", "treatment", "due_on", "closed_on")


def self_check_table(source: Source) -> Table:
    """Return file 15."""
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
            ("rules", " ".join(rule.value for rule in Rule)),
            ("content", "every hit on the as-of date; a hit is a question, and not yet a finding"),
            ("judgement", "nonconformity, observation or not_applicable; empty: nobody has judged yet"),
        ),
    )
    moment = source.question.moment
    found = judged_hits(source.session, source.organisation_id, moment)
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
