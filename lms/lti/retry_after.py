"""How long a platform asks to be left alone.

Source: RFC 9110 section 10.2.3 (Retry-After).
"""

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from lms.lti.http import HttpReply

MAX_RETRY_AFTER_SECONDS: Final = 24 * 3600


def retry_after(reply: HttpReply, now: datetime) -> int | None:
    """Seconds to wait, from a number or a date, at most a day; None where the platform does not say."""
    text = reply.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:9]), MAX_RETRY_AFTER_SECONDS)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, IndexError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(0, math.ceil((moment - now).total_seconds())), MAX_RETRY_AFTER_SECONDS)
