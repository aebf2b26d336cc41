"""Words that are values in sentences on record, and what such sentences are put together with."""

WORDS = (
    *("camera", "door", "zone", "line", "mask", "schedule", "person", "group", "target", "place"),
    *("badge", "card", "pin", "plate", "face", "credential", "user", "role", "scope", "token", "key"),
    *("rule", "label", "model", "mode", "job"),
    *("text", "number", "truth", "set"),
    *("open", "lock", "unlock", "block", "lock_down", "lock_down_release"),
    *("locked", "unlocked", "accessed", "blocked", "unknown", "locked down", "locked open", "double locked"),
    *("live", "lost", "frozen", "blinded", "moved", "stale"),
    *("black", "white", "gray", "main", "sub", "in", "out"),
    ", and ",
)
JOINTS = (": ", "; ", ", and ", " (")


def N_(words: str) -> str:  # noqa: N802  what gettext tools look for
    """Words to be translated when they are said."""
    return words
