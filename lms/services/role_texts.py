"""The texts of roles that the tool ships."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

import yaml

from courses.role_texts import RoleText, read_role_text
from courses.roles import IsmsRole


@lru_cache
def shipped_role_texts() -> dict[IsmsRole, RoleText]:
    """Read the text of every role."""
    folder = files("courses") / "catalogue" / "roles"
    return {
        role: read_role_text(role, yaml.safe_load((folder / f"{role.value}.yaml").read_text("utf-8")))
        for role in IsmsRole
    }
