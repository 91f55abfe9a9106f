"""A refusal within a platform's frame can be read there: else the browser shows its own blank page instead of the words.

The pages show nothing of anybody and have no button, so that being framed does them no harm.

Source: lti.md rules 13 and 15.
"""

from __future__ import annotations

import re

from flask import request
from werkzeug.exceptions import HTTPException

from lms.lti.http import OutgoingRefused
from lms.services.launches import LoginRefused, platform_address_of
from lms.services.sessions import platform_address_of_session
from lms.store.platforms import Platform
from lms.web.request import end_reading, reading
from lms.web.security import NotLaunchedError, allow_frames_of

_IN_SESSION = re.compile(r"^/s/([0-9a-f]{16})/")


def allow_reading_in_its_frame(error: Exception) -> None:
    """Let the refusal be framed by the platform that it has to do with, if one is known."""
    address = _address(error)
    end_reading()
    if address is None:
        return
    try:
        allow_frames_of(address)
    except OutgoingRefused:  # of an unknown registration: what was sent is no address
        return


def _address(error: Exception) -> str | None:
    if isinstance(error, LoginRefused):
        if error.platform_id is not None:
            platform = reading().get(Platform, error.platform_id)
            return None if platform is None else platform.authorization_url
        return request.values.get("iss")  # nobody registered it: its administrator reads what to do
    if isinstance(error, NotLaunchedError | HTTPException):  # a visitor's own pages have said so before they failed
        match = _IN_SESSION.match(request.path)
        return None if match is None else platform_address_of_session(reading(), match[1])
    if request.endpoint == "launches.launch":
        return platform_address_of(reading(), request.form.get("state", ""))
    return None
