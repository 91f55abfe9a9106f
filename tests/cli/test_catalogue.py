"""``akashi catalogue``: proofreading what is shipped, and adopting it, whole or in part."""

from __future__ import annotations

from pathlib import Path

from courses.awareness import LANGUAGES
from lms.services.shipped import shipped_catalogue
from tests.cli.test_commands import FOLDER, Terminal, installed, terminal

__all__ = ["installed", "terminal"]

DECISION = ("--decision", "議題3", "--approved-by", "委員会")


def test_proofreading_lists_every_module_with_its_minutes(terminal: Terminal) -> None:
    printed = terminal.done("catalogue", "check")
    for each in shipped_catalogue():
        assert f"{each.module.key} " in printed
    assert "Nothing to mend." in printed
    assert all(f"{language}: " in printed for language in LANGUAGES)


def test_what_is_copied_from_a_standard_is_named(terminal: Terminal, tmp_path: Path) -> None:
    some = shipped_catalogue()[0]
    standard = tmp_path / "standard.txt"
    standard.write_text("Before. " + some.module.body["en"].sections[0].markdown + " After.", "utf-8")
    printed = terminal.refused("catalogue", "check", "--against", standard)
    assert (
        f"{some.module.key}: copied: body#{some.module.body['en'].sections[0].section_id} (en), standard.txt" in printed
    )
    standard.write_text("Nothing of ours.", "utf-8")
    assert "Nothing to mend." in terminal.done("catalogue", "check", "--against", standard)


def test_values_that_only_the_organisation_can_give_come_first(terminal: Terminal) -> None:
    terminal.done("organisation", "add", "kakuu", "架空大学", "Kakuu University")
    refused = terminal.refused("catalogue", "adopt", *DECISION)
    assert "Set these values first" in refused
    assert "contact_phone" in refused
    assert "backup_rule" not in refused
    terminal.done("parameters", "set", FOLDER / "parameters.yaml")
    printed = terminal.done("catalogue", "adopt", *DECISION)
    assert printed.count("\n") == len(shipped_catalogue()) + 1


def test_what_is_adopted_already_is_not_adopted_twice(installed: Terminal) -> None:
    assert "are adopted from that day already" in installed.refused("catalogue", "adopt", *DECISION)


def test_values_that_do_not_fit_are_named(terminal: Terminal, tmp_path: Path) -> None:
    terminal.done("organisation", "add", "kakuu", "架空大学", "Kakuu University")
    file = tmp_path / "values.yaml"
    file.write_text('policy_url: {ja: "javascript:alert(1)", en: "https://a.invalid/"}', "utf-8")
    assert "policy_url (ja): An address begins with" in terminal.refused("parameters", "set", file)


def test_one_module_is_adopted_alone(terminal: Terminal) -> None:
    terminal.done("organisation", "add", "kakuu", "架空大学", "Kakuu University")
    terminal.done("parameters", "set", FOLDER / "parameters.yaml")
    key = shipped_catalogue()[1].module.key
    printed = terminal.done("catalogue", "adopt", *DECISION, "--module", key, "--effective-on", "2027-04-01")
    assert printed.splitlines()[0].startswith(key)
    assert printed.count("\n") == 2
    assert "Adopted from 2027-04-01" in printed
    assert "no module “unknown”" in terminal.refused("catalogue", "adopt", *DECISION, "--module", "unknown")
