"""The platform's description of itself, which a tool reads when it registers.

Source: LTI Dynamic Registration 1.0, section 3.4; OpenID Connect Discovery 1.0; what Moodle 4.5.6 published (2026-11).
"""

from typing import TYPE_CHECKING, Any

from tests.practice_lms.faults import Fault, address_elsewhere
from tests.practice_lms.model import AGS_SCOPES, NRPS_SCOPE

if TYPE_CHECKING:
    from tests.practice_lms.lms import PracticeLms

PLATFORM_CONFIGURATION = "https://purl.imsglobal.org/spec/lti-platform-configuration"
_LINE_ITEM, _LINE_ITEM_READ, _RESULT, _SCORE = AGS_SCOPES
_SCOPES_SUPPORTED = (
    "https://purl.imsglobal.org/spec/lti-bo/scope/basicoutcome",
    _LINE_ITEM_READ,
    _RESULT,
    _SCORE,
    _LINE_ITEM,
    NRPS_SCOPE,
    "https://purl.imsglobal.org/spec/lti-ts/scope/toolsetting",
    "openid",
)
_VARIABLES = (
    "basic-lti-launch-request", "ContentItemSelectionRequest", "ToolProxyRegistrationRequest", "Context.id",
    "Context.title", "Context.label", "Context.id.history", "Context.sourcedId", "Context.longDescription",
    "Context.timeFrame.begin", "CourseSection.title", "CourseSection.label", "CourseSection.sourcedId",
    "CourseSection.longDescription", "CourseSection.timeFrame.begin", "CourseSection.timeFrame.end", "ResourceLink.id",
    "ResourceLink.title", "ResourceLink.description", "User.id", "User.username", "Person.name.full",
    "Person.name.given", "Person.name.family", "Person.email.primary", "Person.sourcedId", "Person.name.middle",
    "Person.address.street1", "Person.address.locality", "Person.address.country", "Person.address.timezone",
    "Person.phone.primary", "Person.phone.mobile", "Person.webaddress", "Membership.role", "Result.sourcedId",
    "Result.autocreate", "BasicOutcome.sourcedId", "BasicOutcome.url", "Moodle.Person.userGroupIds",
)  # fmt: skip


def configuration_url(lms: "PracticeLms") -> str:
    """Address of the openid configuration, which is not below ``.well-known`` in Moodle."""
    return f"{lms.config.issuer}/mod/lti/openid-configuration.php"


def openid_configuration(lms: "PracticeLms", fault: Fault | None = None) -> dict[str, Any]:
    """The platform's description of itself, with its endpoints where the fault says if it is one of that kind."""
    base = address_elsewhere(lms.config.issuer, f"{lms.config.issuer}/mod/lti", fault)
    return {
        "issuer": lms.config.issuer,
        "token_endpoint": f"{base}/token.php",
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS256"],
        "jwks_uri": f"{base}/certs.php",
        "authorization_endpoint": f"{base}/auth.php",
        "registration_endpoint": f"{base}/openid-registration.php",
        "scopes_supported": list(_SCOPES_SUPPORTED),
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public", "pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "claims_supported": ["sub", "iss", "name", "given_name", "family_name", "email"],
        PLATFORM_CONFIGURATION: {
            "product_family_code": lms.profile.product_family,
            "version": lms.profile.product_release,
            "messages_supported": [
                {"type": "LtiResourceLinkRequest"},
                {"type": "LtiDeepLinkingRequest", "placements": ["ContentArea"]},
            ],
            "variables": list(_VARIABLES),
        },
    }
