"""A browser in a few words, by which its owner knows it again: family and system, no version, nothing that tells two apart."""

from __future__ import annotations

_FAMILIES = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
"""In this order: most browsers name others' families after their own."""
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
)


def browser_words(user_agent: str) -> str | None:
    """Return for example ``Firefox, Windows``; None where neither is known."""
    found = [next((name for sign, name in known if sign in user_agent), None) for known in (_FAMILIES, _SYSTEMS)]
    return ", ".join(name for name in found if name) or None
