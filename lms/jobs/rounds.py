"""What the worker does, in turn."""

from __future__ import annotations

from lms.jobs.evidence_packs import make_wanted_pack
from lms.jobs.housekeeping import keep_house
from lms.jobs.ledger import run_sequencer
from lms.jobs.line_items import find_line_items
from lms.jobs.reconciliation import compare_gradebooks, want_nightly_comparisons
from lms.jobs.rosters import pull_rosters
from lms.jobs.scores import deliver_scores
from lms.jobs.selfcheck import check_nightly
from lms.jobs.worker import Round

ROUNDS: tuple[Round, ...] = (
    Round("ledger", run_sequencer),
    Round("line items", find_line_items),
    Round("scores", deliver_scores),
    Round("rosters", pull_rosters),
    Round("nightly comparison", want_nightly_comparisons),
    Round("gradebooks", compare_gradebooks),
    Round("housekeeping", keep_house),
    Round("self-check", check_nightly),
    Round("evidence packs", make_wanted_pack),
)
