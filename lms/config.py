"""Settings from the environment, frozen at start; a bad value stops the start with its name.

Source: docs/administration.md lists every variable for administrators.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class BadSettingError(ValueError):
    """An environment variable has a value that the tool cannot work with."""

    def __init__(self, name: str, value: str, wanted: str) -> None:
        super().__init__(f"{name}={value!r}: {wanted}")
        self.name = name
        self.value = value
        self.wanted = wanted


@dataclass(frozen=True, slots=True)
class KeyFolder:
    """Where private keys lie, and where the passphrase is read with which they are encrypted."""

    path: Path
    passphrase_file: Path | None = None
    """None: keys lie there unencrypted."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of one running tool."""

    database_url: str
    """SQLAlchemy address: ``sqlite:///path`` or ``postgresql+psycopg://…``."""
    base_url: str
    """Public address of the tool without a trailing slash; platforms are told this one."""
    keys_dir: Path
    """Folder of the tool's private keys, readable by the service account alone."""
    anchors: Path | None = None
    """Folder of anchors, if they do not lie beside the keys' folder; see `anchor_dir`."""
    spool: Path | None = None
    """Folder of files that wait to be downloaded, if they do not lie beside the keys' folder; see `spool_dir`."""
    allowed_networks: tuple[Network, ...] = ()
    """Private networks in which platforms may live; public addresses need no entry."""
    ca_bundle: str | None = None
    """File of certificate authorities for outgoing https, in place of the system's own."""
    log_format: Literal["json", "console"] = "json"
    default_language: Literal["ja", "en"] = "ja"
    keys_passphrase_file: Path | None = None
    """File of the passphrase for private keys; the passphrase itself stands in no setting, so that no log can hold it."""

    @property
    def is_loopback_http(self) -> bool:
        """Tell whether the tool runs on plain http on this machine, as in first steps and development."""
        parts = urlsplit(self.base_url)
        return parts.scheme == "http"

    @property
    def keys(self) -> KeyFolder:
        """The tool's private keys."""
        return KeyFolder(self.keys_dir, self.keys_passphrase_file)

    @property
    def anchor_dir(self) -> Path:
        """Folder in which the newest checkpoint of each ledger is kept outside the database."""
        return self.anchors or self.keys_dir.parent / "anchors"

    @property
    def spool_dir(self) -> Path:
        """Folder in which files lie that were made by the worker and wait to be downloaded."""
        return self.spool or self.keys_dir.parent / "spool"

    @property
    def launch_url(self) -> str:
        """The redirect URI that platforms send id_tokens to."""
        return f"{self.base_url}/lti/launch"


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read all settings from the environment.

    Raises:
        BadSettingError: a variable has a value that the tool cannot work with.
    """
    database_url = environment.get("AKASHI_DATABASE_URL", "sqlite:///var/akashi.sqlite")
    return Settings(
        database_url=_database_url(database_url),
        base_url=_base_url(environment.get("AKASHI_BASE_URL", "http://127.0.0.1:8000")),
        keys_dir=Path(environment.get("AKASHI_KEYS_DIR", "var/keys")),
        keys_passphrase_file=Path(file) if (file := environment.get("AKASHI_KEYS_PASSPHRASE_FILE")) else None,
        anchors=Path(anchors) if (anchors := environment.get("AKASHI_ANCHOR_DIR")) else None,
        spool=Path(spool) if (spool := environment.get("AKASHI_SPOOL_DIR")) else None,
        allowed_networks=_networks(environment.get("AKASHI_ALLOWED_NETWORKS", "")),
        ca_bundle=environment.get("AKASHI_CA_BUNDLE") or None,
        log_format=_one_of("AKASHI_LOG_FORMAT", environment.get("AKASHI_LOG_FORMAT", "json"), ("json", "console")),  # type: ignore[arg-type]  # checked against the same literals
        default_language=_one_of("AKASHI_LANGUAGE", environment.get("AKASHI_LANGUAGE", "ja"), ("ja", "en")),  # type: ignore[arg-type]  # checked against the same literals
    )


def _database_url(value: str) -> str:
    if value.startswith(("sqlite:///", "postgresql+psycopg://")):
        return value
    if value.startswith("postgresql://"):
        return value.replace("postgresql://", "postgresql+psycopg://", 1)
    raise BadSettingError(
        "AKASHI_DATABASE_URL", value.rsplit("@", maxsplit=1)[-1], "starts with sqlite:/// or postgresql://"
    )


def _base_url(value: str) -> str:
    parts = urlsplit(value)
    is_loopback = parts.hostname in {"127.0.0.1", "localhost", "::1"}
    if not parts.hostname or parts.path.strip("/") or parts.query:
        raise BadSettingError("AKASHI_BASE_URL", value, "a scheme, a host and perhaps a port, nothing more")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback):
        raise BadSettingError("AKASHI_BASE_URL", value, "https; plain http only on this machine's own address")
    return value.rstrip("/")


def _networks(value: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in value.split(",") if part.strip())
    except ValueError:
        raise BadSettingError("AKASHI_ALLOWED_NETWORKS", value, "networks such as 10.1.0.0/16, with commas") from None


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise BadSettingError(name, value, "one of " + ", ".join(allowed))
    return value
