"""An event on record in a few words of a language: for the pages, and for whoever is told of it elsewhere.

Machine words become titles here, once for all; what is not in a table is said from its own letters.
"""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from functools import cache
from typing import Any

from surveillance.domain import duress
from surveillance.translations import DIRECTORY, said
from surveillance.translations.words import N_

KINDS: Mapping[str, str] = {
    "sighting.alerted": N_("Alert"),
    "sighting.logged": N_("Seen"),
    "presence.authorized": N_("Presence permitted"),
    "presence.denied": N_("Presence denied"),
    "access.granted": N_("Access granted"),
    "access.denied": N_("Access denied"),
    duress.EVENT: N_("PIN for duress"),
    "access.taken": N_("Access taken"),
    "access.not_taken": N_("Access not taken"),
    "access.taken_unknown": N_("Nobody knows whether access was taken"),
    "tailgating.detected": N_("Tailgating"),
    "camera.lost": N_("Camera lost"),
    "camera.found": N_("Camera found"),
    "camera.frozen": N_("Camera frozen"),
    "camera.blinded": N_("Camera blinded"),
    "camera.moved": N_("Camera moved"),
    "scene.changed": N_("Scene changed"),
    "scene.alerted": N_("Alert"),
    "scene.logged": N_("Scene noted"),
    "antipassback.violated": N_("Let in out of turn"),
    "area.forgiven": N_("Forgiven"),
    "area.entered": N_("Area entered"),
    "threat.changed": N_("Threat level"),
    "door.commanded": N_("Door commanded"),
    "door.locked": N_("Door locked"),
    "door.unlocked": N_("Door unlocked"),
    "door.accessed": N_("Door opened for a moment"),
    "door.blocked": N_("Door blocked"),
    "door.locked_down": N_("Door locked down"),
    "door.locked_open": N_("Door locked open"),
    "door.double_locked": N_("Door double locked"),
    "door.unknown": N_("Door: nobody knows how it stands"),
    "door.normal": N_("Door alarm over"),
    "door.forced_open": N_("Door forced open"),
    "door.open_too_long": N_("Door open too long"),
    "door.tested": N_("Door tested"),
    "door.opened": N_("Door opened"),
    "door.closed": N_("Door closed"),
    "door.exit_requested": N_("Exit button pressed"),
    "door.tampered": N_("Door tampered with"),
    "door.tamper_ended": N_("Tampering with door ended"),
    "door.fault": N_("Door fault"),
    "door.fault_ended": N_("Door fault over"),
    "door.state_unknown": N_("Door: nobody can tell how it stands"),
    "door.state_known": N_("Door: it is told again how it stands"),
    "door.open_unknown": N_("Door: nobody knows whether it opened"),
    "door.open_failed": N_("Door was not opened"),
    "door.open_expired": N_("Door was not opened"),
    "door.lock_unknown": N_("Door: nobody knows whether it was locked"),
    "door.lock_failed": N_("Door was not locked"),
    "door.lock_expired": N_("Door was not locked"),
    "door.unlock_unknown": N_("Door: nobody knows whether it was unlocked"),
    "door.unlock_failed": N_("Door was not unlocked"),
    "door.unlock_expired": N_("Door was not unlocked"),
    "rule.tested": N_("Test event"),
    "health.degraded": N_("Something fails"),
    "health.restored": N_("Works again"),
    "configuration.changed": N_("Configuration changed"),
    "configuration.rejected": N_("Configuration rejected"),
    "configuration.mode_changed": N_("Arming mode changed"),
    "configuration.mode_set": N_("Arming mode set"),
    "user.added": N_("User added"),
    "user.changed": N_("User changed"),
    "user.removed": N_("User removed"),
    "user.enabled": N_("User may sign in again"),
    "user.disabled": N_("User disabled"),
    "user.locked": N_("User locked"),
    "user.unlocked": N_("User unlocked"),
    "user.signed_in": N_("User signed in"),
    "user.signed_out": N_("User signed out"),
    "user.session_ended": N_("Session ended"),
    "user.sessions_ended": N_("Sessions ended"),
    "user.password_changed": N_("Password changed"),
    "user.password_reset": N_("One-time password made"),
    "user.second_factor_added": N_("Second factor set up"),
    "user.second_factor_removed": N_("Second factor switched off"),
    "user.recovery_codes_made": N_("Recovery codes made"),
    "user.card_awaited": N_("Waited for a card"),
    "user.token_made": N_("API token made"),
    "user.token_revoked": N_("API token revoked"),
    "user.viewed": N_("User viewed"),
    "user.searched": N_("User searched"),
    "user.exported": N_("User exported"),
    "user.erased": N_("User erased a person"),
    "chain.signed": N_("Record signed"),
    "user.key_rotated": N_("User exchanged a key"),
    "user.reviewed": N_("User reviewed events"),
    "user.reopened": N_("User reopened events"),
    "user.corrected": N_("User corrected a label"),
    "model.promoted": N_("Model promoted"),
    "model.rolled_back": N_("Model rolled back"),
    "model.trained": N_("Model trained"),
    "model.rejected": N_("Model rejected"),
    "model.proposed": N_("Model proposed"),
    "model.drifted": N_("Model drifted"),
    "model.settled": N_("Model no longer drifts"),
    "model.shadow_started": N_("Model put in shadow"),
    "model.shadow_ended": N_("Model taken out of the shadow"),
    "model.shadow_failed": N_("Model in shadow failed"),
    "user.labeled": N_("User labeled crops"),
    "user.unlabeled": N_("User took labels back"),
    "job.finished": N_("Job finished"),
    "job.failed": N_("Job failed"),
}
FAMILIES: Mapping[str, str] = {
    "sighting.": N_("Sightings"),
    "presence.": N_("Presence"),
    "access.": N_("Access"),
    "door.": N_("Doors"),
    "antipassback.": N_("Out of turn"),
    "tailgating.": N_("Tailgating"),
    "area.": N_("Areas"),
    "threat.": N_("Threat levels"),
    "camera.": N_("Cameras"),
    "scene.": N_("Scenes"),
    "health.": N_("Health"),
    "configuration.": N_("Configuration"),
    "user.": N_("Users"),
    "model.": N_("Models"),
    "job.": N_("Jobs"),
}
LABELS: Mapping[str, str] = {
    "person": N_("Person"),
    "vehicle": N_("Vehicle"),
    "animal": N_("Animal"),
    "background": N_("Nothing (background)"),
    "unknown": N_("Unknown"),
    "left object": N_("Left object"),
    "removed object": N_("Removed object"),
}
DENIALS: Mapping[str, str] = {
    "credential_not_enabled": N_("The credential is switched off."),
    "credential_not_active": N_("The credential is not valid yet."),
    "credential_expired": N_("The credential has expired."),
    "invalid_pin": N_("The PIN is wrong."),
    "not_permitted_at_this_time": N_("Not permitted at this time."),
    "unauthorized": N_("Not authorized."),
    "other": N_("For another reason."),
    "antipassback_violation": N_("Out of turn: anti-passback."),
}
CAMERA_FAULTS: Mapping[str, str] = {
    "unreachable": N_("It cannot be reached."),
    "wrong_password": N_("It refused the user name or password."),
    "not_found": N_("There is nothing at its address."),
    "no_video": N_("It sends no video."),
    "timeout": N_("It gave no answer in time."),
    "ended": N_("It ended the stream."),
    "unreadable": N_("What it sends cannot be read."),
}
ORDERS: Mapping[str, str] = {
    "open": N_("open"),
    "lock": N_("lock"),
    "unlock": N_("unlock"),
    "block": N_("block"),
    "lock_down": N_("lock down"),
    "lock_down_release": N_("release the lockdown"),
}
Event = Mapping[str, Any]


def words_in(language: str, words: str, **values: object) -> str:
    """Words of the catalog in that language, with their values."""
    told = _catalog(language).gettext(words)
    return told % values if values else told


@cache
def _catalog(language: str) -> gettext.NullTranslations:
    return gettext.translation("messages", DIRECTORY, [language], fallback=True)


def kind_words(kind: str, language: str) -> str:
    """`access.not_taken` becomes `Access not taken`; a family such as `access.` becomes its name."""
    known = FAMILIES.get(kind) or KINDS.get(kind)
    if known is None:
        return kind.replace(".", " ").replace("_", " ").strip().capitalize()
    return words_in(language, known)


def label_words(label: str, language: str) -> str:
    """A label as people say it; those of a site's own models as they are."""
    return words_in(language, LABELS[label]) if label in LABELS else label.capitalize()


def reason_words(reason: str, language: str) -> str:
    """A reason on record, which is a word for machines or a sentence, as a sentence."""
    known = DENIALS.get(reason) or CAMERA_FAULTS.get(reason)
    return words_in(language, known) if known is not None else said(reason, language)


def reasons(event: Event, language: str) -> list[str]:
    """All reasons as sentences. A bare `other` is left out where a sentence says which."""
    given = event.get("reasons") or ()
    telling = [reason_words(reason, language) for reason in given if reason != "other"]
    return telling or [reason_words(reason, language) for reason in given]


def title(event: Event, language: str) -> str:
    """What happened, in a few words."""
    kind = str(event["kind"])
    area, details = kind.partition(".")[0], event.get("details") or {}
    if area in ("sighting", "presence"):
        return _seen(event, language)
    if area == "scene":
        return f"{details.get('scene')}: {details.get('state')}"
    if area == "access" and event.get("door"):
        who = event.get("identity") or details.get("actor") or words_in(language, N_("Somebody unknown"))
        return words_in(language, N_("%(who)s at %(door)s"), who=who, door=event["door"])
    if kind == "tailgating.detected":
        return f"{kind_words(kind, language)}: {event.get('door')}"
    if kind == "threat.changed":
        return f"{kind_words(kind, language)}: {details.get('level')}"
    if kind == "area.forgiven":
        everybody = words_in(language, N_("everybody"))
        return f"{kind_words(kind, language)}: {event.get('identity') or everybody}"
    if kind in ("antipassback.violated", "area.entered"):
        return words_in(language, N_("%(who)s at %(door)s"), who=event["identity"], door=event["door"])
    if kind == "door.commanded" and "command" in details:
        return _ordered(event, language)
    if kind in ("configuration.mode_changed", "configuration.mode_set"):
        return f"{kind_words(kind, language)}: {details.get('mode')}"
    if area == "model" and event.get("camera"):
        told = {"model": details.get("model"), "camera": event["camera"]}
        return words_in(language, N_("%(model)s on camera %(camera)s"), **told)
    if area in ("camera", "door") and event.get(area):
        return f"{kind_words(kind, language)}: {event[area]}"
    return kind_words(kind, language)


def _ordered(event: Event, language: str) -> str:
    order = str(event["details"]["command"])
    command = words_in(language, ORDERS[order]) if order in ORDERS else order.replace("_", " ")
    told = {"door": event["door"], "command": command, "actor": event["details"].get("actor")}
    return words_in(language, N_("Door %(door)s: %(command)s ordered by %(actor)s"), **told)


def _seen(event: Event, language: str) -> str:
    label = label_words(event["label"], language) if event.get("label") else words_in(language, N_("Something"))
    where = ", ".join(event.get("zones") or ())
    if where:
        return words_in(language, N_("%(label)s in %(zones)s"), label=label, zones=where)
    return words_in(language, N_("%(label)s seen"), label=label)


def sentence(event: Event, language: str) -> str:
    """One line for somebody who has no page before them: `Alert: Person in yard (camera gate, rule night)`.

    Of anything but a sighting or scene with its reasons, which are sentences.
    """
    what, about = kind_words(event["kind"], language), title(event, language)
    if event["kind"] != "door.commanded" and not about.startswith(what):
        about = f"{what}: {about}"
    if event["kind"].startswith(("sighting.", "presence.", "scene.")):
        return about + _where(event, language)
    return " - ".join([about, *reasons(event, language)])


def _where(event: Event, language: str) -> str:
    camera, rule = event.get("camera"), event.get("rule")
    parts = [words_in(language, N_("camera %(name)s"), name=camera)] if camera else []
    parts += [words_in(language, N_("rule %(name)s"), name=rule)] if rule else []
    return f" ({', '.join(parts)})" if parts else ""
