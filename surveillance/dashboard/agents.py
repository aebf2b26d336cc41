"""What a browser says it is, in words: `Firefox on Windows`."""

from __future__ import annotations

import re

BROWSERS = (  # the first that fits: most claim to be several
    (r"Edg(?:e|A|iOS)?/", "Edge"),
    (r"OPR/|Opera", "Opera"),
    (r"SamsungBrowser/", "Samsung Internet"),
    (r"Firefox/|FxiOS/", "Firefox"),
    (r"HeadlessChrome/", "Chrome without a window"),
    (r"Chrome/|CriOS/|Chromium/", "Chrome"),
    (r"Version/[\d.]+.* Safari/", "Safari"),
    (r"^curl/", "curl"),
    (r"^(?:python|Python)", "Python"),
)
SYSTEMS = (
    (r"iPad", "iPad"),
    (r"iPhone|iPod", "iPhone"),
    (r"Android", "Android"),
    (r"Windows", "Windows"),
    (r"CrOS", "ChromeOS"),
    (r"Mac OS X|Macintosh", "macOS"),
    (r"Linux|X11", "Linux"),
)


def browser_of(agent: str) -> str:
    """The browser, empty where it is none that is known."""
    return next((word for pattern, word in BROWSERS if re.search(pattern, agent)), "")


def system_of(agent: str) -> str:
    """The system it runs on, empty where it does not say."""
    return next((word for pattern, word in SYSTEMS if re.search(pattern, agent)), "")
