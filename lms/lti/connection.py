"""The outgoing connection as the settings allow it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from lms.config import Settings
from lms.lti.access_tokens import AccessTokens
from lms.lti.http import OutgoingPolicy, PlatformHttp
from lms.lti.tool_keys import ToolKeyring


@dataclass(frozen=True, slots=True)
class PlatformServices:
    """What a call to a platform's services needs, kept for the life of the process."""

    http: PlatformHttp
    tokens: AccessTokens


def platform_http(settings: Settings) -> PlatformHttp:
    """Return the guarded client for this installation."""
    return PlatformHttp(
        OutgoingPolicy(
            allow_http_loopback=settings.is_loopback_http,
            allowed_networks=settings.allowed_networks,
            ca_bundle=settings.ca_bundle,
        )
    )


@lru_cache(maxsize=4)
def platform_services(settings: Settings) -> PlatformServices:
    """Return the client and the access tokens of this process."""
    http = platform_http(settings)
    return PlatformServices(http, AccessTokens(http, ToolKeyring(settings.keys)))
