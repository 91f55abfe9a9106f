"""The one control of both time axes, on every page that shows a register: as of which date, as known when.

A page reads ``asked_moment()``, shows ``moment_control(moment)`` from ``macros.html`` and gives ``moment_arguments()`` to
the links that lead to other registers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from flask import request

from courses.calendar import jst_date
from lms.services.moments import check_known_at, checkpoint_covering, known_at_label, size_at_end_of
from lms.store.records import Moment
from lms.web.request import now, reading
from lms.web.security import visitor

AXES = ("as_of", "known_on", "known_at")
"""Arguments of an address that make its moment."""


class BadFilterError(ValueError):
    """A filter holds something that can't be filtered by."""

    def __init__(self, field: str, value: str) -> None:
        super().__init__(field, value)
        self.field = field
        self.value = value


@dataclass(frozen=True, slots=True)
class MomentShown:
    """What the control says of a moment."""

    is_past: bool
    """Whether it asks for another day than today, or for less than everything recorded."""
    known_label: str
    known_time: datetime | None
    """When the tree had the size asked for; None: everything recorded, or no checkpoint tells."""
    keep: tuple[tuple[str, str], ...]
    """The page's other arguments, which the control hands on."""


def asked_moment() -> Moment:
    """Return the moment that the address asks for: ``as_of`` (default: today) and ``known_at`` or ``known_on``.

    ``known_at`` is a size of the ledger's tree and goes before ``known_on``, a JST date whose end is meant. Neither:
    everything recorded.

    Raises:
        BadFilterError: an argument can't be read.
        lms.services.moments.UnknownTreeSizeError: the ledger never had this size.
    """
    as_of = asked_date("as_of") or jst_date(now())
    known_at = asked_size("known_at")
    known_on = asked_date("known_on")
    organisation_id = visitor().organisation.id
    if known_at is None and known_on is not None:
        known_at = size_at_end_of(reading(), organisation_id, known_on)
    check_known_at(reading(), organisation_id, known_at)
    return Moment(as_of, known_at)


def moment_shown(moment: Moment) -> MomentShown:
    """Return what the control says of a moment."""
    organisation_id = visitor().organisation.id
    time = None
    if moment.known_at:
        checkpoint = checkpoint_covering(reading(), organisation_id, moment.known_at)
        time = checkpoint.created_at if checkpoint else None
    return MomentShown(
        is_past=moment.known_at is not None or moment.as_of != jst_date(now()),
        known_label=known_at_label(reading(), organisation_id, moment.known_at),
        known_time=time,
        keep=tuple(
            (name, value) for name, value in request.args.items(multi=True) if name not in (*AXES, "page") and value
        ),
    )


def moment_arguments() -> dict[str, str]:
    """Return the arguments of the address that make its moment, for links that stay in it."""
    return {name: value for name in AXES if (value := request.args.get(name, "").strip())}


def asked_date(field: str) -> date | None:
    """Return the date in an argument; None where it is empty.

    Raises:
        BadFilterError: it is no date.
    """
    value = request.args.get(field, "").strip()
    try:
        return date.fromisoformat(value) if value else None
    except ValueError:
        raise BadFilterError(field, value) from None


def asked_size(field: str) -> int | None:
    """Return the count in an argument; None where it is empty.

    Raises:
        BadFilterError: it is no count.
    """
    value = request.args.get(field, "").strip()
    if not value:
        return None
    if not (value.isascii() and value.isdigit() and len(value) < 16):
        raise BadFilterError(field, value)
    return int(value)


def asked_one_of(field: str, allowed: set[str]) -> str | None:
    """Return the code in an argument; None where it is empty.

    Raises:
        BadFilterError: it is none of those allowed.
    """
    value = request.args.get(field) or None
    if value is not None and value not in allowed:
        raise BadFilterError(field, value)
    return value
