"""The tool in front of a practice LMS, as for the pages' own tests."""

from tests.web.conftest import *  # noqa: F403 - its fixtures
