"""Every table and column, each with a `doc` that docs/schema.md repeats. The migrations build the same (tested)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    text,
)

from surveillance.storage import columns
from surveillance.storage.account_tables import account, api_token, sign_in_try, web_session
from surveillance.storage.columns import Id, Json, Kind, Moment, Name, Number, metadata, name_of
from surveillance.storage.door_tables import door, door_mode, threat_level
from surveillance.storage.people_tables import access_level, credential, face_template, person, person_name

__all__ = [  # the other tables are made below
    "access_level", "account", "api_token", "credential", "door", "door_mode", "face_template", "metadata", "person",
    "person_name", "sign_in_try", "threat_level", "web_session",
]  # fmt: skip

WAITING = "attention = 2 AND reviewed_at IS NULL"  # what the inbox holds
UNLABELED = "labeled_at IS NULL"  # the crops that wait for a label
SAYING = "payload IS NOT NULL"  # the links that have no row of their own
WAITING_BY = ("camera", "kind", "verdict", "label", "rule", "door")


def _some(name: str, where: str, *by: str) -> Index:
    """An index of some events only, in the order of their time; every query must say that condition in these words."""
    return Index(name, *by, "at", "id", sqlite_where=text(where), postgresql_where=text(where))


# --- the ledger ----------------------------------------------------------------------------------------------------

head = Table(
    "head",
    metadata,
    Column("name", String(40), primary_key=True, doc="what is counted: event, input or chain"),
    Column("value", BigInteger, nullable=False, doc="the last number given; its row is the writers' lock"),
)

event = Table(
    "event",
    metadata,
    Column("seq", Number, primary_key=True, autoincrement=False, doc="place in the ledger, from 1, without gaps"),
    Column("id", Id, nullable=False, unique=True, doc="UUIDv7 of the decision; writing it twice writes it once"),
    Column("at", Moment, nullable=False, doc="when it happened"),
    Column("kind", Kind, nullable=False, doc="event kind, such as access.denied"),
    Column("camera", Name, doc="camera it concerns"),
    Column("door", Name, doc="door it concerns"),
    Column("verdict", String(12), doc="authorize, deny, alert or log; empty where no rule judged"),
    Column("rule", Name, doc="rule that decided; empty for a default"),
    Column("label", Name, doc="what the track was voted to be"),
    Column("confidence", Float, doc="confidence of that vote, 0..1"),
    Column("track", Integer, doc="number of the track at its camera"),
    Column("zones", Json, nullable=False, doc="zones it stood in, JSON list"),
    Column("identity", columns.Whom(), doc="who it was, by pseudonym, where that is known"),
    Column("media_s", Float, doc="seconds from the start of a file; empty for a live camera"),
    Column("evidence", Name, doc="name of the picture kept with it"),
    Column("rulebook_version", Integer, nullable=False, doc="version of the rules that judged it"),
    Column("shadow", Boolean, nullable=False, doc="judged by a shadow rule, so it never acted"),
    Column("input", BigInteger, doc="number of the input it rests on; empty for notes"),
    Column("attention", Integer, doc="2: waits until a person reviewed it, 1: listed; empty: on record only"),
    Column("incident", Id, doc="first event of the incident that it belongs to; empty for what has no place"),
    Column("reviewed_at", Moment, doc="when a person reviewed it; empty while nobody has, and when it was taken back"),
    Column("reviewed_by", Name, doc="account that reviewed it"),
    Column("review", columns.Words(), doc="what the reviewer said of it"),
    Column("corrected", Name, doc="label that a person says is right; empty where the model's stands"),
    Column(
        "payload", columns.Telling(), nullable=False, doc="the whole decision as canonical JSON, with its explanation"
    ),
    Column("actor", Name, doc="account, token or program that did it; empty for what cameras and doors told"),
    Column("link", BigInteger, doc="its link in the chain; empty for what is older than the chain"),
    Index(None, "at", "id"),
    Index(None, "camera", "at", "id"),
    Index(None, "kind", "at", "id"),
    Index(None, "verdict", "at", "id"),
    *(_some(f"ix_event_{name}", f"{name} IS NOT NULL", name) for name in ("label", "rule", "door", "identity")),
    _some("ix_event_incident", "incident IS NOT NULL", "incident"),
    _some("ix_event_actor", "actor IS NOT NULL", "actor"),
    _some("ix_event_audit", "actor IS NOT NULL"),
    _some("ix_event_listed", "attention IS NOT NULL"),
    _some("ix_event_waiting", WAITING),
    *(_some(f"ix_event_waiting_{name}", WAITING, name) for name in WAITING_BY),
)

chain = Table(
    "chain",
    metadata,
    Column("seq", Number, primary_key=True, autoincrement=False, doc="place in the chain, from 1, without gaps"),
    Column(
        "kind",
        String(12),
        nullable=False,
        doc="table of its row, or site, accounts, start, removed, signed, rotated, succeeded",
    ),
    Column("ref", Name, nullable=False, doc="which row of that table; empty where the link says it itself"),
    Column("salt", LargeBinary, doc="16 random bytes in the digest; empty once the row was deleted by rule"),
    Column("digest", LargeBinary, nullable=False, doc="SHA-256 of the salt and the row, or the payload"),
    Column("mac", LargeBinary, nullable=False, doc="HMAC-SHA256 of the one before and of all this, by a key elsewhere"),
    Column("payload", LargeBinary, doc="what a link without a row says, as canonical JSON"),
    Index("ix_chain_said", "kind", "seq", sqlite_where=text(SAYING), postgresql_where=text(SAYING)),
)

review = Table(
    "review",
    metadata,
    Column("id", Id, primary_key=True, doc="UUIDv7; of what was reviewed before this table was, its event's"),
    Column("event", Id, nullable=False, index=True, doc="event that it is about"),
    Column("at", Moment, nullable=False, doc="when a person said it"),
    Column("actor", Name, nullable=False, doc="account that said it"),
    Column("act", String(12), nullable=False, doc="reviewed, reopened or corrected"),
    Column("comment", columns.Words(), doc="in the person's words"),
    Column("evidence", Name, doc="of a correction: the picture whose subject was labeled wrongly"),
    Column("label_before", Name, doc="of a correction: the label that stood there"),
    Column("label", Name, doc="of a correction: the label that is right"),
    Column("link", BigInteger, doc="its link in the chain; empty for what is older than the chain"),
    Index(None, "act", "at"),
)

observation = Table(
    "observation",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=False, doc="place among all inputs of core"),
    Column("id", Id, nullable=False, unique=True, doc="UUIDv7; writing it twice writes it once"),
    Column("camera", Name, nullable=False, doc="camera that saw it"),
    Column("at", Moment, nullable=False, doc="when the frame was captured"),
    Column("media_s", Float, doc="seconds from the start of a file"),
    Column("change", String(12), nullable=False, doc="appeared, changed, heartbeat or left"),
    Column("track", Integer, nullable=False, doc="number of the track at its camera"),
    Column("label", Name, nullable=False, doc="vote of all its crops so far"),
    Column("confidence", Float, nullable=False, doc="confidence of that vote, 0..1"),
    Column("x1", Float, nullable=False, doc="left edge of its box, 0..1"),
    Column("y1", Float, nullable=False, doc="upper edge, 0..1"),
    Column("x2", Float, nullable=False, doc="right edge, 0..1"),
    Column("y2", Float, nullable=False, doc="lower edge, 0..1"),
    Column("zones", Json, nullable=False, doc="zones its foot stood in, JSON list"),
    Column("zones_version", Integer, nullable=False, doc="version of the camera's zones"),
    Column("dwell_s", Json, nullable=False, doc="seconds spent so far in each zone, JSON object"),
    Column("track_s", Float, nullable=False, doc="seconds since the track began"),
    Column("started_at", Moment, nullable=False, doc="when the track began"),
    Column("crossed", Json, nullable=False, doc="lines crossed since the last observation, JSON list of line:in|out"),
    Column("identity", columns.Whom(), doc="who it was, by pseudonym, where that is known"),
    Column("model", Name, nullable=False, doc="model that classified it"),
    Column(
        "attributes",
        columns.TellingJson(),
        doc="what the camera's tasks told of it, JSON object by word; empty for nothing",
    ),
    Index(None, "camera", "at"),
    Index(None, "at"),
)

input_ = Table(
    "input",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=False, doc="place among all inputs of core"),
    Column("id", String(300), unique=True, doc="what makes it the same input when written twice; empty for heartbeats"),
    Column("kind", String(12), nullable=False, doc="camera, scene, access, door, sensed, mode, tick, or an order's"),
    Column("at", Moment, nullable=False, doc="when it happened"),
    Column("subject", columns.Whom(), doc="its camera, door, mode or person, a person by pseudonym"),
    Column("state", String(20), doc="state of that camera, mode of that door or the command"),
    Column("payload", columns.Telling(), doc="the rest as canonical JSON; empty where nothing is left to say"),
    Index(None, "at"),
)

evidence = Table(
    "evidence",
    metadata,
    Column("name", Name, primary_key=True, doc="file name in the evidence directory"),
    Column("event", Id, nullable=False, index=True, doc="event it was kept for"),
    Column("camera", Name, nullable=False, doc="camera that took it"),
    Column("at", Moment, nullable=False, doc="when it was taken"),
    Column("x1", Float, nullable=False, doc="left edge of its subject, 0..1"),
    Column("y1", Float, nullable=False, doc="upper edge, 0..1"),
    Column("x2", Float, nullable=False, doc="right edge, 0..1"),
    Column("y2", Float, nullable=False, doc="lower edge, 0..1"),
    Column("size_bytes", Integer, nullable=False, doc="length of the file"),
    Column("sha256", String(64), nullable=False, doc="hash of the file; also in the event's payload"),
    Column("missing", Boolean, nullable=False, doc="the file was not there at the last start"),
    Column("gone", Text, doc="why the file was deleted before its event; empty while it is kept"),
    Column("link", BigInteger, doc="its link in the chain; empty for what is older than the chain"),
    Index(None, "at"),
)

garbage = Table(
    "garbage",
    metadata,
    Column("name", Name, primary_key=True, doc="evidence file that is to be deleted"),
    Column("at", Moment, nullable=False, doc="when that was decided"),
)

recording = Table(
    "recording",
    metadata,
    Column("name", Name, primary_key=True, doc="file name in the media directory, of the event and what it is"),
    Column("event", Id, nullable=False, index=True, doc="event it is kept for"),
    Column("kind", String(12), nullable=False, doc="picture (at full size) or clip"),
    Column("camera", Name, nullable=False, doc="camera whose worker keeps it"),
    Column("at", Moment, nullable=False, doc="when the event happened"),
    Column("from_at", Moment, nullable=False, doc="first moment it shows; of a wish, that it should show"),
    Column("to_at", Moment, nullable=False, doc="last moment it shows; of a wish, that it should show"),
    Column("state", String(12), nullable=False, doc="wanted, kept or missing"),
    Column("reason", Text, doc="why it is missing"),
    Column("asked", Integer, nullable=False, doc="how often the camera's worker was asked for it"),
    Column("size_bytes", BigInteger, doc="length of the file, also once it is removed"),
    Column("sha256", String(64), doc="hash of the file, also once it is removed"),
    Column("link", BigInteger, doc="its link in the chain; empty for what is older than the chain"),
    Index(None, "state", "at"),
)

crop = Table(
    "crop",
    metadata,
    Column("id", Id, primary_key=True, doc="UUIDv7; with .jpg the name of its file in the crops directory"),
    Column("at", Moment, nullable=False, doc="when the picture was taken"),
    Column("camera", Name, nullable=False, doc="camera that took it"),
    Column("subject", String(300), nullable=False, doc="its track; all crops of one track train, or all test"),
    Column("track", Integer, doc="number of the track at its camera"),
    Column("event", Id, index=True, doc="event of the same track, where there is one"),
    Column("why", String(12), nullable=False, doc="uncertain, disagreed, corrected or sampled"),
    Column("guess", Name, nullable=False, doc="label that the model gave"),
    Column("confidence", Float, nullable=False, doc="how sure it was, 0..1"),
    Column("model", Name, nullable=False, doc="model that gave it"),
    Column("other_guess", Name, doc="label of the model that disagreed"),
    Column("other_confidence", Float, doc="how sure that one was, 0..1"),
    Column("other_model", Name, doc="model that disagreed"),
    Column("x1", Float, nullable=False, doc="left edge of the subject in the picture, 0..1"),
    Column("y1", Float, nullable=False, doc="upper edge, 0..1"),
    Column("x2", Float, nullable=False, doc="right edge, 0..1"),
    Column("y2", Float, nullable=False, doc="lower edge, 0..1"),
    Column("aspect", Float, nullable=False, doc="width of the picture, its height being 1"),
    Column("size_bytes", Integer, nullable=False, doc="length of the file"),
    Column("sha256", String(64), nullable=False, doc="hash of the file"),
    Column("label", Name, doc="label that a person gave; empty while nobody has, and where it was skipped"),
    Column("labeled_by", Name, doc="account that labeled or skipped it"),
    Column("labeled_at", Moment, doc="when that was; empty while it waits"),
    Index(None, "at"),
    Index(None, "subject"),
    Index(None, "labeled_by", "labeled_at"),
    *(_some(f"ix_crop_waiting{name and '_' + name}", UNLABELED, *filter(None, [name])) for name in ("", "camera")),
)

shadow_vote = Table(
    "shadow_vote",
    metadata,
    Column("id", Id, primary_key=True, doc="UUIDv7; writing it twice writes it once"),
    Column("at", Moment, nullable=False, doc="when the track ended"),
    Column("camera", Name, nullable=False, doc="camera that followed it"),
    Column("track", Integer, nullable=False, doc="number of the track at its camera"),
    Column("started_at", Moment, nullable=False, doc="when the track began"),
    Column("current_model", Name, nullable=False, doc="model in use, whose vote was acted on"),
    Column("candidate_model", Name, nullable=False, doc="model in shadow"),
    Column("current", Name, nullable=False, doc="label that the model in use voted for"),
    Column("current_confidence", Float, nullable=False, doc="confidence of that vote, 0..1"),
    Column("candidate", Name, nullable=False, doc="label that the candidate voted for over the same crops"),
    Column("candidate_confidence", Float, nullable=False, doc="confidence of that vote, 0..1"),
    Column("crops", Integer, nullable=False, doc="crops that both answered"),
    Index(None, "at"),
    Index(None, "candidate_model", "at"),
)

# --- deeds and questions -------------------------------------------------------------------------------------------

outbox = Table(
    "outbox",
    metadata,
    Column("id", Id, primary_key=True, doc="UUIDv7 of the action"),
    Column("event", Id, nullable=False, index=True, doc="event that it rests on"),
    Column("kind", String(20), nullable=False, doc="door.open, door.lock, door.unlock or notify"),
    Column("target", Name, nullable=False, doc="door or notification target"),
    Column("deadline", Moment, nullable=False, doc="after this it is not done any more"),
    Column("key", Name, nullable=False, doc="by which a receiver knows a repetition"),
    Column("payload", columns.TellingJson(), nullable=False, doc="what to send, JSON object"),
    Column("state", String(12), nullable=False, doc="pending, attempting, done, failed, unknown or expired"),
    Column("attempts", Integer, nullable=False, doc="how often it was tried"),
    Column("changed_at", Moment, nullable=False, doc="when its state last changed"),
    Index(None, "state", "id"),
)

inbox = Table(
    "inbox",
    metadata,
    Column("id", Id, primary_key=True, doc="UUIDv7 of the question"),
    Column("key", Name, unique=True, doc="asker's own key; asking again with it is the same question"),
    Column("kind", String(40), nullable=False, doc="what is asked, such as access.request"),
    Column("payload", columns.TellingJson(), nullable=False, doc="the question, JSON object"),
    Column("asked_at", Moment, nullable=False, doc="when it was asked"),
    Column("deadline", Moment, nullable=False, doc="after this nobody waits for the answer"),
    Column("answer", columns.TellingJson(), doc="the first answer, JSON object"),
    Column("answered_at", Moment, doc="when it was answered"),
    Index(None, "answered_at", "id"),
)

# --- jobs ----------------------------------------------------------------------------------------------------------

job = Table(
    "job",
    metadata,
    Column("name", Name, primary_key=True, doc="name of the job"),
    Column("every_s", Float, nullable=False, doc="its interval when the next run was set"),
    Column("next_run_at", Moment, nullable=False, doc="when it runs next; what was missed is made up for at the start"),
)

job_run = Table(
    "job_run",
    metadata,
    Column("id", Id, primary_key=True, doc="UUIDv7"),
    Column("job", Name, nullable=False, doc="name of the job"),
    Column("started_at", Moment, nullable=False, doc="when it began"),
    Column("finished_at", Moment, nullable=False, doc="when it ended"),
    Column("ok", Boolean, nullable=False, doc="whether it came to its end"),
    Column("result", columns.Words(), nullable=False, doc="what it did, or the error, in words"),
    Column("by", Name, doc="who ran it by hand; empty when it ran by the clock"),
    Index(None, "job", "id"),
)

# --- the configured site -------------------------------------------------------------------------------------------

configuration = Table(
    "configuration",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False, doc="counts every edit; the greatest is live"),
    Column("at", Moment, nullable=False, doc="when it was edited"),
    Column("author", Name, nullable=False, doc="account or program that edited"),
    Column("change", columns.Words(), nullable=False, doc="what was edited"),
)

camera = Table(
    "camera",
    metadata,
    Column("name", Name, primary_key=True, doc="name of the camera"),
    Column("position", Integer, nullable=False, doc="order in lists"),
    Column("url", Text, nullable=False, doc="address, sealed: it may hold a password"),
    Column("sub_url", Text, doc="address of the sub stream, sealed"),
    Column("model", Name, doc="model card; empty for the default"),
    Column("analyze_fps", Float, nullable=False, doc="frames analyzed a second"),
    Column("view", String(12), nullable=False, doc="side, or top for a camera that looks straight down"),
    Column("zones_version", Integer, nullable=False, doc="counts the edits of its zones and lines"),
    Column("enabled", Boolean, nullable=False, doc="whether it is watched"),
    Column("sensitivity", Integer, nullable=False, doc="1 to 100: how little must change to look"),
    Column("min_confidence", Float, nullable=False, doc="what is less sure is told as unknown"),
    Column("tasks", Json, nullable=False, doc="what it tells beside labels, JSON list of tasks"),
    Column("proposer", String(12), nullable=False, doc="what says where to look: motion or detector"),
    Column("blur", String(12), nullable=False, doc="what is blurred in pictures on record: none or people"),
    Column("purpose", Text, nullable=False, doc="why faces are recognized here"),
    Column("scenes", Json, nullable=False, doc="parts of its picture whose state it tells, JSON list"),
)


def _shape(name: str, *more: Column[Any]) -> Table:
    return Table(
        name,
        metadata,
        Column("camera", Name, name_of("camera"), primary_key=True, doc="camera it belongs to"),
        Column("position", Integer, primary_key=True, autoincrement=False, doc="order in lists"),
        Column("points", Json, nullable=False, doc="corners, JSON list of [x, y] in 0..1"),
        *more,
    )


zone = _shape(
    "zone",
    Column("name", Name, nullable=False, doc="name of the zone"),
    Column("restricted", Boolean, nullable=False, doc="presence in it asks for permission"),
)
line = _shape("line", Column("name", Name, nullable=False, doc="name of the line"))
mask = _shape("mask")

schedule = Table(
    "schedule",
    metadata,
    Column("name", Name, primary_key=True, doc="name of the schedule"),
    Column("position", Integer, nullable=False, doc="order in lists"),
    Column("time_zone", Name, nullable=False, doc="IANA name"),
    Column("weekly", Json, nullable=False, doc="windows by weekday, JSON object"),
    Column("holidays", Json, nullable=False, doc="windows by date, JSON object"),
)

arming = Table(
    "arming",
    metadata,
    Column("position", Integer, primary_key=True, autoincrement=False, doc="order in which schedules are asked"),
    Column("mode", Name, nullable=False, doc="name of the mode"),
    Column("schedule", Name, doc="schedule during which the site is in it; empty for the default"),
)

rule = Table(
    "rule",
    metadata,
    Column("name", Name, primary_key=True, doc="name of the rule"),
    Column("version", Integer, primary_key=True, autoincrement=False, doc="configuration version that wrote this text"),
    Column("position", Integer, nullable=False, doc="order in the rulebook"),
    Column("text", columns.Words(), nullable=False, doc="the rule as YAML, a list of one; empty where it was removed"),
    Column("author", Name, nullable=False, doc="account or program that wrote it"),
    Column("at", Moment, nullable=False, doc="when it was written"),
    Column("was", Name, doc="name that the rule had until this text renamed it"),
    Index(None, "version"),
)

notify_target = Table(
    "notify_target",
    metadata,
    Column("name", Name, primary_key=True, doc="name of the target"),
    Column("position", Integer, nullable=False, doc="order in lists"),
    Column("kind", Name, nullable=False, doc="plug-in that delivers, such as webhook"),
    Column("url", Text, nullable=False, doc="address, sealed"),
    Column("secret", Text, doc="signing key, sealed"),
)

setting = Table(
    "setting",
    metadata,
    Column("name", Name, primary_key=True, doc="what it is"),
    Column("value", columns.TellingJson(), nullable=False, doc="its value, JSON"),
    Column("changed_at", Moment, nullable=False, doc="when it was written"),
)
