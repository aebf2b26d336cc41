"""Two states of what is known of a door into what goes on record of the change, by kind of event with its reasons."""

from __future__ import annotations

from surveillance.domain.doors import DoorSensed
from surveillance.rules.memory import SeenDoor

News = list[tuple[str, tuple[str, ...]]]


def news_of(before: SeenDoor, after: SeenDoor, told: DoorSensed) -> News:
    """Each once. A door that is closed when it is first told of is no news."""
    news: News = []
    if told.exit:
        news.append(("door.exit_requested", ()))
    if after.tamper != before.tamper:
        news.append(("door.tampered" if after.tamper else "door.tamper_ended", ()))
    if after.fault and after.fault != before.fault:
        news.append(("door.fault", (after.fault,)))
    elif before.fault and not after.fault:
        news.append(("door.fault_ended", (before.fault,)))
    if after.is_unknown != before.is_unknown:
        reasons = (told.reason,) if told.reason else ()
        news.append(("door.state_unknown" if after.is_unknown else "door.state_known", reasons))
    if after.was_open != before.was_open:
        opened = ("door.opened", () if before.contact == "closed" else ("found open",))
        news.append(opened if after.was_open else ("door.closed", ()))
    return news
