"""What `akashi doctor` says of each finding: what is so, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lms.wording.gettext import _
from lms.wording.keys import key_fault_sentence

_Words = Callable[[Mapping[str, str]], str]

_AREAS: dict[str, Callable[[], str]] = {
    "settings": lambda: _("Settings and addresses"),
    "files": lambda: _("Files and disks"),
    "database": lambda: _("Database"),
    "keys": lambda: _("Keys"),
    "worker": lambda: _("Worker"),
    "ledger": lambda: _("Ledger"),
    "organisation": lambda: _("Organisation"),
    "platforms": lambda: _("Platforms"),
    "deliveries": lambda: _("Grades and rosters"),
}

_LEVELS: dict[str, Callable[[], str]] = {
    "good": lambda: _("good"),
    "note": lambda: _("to be looked at"),
    "wrong": lambda: _("wrong"),
    "unknown": lambda: _("not known"),
}

_SAID: dict[str, _Words] = {
    "look_failed": lambda f: _("This could not be looked at (%(error)s).", **f),
    "base_https": lambda f: _("The public address is %(address)s.", **f),
    "base_http": lambda f: _("The tool runs on plain http, on this machine alone: %(address)s.", **f),
    "network_wide": lambda f: _("AKASHI_ALLOWED_NETWORKS opens all of %(network)s.", **f),
    "ca_bundle_good": lambda f: _("The certificate authorities in %(file)s can be read.", **f),
    "ca_bundle_bad": lambda f: _("The certificate authorities in %(file)s can't be read.", **f),
    "libraries_good": lambda f: _("All %(count)s packages have their pinned versions.", **f),
    "libraries_differ": lambda f: _("Packages differ from their pinned versions: %(names)s.", **f),
    "own_good": lambda f: _("Our public keys can be read at %(address)s.", **f),
    "own_not_asked": lambda f: _("From here %(address)s was not asked: %(reason)s.", **f),
    "own_unreachable": lambda f: _("Our public keys can't be read at %(address)s: %(reason)s.", **f),
    "own_other_keys": lambda f: _("%(address)s publishes other keys than those in this folder.", **f),
    "proxy_differs": lambda f: _("This page was asked for at %(found)s, not at %(wanted)s.", **f),
    "proxy_address": lambda f: _("The proxy does not say who asks: everybody comes from %(found)s.", **f),
    "proxy_good": lambda f: _("The proxy hands on the public address."),
    "files_good": lambda f: _("Folders and files belong to this account, and nobody else may read them."),
    "folder_exposed": lambda f: _("Others may read or change what lies in %(folder)s.", **f),
    "file_exposed": lambda f: _("Others may read the database %(file)s.", **f),
    "owner_differs": lambda f: _("%(file)s belongs to another account than the one that asks.", **f),
    "not_writable": lambda f: _("%(file)s can't be written.", **f),
    "disk_good": lambda f: _("%(megabytes)s MB are free at %(folder)s.", **f),
    "disk_low": lambda f: _("Only %(megabytes)s MB are free at %(folder)s.", **f),
    "disk_full": lambda f: _("The disk of %(folder)s is nearly full: %(megabytes)s MB are free.", **f),
    "sqlite_good": lambda f: _("SQLite %(version)s, with a write-ahead log that is flushed at each commit.", **f),
    "postgresql_good": lambda f: _("PostgreSQL %(version)s, flushed at each commit.", **f),
    "database_unsafe": lambda f: _("%(what)s is %(found)s, wanted: %(wanted)s.", **f),
    "schema_good": lambda f: _("The database is at revision %(revision)s.", **f),
    "schema_behind": lambda f: _("The database is at revision %(found)s; this version needs %(wanted)s.", **f),
    "triggers_good": lambda f: _("Triggers guard all %(count)s tables of records.", **f),
    "triggers_missing": lambda f: _("No trigger guards the records in: %(tables)s.", **f),
    "keys_good": lambda f: _("All %(count)s key files can be opened.", **f),
    "keys_plain": lambda f: _("Private keys are not encrypted."),
    "key_fault": lambda f: key_fault_sentence(f["kind"], f["name"]),
    "rotation_due": lambda f: _("Tool key %(number)s has signed for %(days)s days.", **f),
    "rotation_underway": lambda f: _("Tool key %(number)s waits for its time to sign (%(time)s).", **f),
    "key_spent": lambda f: _("Tool key %(number)s is not needed any more.", **f),
    "worker_good": lambda f: _("Workers at work: %(count)s, last seen %(seconds)s s ago.", **f),
    "worker_silent": lambda f: _("No worker has been seen for %(minutes)s minutes.", **f),
    "worker_never": lambda f: _("No worker is at work."),
    "round_fails": lambda f: _("The worker's round “%(name)s” fails: %(error)s.", **f),
    "ledger_good": lambda f: _("%(organisation)s: the ledger has %(size)s events, and none waits long.", **f),
    "ledger_waits": lambda f: _("%(organisation)s: %(count)s events wait for their place in the ledger.", **f),
    "anchor_unfit": lambda f: _("%(organisation)s: the ledger does not go on from its anchor %(file)s.", **f),
    "anchor_missing": lambda f: _("%(organisation)s: there is no anchor in %(folder)s.", **f),
    "secretariat_good": lambda f: _("%(organisation)s: people in the secretariat: %(count)s.", **f),
    "secretariat_none": lambda f: _("%(organisation)s: nobody has the rights of the secretariat today.", **f),
    "catalogue_none": lambda f: _("%(organisation)s: no module is adopted.", **f),
    "requirements_none": lambda f: _("%(organisation)s: nothing is asked of anybody.", **f),
    "account_none": lambda f: _("%(organisation)s: there is no emergency account.", **f),
    "platform_none": lambda f: _("%(organisation)s: no platform is registered.", **f),
    "deployments_none": lambda f: _("%(name)s: no deployment is accepted, so every launch is refused.", **f),
    "platform_unused": lambda f: _("%(name)s: nobody has come in by it yet.", **f),
    "keyset_failed": lambda f: _("%(name)s: its public keys were out of reach when they were last asked for.", **f),
    "issuer_http": lambda f: _("%(name)s: its address is not https: %(address)s.", **f),
    "keyset_good": lambda f: _("%(name)s: its public keys can be read.", **f),
    "keyset_unreachable": lambda f: _("%(name)s: its public keys can't be read at %(address)s: %(reason)s.", **f),
    "keyset_malformed": lambda f: _("%(name)s: what %(address)s answers is no key set.", **f),
    "clock_good": lambda f: _("%(name)s: its clock differs from ours by %(seconds)s seconds.", **f),
    "clock_apart": lambda f: _(
        "%(name)s: its clock differs from ours by %(seconds)s seconds; a launch is good for 60.", **f
    ),
    "token_good": lambda f: _("%(name)s: it gives a token for all services that we use.", **f),
    "token_refused": lambda f: _("%(name)s: it gives no token: %(reason)s.", **f),
    "token_unreachable": lambda f: _("%(name)s: %(address)s can't be reached: %(reason)s.", **f),
    "scopes_missing": lambda f: _("%(name)s: its token does not cover: %(scopes)s.", **f),
    "probe_late": lambda f: _("%(name)s: no answer in the time that there was.", **f),
    "outbox_good": lambda f: _("%(organisation)s: grades on their way: %(count)s, none of them for long.", **f),
    "outbox_waits": lambda f: _("%(organisation)s: %(count)s grades wait, the oldest for %(hours)s hours.", **f),
    "outbox_dead": lambda f: _("%(organisation)s: grades that Moodle refuses for good: %(count)s.", **f),
    "comparison_overdue": lambda f: _("%(organisation)s: gradebooks were not compared in the last 48 hours.", **f),
    "rosters_good": lambda f: _("%(organisation)s: courses with a fresh roster: %(count)s.", **f),
    "rosters_overdue": lambda f: _("%(organisation)s: rosters not pulled for three days: %(names)s.", **f),
}

_ADVICE: dict[str, _Words] = {
    "look_failed": lambda f: _("Look into the log; if it says no more, report it."),
    "base_http": lambda f: _("For trying out only. Set AKASHI_BASE_URL to an https address before anybody else uses it."),
    "network_wide": lambda f: _("Name only the networks in which a Moodle lives."),
    "ca_bundle_bad": lambda f: _("AKASHI_CA_BUNDLE names a PEM file that the service's account can read."),
    "libraries_differ": lambda f: _("Install them again as the administration page says: pip install --require-hashes -r requirements/run.txt"),
    "own_not_asked": lambda f: _("Try it from a machine outside. A private address needs AKASHI_ALLOWED_NETWORKS to be asked from here."),
    "own_unreachable": lambda f: _("Moodle must read this address to believe our calls. Look at the name's address, the proxy, the certificate and the firewall."),
    "own_other_keys": lambda f: _("Another installation answers there, or the pages run with another AKASHI_KEYS_DIR."),
    "proxy_differs": lambda f: _("The proxy must set Host, X-Forwarded-Host, X-Forwarded-Proto and X-Forwarded-For, as the administration page shows."),
    "proxy_address": lambda f: _("It must set X-Forwarded-For: else limits count everybody together, and signatures keep a wrong address."),
    "folder_exposed": lambda f: f"chmod 700 {f['folder']}",
    "file_exposed": lambda f: f"chmod 600 {f['file']}",
    "owner_differs": lambda f: _("Run commands as the service's account, and give it what it owns: chown."),
    "not_writable": lambda f: _("Look at its permissions, and whether its disk is mounted for reading only."),
    "disk_low": lambda f: _("Make room before it is full: pages then answer 503, and nothing is recorded."),
    "disk_full": lambda f: _("Make room now: nothing will be recorded soon."),
    "database_unsafe": lambda f: _("The tool does not start on it: a crash could take back what was acknowledged."),
    "schema_behind": lambda f: _("Back up, stop the services, and run: akashi db migrate"),
    "triggers_missing": lambda f: _("Ask who took them away. akashi db migrate sets them again; then akashi ledger verify."),
    "keys_plain": lambda f: _("Whoever gets a copy of the folder has them. Set AKASHI_KEYS_PASSPHRASE_FILE and run: akashi keys encrypt"),
    "rotation_due": lambda f: _("Make a new one: akashi keys rotate"),
    "key_spent": lambda f: _("Take it away: akashi keys retire %(number)s", **f),
    "worker_silent": lambda f: _("Start the service akashi-worker, and look into its log. Without it no grade reaches Moodle."),
    "worker_never": lambda f: _("Start the service akashi-worker. Without it no grade reaches Moodle and the ledger does not grow."),
    "round_fails": lambda f: _("The worker's log tells where. It tries again by itself."),
    "ledger_waits": lambda f: _("The worker gives places. If it runs, look into its log: the ledger's key may be missing."),
    "anchor_unfit": lambda f: _("Records may be missing. Read “Anchors” on the administration page before anything else."),
    "anchor_missing": lambda f: _("Was the folder moved? The worker writes anchors anew; without them nobody sees that an old backup was put back."),
    "secretariat_none": lambda f: "akashi grant secretariat STAFF-NUMBER",
    "catalogue_none": lambda f: "akashi catalogue adopt",
    "requirements_none": lambda f: "akashi requirement adopt-defaults",
    "account_none": lambda f: _("When no Moodle works, nobody comes in: akashi account add"),
    "platform_none": lambda f: _("Invite one: akashi platform invite"),
    "deployments_none": lambda f: "akashi platform deployment ISSUER CLIENT-ID DEPLOYMENT-ID",
    "platform_unused": lambda f: _("In Moodle a new tool is pending and not in the activity chooser: see the page on Moodle. If it is not wanted, stop it."),
    "keyset_failed": lambda f: _("Launches go on with the keys known so far. Let the doctor ask the platform."),
    "issuer_http": lambda f: _("Whoever is on the way can read and change launches. Have Moodle moved to https and register it anew."),
    "keyset_unreachable": lambda f: _("No launch can be verified once its keys change. Try it with curl from this server; private addresses need AKASHI_ALLOWED_NETWORKS, an own authority AKASHI_CA_BUNDLE."),
    "keyset_malformed": lambda f: _("Compare the public keyset URL with the one that Moodle shows."),
    "clock_apart": lambda f: _("Let both servers follow a time server."),
    "token_refused": lambda f: _("In Moodle, look at the tool's public keyset URL, its services, and whether it can reach our address."),
    "token_unreachable": lambda f: _("No grade can be delivered. Try the address with curl from this server."),
    "scopes_missing": lambda f: _("In Moodle, open the tool's settings, Services: grades and columns to be synchronised, and members to be retrieved."),
    "probe_late": lambda f: _("Ask again; if it stays so, the platform is very slow or out of reach."),
    "outbox_waits": lambda f: _("Does the worker run? Does Moodle answer, and give a token? They are sent by themselves once that is mended."),
    "outbox_dead": lambda f: _("The page of deliveries tells why and what to do."),
    "comparison_overdue": lambda f: _("The worker does it at night. Does it run?"),
    "rosters_overdue": lambda f: _("The page of rosters tells why each failed."),
}  # fmt: skip


def area_label(area: str) -> str:
    """Return the heading of an area; an unknown one stands for itself."""
    return _AREAS[area]() if area in _AREAS else area


def level_label(level: str) -> str:
    """Say how bad a finding is; an unknown level stands for itself."""
    return _LEVELS[level]() if level in _LEVELS else level


def finding_sentence(code: str, facts: Mapping[str, str]) -> str:
    """Say what was found; an unknown code stands for itself."""
    return _SAID[code](facts) if code in _SAID else code


def finding_advice(code: str, facts: Mapping[str, str]) -> str:
    """Say what to do; empty where nothing is to be done."""
    return _ADVICE[code](facts) if code in _ADVICE else ""
