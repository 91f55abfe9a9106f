"""``akashi worker``: what runs in the background."""

from __future__ import annotations

import time

import click

from lms.cli.context import CommandContext
from lms.cli.restores import anchor_sentence
from lms.jobs.heartbeat import Heart
from lms.jobs.ledger import begin_ledgers
from lms.jobs.offices import office_of
from lms.jobs.rounds import ROUNDS
from lms.jobs.worker import SHORTEST_PAUSE, Worker
from lms.logs import configure_logging
from lms.services.anchors import AnchorError
from lms.store.key_files import check_key_files


@click.command("worker")
@click.option("--once", is_flag=True, help="Work until nothing is left, then end.")
@click.pass_obj
def worker(context: CommandContext, once: bool) -> None:
    """Do the work that pages leave for later, until a SIGTERM or SIGINT comes."""
    configure_logging(context.settings)
    check_key_files(context.settings.keys)
    try:
        begin_ledgers(context.database, context.settings, context.now())
    except AnchorError as refusal:
        raise click.ClickException(anchor_sentence(refusal)) from None
    heart = Heart(context.database, context.now())
    working = Worker(context.database, context.settings, ROUNDS, beat=heart.beat)
    if not once:
        working.run()
        heart.stop()
        return
    office = office_of(context.database)
    while working.run_once() or office.is_at_work():
        if office.is_at_work():  # a platform is slow to answer
            time.sleep(SHORTEST_PAUSE)
    heart.beat({}, context.now())
