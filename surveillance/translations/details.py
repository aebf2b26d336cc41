"""The details of an event, key by key, in a language; a key that nobody foresaw is said from its own letters."""

from __future__ import annotations

from collections.abc import Mapping

from surveillance.translations.events import ORDERS, words_in
from surveillance.translations.words import N_

KEYS: Mapping[str, str] = {
    "actor": N_("Who"),
    "address": N_("Address"),
    "asked_by": N_("Asked by"),
    "attempts": N_("Attempts"),
    "before": N_("Before"),
    "camera": N_("Camera"),
    "cameras": N_("Cameras"),
    "cause": N_("Cause"),
    "causes": N_("Causes"),
    "change": N_("Change"),
    "command": N_("Command"),
    "confidence": N_("Confidence"),
    "component": N_("Part of the system"),
    "count": N_("Number"),
    "crops": N_("Crops"),
    "crossed": N_("Went through"),
    "let_in": N_("Let in"),
    "deadline": N_("Deadline"),
    "doors": N_("Doors"),
    "escorted_by": N_("Escorted by"),
    "event": N_("Event"),
    "events": N_("Events"),
    "face": N_("Face"),
    "failed": N_("Failed tries"),
    "fault": N_("Fault"),
    "filter": N_("Filter"),
    "from": N_("From where"),
    "job": N_("Job"),
    "label": N_("Label"),
    "level": N_("Level"),
    "mode": N_("Arming mode"),
    "model": N_("Model"),
    "moved": N_("Moved"),
    "name": N_("Name"),
    "plate": N_("Number plate"),
    "plate_how": N_("What differs"),
    "plate_of": N_("Whose plate"),
    "restricted_zones": N_("Restricted zones"),
    "review": N_("Comment"),
    "role": N_("Role"),
    "rules": N_("Rules"),
    "scene": N_("Scene"),
    "scenes": N_("Scenes"),
    "scopes": N_("Scopes"),
    "second_of": N_("Let in together with"),
    "since": N_("Since"),
    "state": N_("State"),
    "thing": N_("What"),
    "token": N_("API token"),
    "took_s": N_("Seconds it took"),
    "until": N_("Until"),
    "user": N_("User"),
    "version": N_("Version"),
    "waits_until": N_("Waits until"),
    "was_default": N_("Was the default model"),
}
THINGS: Mapping[str, str] = {  # what was viewed, searched or taken out
    "areas": N_("areas"),
    "audit": N_("audit"),
    "badge": N_("badge"),
    "camera": N_("camera"),
    "door": N_("door"),
    "event": N_("event"),
    "events": N_("events"),
    "face": N_("face"),
    "heatmap": N_("heat map"),
    "labels": N_("crops to label"),
    "people": N_("people"),
    "person": N_("person"),
    "recording": N_("recording"),
}
VALUES: Mapping[str, Mapping[str, str]] = {
    "asked_by": {"camera": N_("the door's camera")},
    "command": ORDERS,
    "state": {
        "pending": N_("waiting to be done"),
        "attempting": N_("under way"),
        "done": N_("done"),
        "failed": N_("failed"),
        "unknown": N_("nobody knows whether it happened"),
        "expired": N_("too late, so not done"),
    },
    "role": {
        "viewer": N_("Viewer"),
        "guard": N_("Guard"),
        "operator": N_("Operator"),
        "installer": N_("Installer"),
        "administrator": N_("Administrator"),
    },
}


def key_words(key: str, language: str) -> str:
    """`took_s` becomes `Seconds it took`, `late_s` stays `Late s`."""
    return words_in(language, KEYS[key]) if key in KEYS else key.replace("_", " ").capitalize()


def value_word(key: str, value: str, language: str) -> str:
    """A value that is a word for machines, by its key; any other as it is."""
    words = VALUES.get(key, {})
    return words_in(language, words[value]) if value in words else value


def thing_words(thing: str, language: str) -> str:
    return words_in(language, THINGS[thing]) if thing in THINGS else thing
