"""``python -m lms.cli`` is the ``akashi`` command."""

from lms.cli.main import cli

cli()
