"""The outgoing connection as the settings allow it."""

from __future__ import annotations

from lms.config import Settings
from lms.lti.http import OutgoingPolicy, PlatformHttp


def platform_http(settings: Settings) -> PlatformHttp:
    """Return the guarded client for this installation."""
    return PlatformHttp(
        OutgoingPolicy(
            allow_http_loopback=settings.is_loopback_http,
            allowed_networks=settings.allowed_networks,
            ca_bundle=settings.ca_bundle,
        )
    )
