"""What the tool says of itself to platforms: its addresses, what it asks for, and what its activities carry.

One place for both ways of registering: the request of a dynamic registration, and the page and command that say what to
type into a platform's form.

Source: LTI Dynamic Registration 1.0 §3.5 and §3.6; Moodle 4.5 takes ``domain``, ``claims`` and a ``scope`` of one string
(seen 2026-11).
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

_AGS: Final = "https://purl.imsglobal.org/spec/lti-ags/scope"
SCOPES: Final = (
    f"{_AGS}/lineitem",
    f"{_AGS}/lineitem.readonly",
    f"{_AGS}/result.readonly",
    f"{_AGS}/score",
    "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly",
)
"""Line items, results and scores of activities; rosters of courses."""
SCORE_SCOPE: Final = f"{_AGS}/score"

CLAIMS: Final = ("iss", "sub", "name", "given_name", "family_name")
"""Personal data that the tool asks for: names, for the linking queue. Never the e-mail address."""

CUSTOM_PARAMETERS: Final = {"context_history": "$Context.id.history"}
"""What every launch tells: of which courses its course is a copy. A platform that does not know the variable sends its
name, which counts as nothing; on Moodle 4.5 a tool's parameter goes before an activity's of the same name."""


@dataclass(frozen=True, slots=True)
class ToolFacts:
    """The tool's public address, and the others that follow from it."""

    base_url: str
    """Without a trailing slash."""

    @property
    def launch_url(self) -> str:
        """Tool URL and only redirection URI."""
        return f"{self.base_url}/lti/launch"

    @property
    def login_url(self) -> str:
        """Where a launch begins."""
        return f"{self.base_url}/lti/login"

    @property
    def keyset_url(self) -> str:
        """The tool's public keys."""
        return f"{self.base_url}/lti/jwks"

    @property
    def icon_url(self) -> str:
        """The picture that stands before each activity."""
        return f"{self.base_url}/static/icon.png"

    @property
    def domain(self) -> str:
        """Host, with the port where it is not the usual one: Moodle compares it with the tool URL's."""
        return urlsplit(self.base_url).netloc


def registration_request(tool: ToolFacts, known_scopes: Collection[str] | None) -> dict[str, Any]:
    """Return what a platform is asked to register.

    Args:
        tool: the tool's addresses.
        known_scopes: what the platform says it knows; others are not asked for. None: it says nothing.
    """
    scopes = [scope for scope in SCOPES if known_scopes is None or scope in known_scopes]
    return {
        "application_type": "web",
        "response_types": ["id_token"],
        "grant_types": ["implicit", "client_credentials"],
        "initiate_login_uri": tool.login_url,
        "redirect_uris": [tool.launch_url],
        "client_name": "Akashi",
        "client_name#ja": "Akashi（証）",
        "jwks_uri": tool.keyset_url,
        "logo_uri": tool.icon_url,
        "client_uri": tool.base_url,
        "token_endpoint_auth_method": "private_key_jwt",
        "scope": " ".join(scopes),
        "https://purl.imsglobal.org/spec/lti-tool-configuration": {
            "domain": tool.domain,
            "description": "Information-security training, tests, pledges and ISMS roles",
            "description#ja": "情報セキュリティの講習・テスト・誓約・ISMSの役割",
            "target_link_uri": tool.launch_url,
            "custom_parameters": dict(CUSTOM_PARAMETERS),
            "claims": list(CLAIMS),
            "messages": [
                {"type": "LtiResourceLinkRequest", "target_link_uri": tool.launch_url},
                {
                    "type": "LtiDeepLinkingRequest",
                    "target_link_uri": tool.launch_url,
                    "label": "Choose what to place",
                    "label#ja": "置くものを選ぶ",
                    "placements": ["ContentArea"],
                },
                {"type": "LtiSubmissionReviewRequest", "target_link_uri": tool.launch_url},
            ],
        },
    }
