"""The outgoing connection as the settings allow it."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
    return PlatformHttp(_policy(settings))


def registration_http(settings: Settings) -> PlatformHttp:
    """Return the guarded client for registrations, whose addresses nobody has checked yet.

    A registration is three calls while an administrator waits, and its documents are some kilobytes: 15 s in all, well
    before the server would end the request.
    """
    return PlatformHttp(replace(_policy(settings), timeout_seconds=4, total_seconds=5, max_bytes=200_000))


def probing_http(settings: Settings) -> PlatformHttp:
    """Return the guarded client for looking whether a platform answers, while somebody waits."""
    return PlatformHttp(replace(_policy(settings), timeout_seconds=3, total_seconds=5))


def _policy(settings: Settings) -> OutgoingPolicy:
    return OutgoingPolicy(
        allow_http_loopback=settings.is_loopback_http,
        allowed_networks=settings.allowed_networks,
        ca_bundle=settings.ca_bundle,
    )


@lru_cache(maxsize=4)
def platform_services(settings: Settings) -> PlatformServices:
    """Return the client and the access tokens of this process."""
    http = platform_http(settings)
    return PlatformServices(http, AccessTokens(http, ToolKeyring(settings.keys)))
