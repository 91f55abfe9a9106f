"""What is said about platforms, invitations to register and registrations, for pages and commands alike."""

from __future__ import annotations

from collections.abc import Callable

from lms.wording.gettext import _

_FIELDS: dict[str, Callable[[], str]] = {
    "name": lambda: _("Name in Akashi"),
    "issuer": lambda: _("Platform ID (issuer)"),
    "client_id": lambda: _("Client ID"),
    "deployments": lambda: _("Deployment IDs"),
    "deployment_id": lambda: _("Deployment IDs"),
    "authorization_url": lambda: _("Authentication request URL"),
    "token_url": lambda: _("Access token URL"),
    "keyset_url": lambda: _("Public keyset URL"),
    "trusted_audiences": lambda: _("Trusted audiences"),
    "trusts_staff_number": lambda: _("ID number is the staff number"),
    "succeeds_id": lambda: _("Stands in for"),
    "scopes": lambda: _("Granted services"),
    "product": lambda: _("Product"),
    "note": lambda: _("Note"),
    "days": lambda: _("Days"),
}

_PROBLEMS: dict[str, Callable[[str], str]] = {
    "missing": lambda field: _("“%(field)s” is missing.", field=field),
    "too_long": lambda field: _("“%(field)s” is too long.", field=field),
    "too_many": lambda field: _("“%(field)s” has too many lines.", field=field),
    "characters": lambda field: _("“%(field)s” holds characters that can't be shown.", field=field),
    "no_address": lambda field: _("“%(field)s” is no web address.", field=field),
    "not_https": lambda field: _("“%(field)s” has to begin with https://.", field=field),
    "other_site": lambda field: _("“%(field)s” names a registration of another site.", field=field),
    "circle": lambda field: _("“%(field)s” would lead back to this registration.", field=field),
    "range": lambda field: _("“%(field)s” is out of range.", field=field),
}

_SCOPES: dict[str, Callable[[], str]] = {
    "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem": lambda: _("make and change grade columns"),
    "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem.readonly": lambda: _("find grade columns"),
    "https://purl.imsglobal.org/spec/lti-ags/scope/result.readonly": lambda: _("read results"),
    "https://purl.imsglobal.org/spec/lti-ags/scope/score": lambda: _("send scores"),
    "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly": lambda: _("read participants"),
}

_STATES: dict[str, Callable[[], str]] = {
    "in_use": lambda: _("In use"),
    "unused": lambda: _("Nobody came yet"),
    "stopped": lambda: _("Stopped"),
}

_INVITATION_STATES: dict[str, Callable[[], str]] = {
    "open": lambda: _("Can be used"),
    "used": lambda: _("Used"),
    "revoked": lambda: _("Revoked"),
    "expired": lambda: _("Expired"),
}


def platform_field_label(field: str) -> str:
    """Return what a member of a registration is called."""
    return _FIELDS[field]()


def platform_fault_sentence(field: str, problem: str) -> str:
    """Return what is wrong with something entered."""
    return _PROBLEMS[problem](platform_field_label(field))


def scope_label(scope: str) -> str:
    """Return what a granted scope lets the tool do; an unknown one stands for itself."""
    return _SCOPES[scope]() if scope in _SCOPES else scope


def platform_state_label(state: str) -> str:
    """Return the state of a registration."""
    return _STATES[state]()


def invitation_state_label(state: str) -> str:
    """Return what became of an invitation to register."""
    return _INVITATION_STATES[state]()
