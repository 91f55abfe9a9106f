"""Kinds of evidence 証跡 and what each must carry to count.

Face-to-face, make-up and e-learning are declared equivalents, but each is held to its own fields: question versions are
demanded of our own tests only.

Source: ISO/IEC 27001 clause 7.2 d; domain.md §3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sized
from enum import StrEnum


class EvidenceKind(StrEnum):
    """The way in which a competence was shown, called *mode* in the registers."""

    OWN_TEST = "own_test"
    FACE_TO_FACE = "face_to_face"
    MAKE_UP = "make_up"
    EXTERNAL_COURSE = "external_course"
    SIGNATURE = "signature"
    """A signed pledge."""


TRAINING_KINDS = (EvidenceKind.FACE_TO_FACE, EvidenceKind.MAKE_UP, EvidenceKind.EXTERNAL_COURSE)
"""Kinds that are recorded by the secretariat, for training that was not taken in the tool."""


REQUIRED_FIELDS: Mapping[EvidenceKind, tuple[str, ...]] = {
    EvidenceKind.OWN_TEST: ("module", "module_version", "question_versions", "mark", "maximum", "pass_mark", "attempt"),
    EvidenceKind.FACE_TO_FACE: ("module", "session", "mark", "maximum", "pass_mark", "grader"),
    EvidenceKind.MAKE_UP: ("module", "session", "mark", "maximum", "pass_mark", "grader"),
    EvidenceKind.EXTERNAL_COURSE: ("provider", "certificate", "equivalence_verified_by"),
    EvidenceKind.SIGNATURE: ("text_version", "text_sha256", "signed_at", "method"),
}


class IncompleteEvidenceError(ValueError):
    """Evidence lacks what its kind must carry."""

    def __init__(self, kind: EvidenceKind, missing: tuple[str, ...]) -> None:
        super().__init__(f"{kind}: {', '.join(missing)}")
        self.kind = kind
        self.missing = missing


def missing_fields(kind: EvidenceKind, fields: Mapping[str, object]) -> tuple[str, ...]:
    """Return the required fields that are absent, empty or blank; zero marks are marks."""
    return tuple(name for name in REQUIRED_FIELDS[kind] if _is_empty(fields.get(name)))


def _is_empty(value: object) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, Sized) and len(value) == 0)


def check_evidence(kind: EvidenceKind, fields: Mapping[str, object]) -> None:
    """Refuse evidence that could not stand on its own.

    Raises:
        IncompleteEvidenceError: a required field is absent or empty.
    """
    missing = missing_fields(kind, fields)
    if missing:
        raise IncompleteEvidenceError(kind, missing)
