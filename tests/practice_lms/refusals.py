"""How a service says no."""


class ServiceRefusedError(Exception):
    """A service call is refused; ``reason`` becomes the status line's reason phrase."""

    def __init__(self, status: int, reason: str, media_type: str = "") -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason
        self.media_type = media_type
        """Set when the service itself refuses, which then answers in its own media type with an empty list."""
