"""The platform's clock, which can be set ahead or back of the real one."""

import time
from datetime import UTC, datetime


class Clock:
    """Real time plus an offset; it keeps running."""

    def __init__(self) -> None:
        self.offset = 0.0
        """Seconds that this clock is ahead of the real one; negative when it is behind."""

    def timestamp(self) -> float:
        """Epoch seconds on this clock."""
        return time.time() + self.offset

    def now(self) -> datetime:
        """The time on this clock, in UTC."""
        return datetime.fromtimestamp(self.timestamp(), UTC)

    def set(self, instant: datetime) -> None:
        """Put the clock to an aware instant; it goes on from there."""
        self.offset = instant.timestamp() - time.time()

    def advance(self, seconds: float) -> None:
        """Put the clock forward, or back when negative."""
        self.offset += seconds
