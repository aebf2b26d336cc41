"""What browsers say they are, in words."""

from __future__ import annotations

import pytest

from surveillance.dashboard.agents import browser_of, system_of

MOZILLA = "Mozilla/5.0"
KHTML = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("agent", "browser", "system"),
    [
        (f"{MOZILLA} (Windows NT 10.0; Win64; x64) {KHTML} Chrome/140.0 Safari/537.36", "Chrome", "Windows"),
        (f"{MOZILLA} (Windows NT 10.0; Win64; x64) {KHTML} Chrome/140.0 Safari/537.36 Edg/140.0", "Edge", "Windows"),
        (f"{MOZILLA} (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox", "Linux"),
        (f"{MOZILLA} (Macintosh; Intel Mac OS X 10_15_7) {KHTML} Version/18.1 Safari/605.1.15", "Safari", "macOS"),
        (f"{MOZILLA} (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Mobile Safari/604.1", "Safari", "iPhone"),
        (f"{MOZILLA} (iPad; CPU OS 18_1 like Mac OS X) CriOS/140.0 Mobile Safari/604.1", "Chrome", "iPad"),
        (f"{MOZILLA} (Linux; Android 15) {KHTML} SamsungBrowser/27 Chrome/125.0 Mobile Safari/537.36",
         "Samsung Internet", "Android"),
        (f"{MOZILLA} (X11; CrOS x86_64) {KHTML} Chrome/140.0 Safari/537.36", "Chrome", "ChromeOS"),
        ("curl/8.5.0", "curl", ""),
        ("python-requests/2.32", "Python", ""),
        ("", "", ""),
        ("\x00<script>", "", ""),
    ],
)  # fmt: skip
def test_an_agent_in_words(agent: str, browser: str, system: str) -> None:
    assert (browser_of(agent), system_of(agent)) == (browser, system)
