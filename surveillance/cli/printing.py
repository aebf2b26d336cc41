"""Events and explanations as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def line_of(event: Mapping[str, Any]) -> str:
    """One event as one line of text."""
    seen = "" if event["label"] is None else f"{event['label']} {event['confidence']:.0%}"
    place = " ".join(part for part in (event["camera"], event["door"], *event["zones"]) if part)
    media = "" if event["media_s"] is None else f" @{event['media_s']:.1f}s"
    reasons = "; ".join(event["reasons"] or (() if event["verdict"] else told_by(event["details"])))
    return f"{event['at']}{media}  {event['kind']:20} {seen:14} {place:20} {event['rule'] or '-':16} {reasons}".rstrip()


def told_by(details: Mapping[str, Any]) -> Iterator[str]:
    """What an event that no rule judged is about: `user = bob; role = viewer; actor = command line`."""
    for name in sorted(details, key=lambda name: name == "actor"):
        value = details[name]
        if isinstance(value, (str, int, float)):
            yield f"{name} = {value}"


def explanation_of(event: Mapping[str, Any]) -> Iterator[str]:
    """The explanation tree as lines of text."""
    yield line_of(event)
    yield f"rulebook version {event['rulebook_version']}"
    for judged in event["judged"]:
        note = f"  ({judged['note']})" if judged["note"] else ""
        yield f"{mark(judged['result'])} {judged['verdict']} {judged['rule']}{note}"
        yield from branch(judged["clause"], "  ")
    if not event["judged"]:
        yield "no rule was asked"
    if "needed" in event:
        yield from needed_lines(event["needed"])
    for kept in event["recordings"]:
        yield f"{kept['kind']} {kept['state']}: {kept['reason'] or kept['name']}"


def needed_lines(needed: Mapping[str, Any]) -> Iterator[str]:
    """What a denied request would have needed."""
    yield "what would have been needed:"
    for reason in needed["standing"]:
        yield f"  not: {reason}"
    for way in needed["stops"]:
        yield f"  deny rule {way['rule']} to be false: {_wishes(way)}"
    for word, way in zip(("one of", *["or"] * len(needed["ways"])), needed["ways"], strict=False):
        yield f"  {word} {way['rule']}: {_wishes(way)}"
    if not needed["ways"]:
        yield "  a rule that authorizes; there is none"


def _wishes(way: Mapping[str, Any]) -> str:
    wishes = (
        f"{'' if wish['holds'] else 'not '}{wish['text']}" + (f" [{wish['found']}]" if wish["found"] else "")
        for wish in way["wishes"]
    )
    return ", and ".join(wishes)


def branch(clause: Mapping[str, Any], indent: str) -> Iterator[str]:
    found = f"   [{clause['found']}]" if clause["found"] else ""
    yield f"{indent}{mark(clause['result'])} {clause['text']}{found}"
    for child in clause["children"]:
        yield from branch(child, indent + "  ")


def mark(result: bool | None) -> str:
    return {True: "yes", False: "no ", None: "?  "}[result]
