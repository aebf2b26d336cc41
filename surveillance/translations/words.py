"""Words that are values in sentences on record, and what such sentences are put together with."""

WORDS = (
    *("camera", "door", "zone", "line", "mask", "schedule", "person", "group", "target", "place"),
    *("badge", "card", "pin", "plate", "face", "credential", "user", "role", "scope", "token", "key"),
    *("rule", "label", "model", "mode", "job"),
    *("text", "number", "truth", "set"),
    *("relay", "relock", "contact", "exit", "reader", "failed", "skipped", "granted", "denied"),
    *("open", "lock", "unlock", "block", "lock_down", "lock_down_release"),
    *("locked", "unlocked", "accessed", "blocked", "unknown", "locked down", "locked open", "double locked"),
    *("live", "lost", "frozen", "blinded", "moved", "stale"),
    *("black", "white", "gray", "main", "sub", "in", "out", "none", "outside", "released"),
    "access level",
    ", and ",
)
PIECES = (  # what reasons of doors and deeds begin with
    "door.open {0}",
    "door.lock {0}",
    "door.unlock {0}",
    "notify {0}",
    "lock by {0}: {1}",
    "unlock by {0}: {1}",
    "block by {0}: {1}",
    "lock down by {0}: {1}",
    "lock down release by {0}: {1}",
)
VALIDATION = (  # what pydantic says of a value, as site_file puts it
    "must be a valid string",
    "must be a valid number",
    "must be a valid number, unable to parse string as a number",
    "must be a finite number",
    "must be a valid integer",
    "must be a valid integer, unable to parse string as an integer",
    "must be a valid integer, got a number with a fractional part",
    "must be a valid boolean",
    "must be a valid boolean, unable to interpret input",
    "must be a valid list",
    "must be a valid dictionary",
    "must be a valid dictionary or instance of {0}",
    "must be {0} or {1}",
    "must be greater than {0}",
    "must be greater than or equal to {0}",
    "must be less than {0}",
    "must be less than or equal to {0}",
    "String should have at least {0} character",
    "String should have at least {0} characters",
    "String should have at most {0} characters",
    "List should have at most {0} items after validation, not {1}",
)
JOINTS = (": ", "; ", ", and ", " (")


def N_(words: str) -> str:  # noqa: N802  what gettext tools look for
    """Words to be translated when they are said."""
    return words
