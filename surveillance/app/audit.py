"""The chain over what is on record, by command and by the clock: its head, its audit, and proofs of events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from surveillance.app.site_edit import author
from surveillance.app.store import Store, open_store
from surveillance.domain.errors import NotFound, RecordFailed, UserMistake
from surveillance.domain.suggest import no_such
from surveillance.domain.values import rfc3339
from surveillance.jobs.table import Done
from surveillance.settings import Settings
from surveillance.storage.audit import Audit, Files, Progress, Walk
from surveillance.storage.bundle import write_bundle
from surveillance.storage.evidence import EvidenceStore
from surveillance.storage.heads import (
    Head,
    heads_after,
    last_head,
    public_key,
    read_heads,
    send_heads,
    sign_heads,
    unsigned,
    write_heads,
)
from surveillance.storage.keys import KeyStore
from surveillance.storage.recordings import Recordings
from surveillance.storage.state import SharedState

STATE = "audit"  # the name under which other processes find what the last audit came to
_KEPT, _SENT = "heads", "heads-sent"  # and up to where heads were kept elsewhere, and sent


@dataclass(frozen=True, slots=True)
class Look:
    """What an audit looks at: whether at kept files too, and at heads that were kept elsewhere."""

    media: bool = True
    against: Path | None = None


class SiteProofs:
    """What the dashboard shows and hands out of the chain: the last audit, and bundles."""

    def __init__(self, engine: Any, keys: KeyStore, files: Files) -> None:
        self._engine = engine
        self._keys = keys
        self._files = files

    def last_audit(self) -> Mapping[str, Any] | None:
        """`at`, `sound`, `last` (link) and `fault` of the newest audit; None before the first."""
        told = SharedState(self._engine).get_dated(STATE)
        return None if told is None else told[0]

    def write_bundle(self, event: str, out: IO[bytes], name: str) -> None:
        """The evidence bundle of an event. Raises NotFound, and UserMistake where nothing can prove it."""
        write_bundle(self._engine, self._keys, self._files, event, out, name)


def files_of(pictures: EvidenceStore, recordings: Recordings) -> Files:
    """Where the files of pictures and recordings lie."""

    def place(kind: str, name: str) -> Path:
        return pictures.path(name) if kind == "evidence" else recordings.place(name)

    return place


def sign_now(settings: Settings) -> Head:
    """The head of the chain as it is now, signed. Raises NotFound where nothing is on record."""
    store = open_store(settings)
    sign_heads(store.engine, store.keys)
    head = last_head(store.engine, store.keys)
    if head is None:
        raise NotFound("nothing is chained yet: the chain begins with the first event")
    return head


def site_key(settings: Settings) -> str:
    """The public key of this site's heads and evidence bundles, in hexadecimal."""
    return public_key(open_store(settings).keys)


def audit(settings: Settings, look: Look, progress: Progress) -> Audit:
    """Walks the whole chain. What it came to is left for the dashboard, where the database can be written."""
    store = open_store(settings)
    heads = list(read_heads(look.against)) if look.against is not None else []
    files = files_of(store.evidence, store.recordings) if look.media else None
    found = Walk(store.engine, store.keys, files, heads)(progress)
    with suppress(RecordFailed):
        SharedState(store.engine).put(STATE, told_of(found))
    return found


def export_bundle(settings: Settings, event: str, file: Path) -> None:
    """Writes the evidence bundle of an event, whole or not at all; the export is on record."""
    store = open_store(settings)
    draft = file.with_name(f".{file.name}.part")
    try:
        with draft.open("wb") as out:
            write_bundle(store.engine, store.keys, files_of(store.evidence, store.recordings), event, out, file.name)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    store.accounts.tell("user.exported", {"thing": "evidence", "name": event}, author())


def keep_heads(settings: Settings, store: Store) -> Done:
    """The job: signs a head when it is due, and adds what is new to the folder that the settings name."""
    lacking, signed_at = unsigned(store.engine, store.keys)
    wanted, now = settings.audit, datetime.now(UTC)
    is_old = signed_at is None or abs((now - signed_at).total_seconds()) >= wanted.sign_every_s
    signed = sign_heads(store.engine, store.keys) if lacking >= wanted.sign_links or (lacking and is_old) else []
    kept = _keep_elsewhere(store, wanted.heads_dir) if wanted.heads_dir is not None else 0
    sent = _send(store, wanted.heads_to) if wanted.heads_to else 0
    if not signed and not kept and not sent:
        return Done("nothing to sign", is_idle=True)
    words = f"signed up to link {signed[-1]['seq']:,}" if signed else "nothing to sign"
    words += f"; kept {kept} in {wanted.heads_dir}" if kept else ""
    return Done(words + (f"; sent {sent} to {', '.join(wanted.heads_to)}" if sent else ""))


def nightly_audit(settings: Settings, store: Store) -> Done:
    """The job: an audit without reading the files. Raises UserMistake with what is wrong, so that it is told."""
    found = Walk(store.engine, store.keys, None)()
    SharedState(store.engine).put(STATE, told_of(found))
    if not found.is_sound:
        raise UserMistake(f"what is on record was changed: {found.faults[0]}; run `surveillance audit verify`")
    return Done(f"{found.links:,} links are sound")


def _keep_elsewhere(store: Store, directory: Path) -> int:
    state = SharedState(store.engine)
    kept = state.get_dated(_KEPT)
    heads = heads_after(store.engine, kept[0].get("seq", 0) if kept else 0)
    if heads:
        write_heads(directory, heads)
        state.put(_KEPT, {"seq": heads[-1]["seq"]})
    return len(heads)


def _send(store: Store, targets: Sequence[str]) -> int:
    """Sends what is new to these notification targets; how many heads. Raises UserMistake for one that there is not."""
    known = [target.name for target in store.site.read().notify]
    for name in targets:
        if name not in known:
            raise UserMistake(f"audit.heads_to: {no_such('notification target', name, known)}")
    state = SharedState(store.engine)
    sent = state.get_dated(_SENT)
    heads = heads_after(store.engine, sent[0].get("seq", 0) if sent else 0)
    if heads:
        send_heads(store.engine, heads, targets)
        state.put(_SENT, {"seq": heads[-1]["seq"]})
    return len(heads)


def told_of(found: Audit) -> Mapping[str, Any]:
    """What of an audit the dashboard shows."""
    first = str(found.faults[0]) if found.faults else ""
    return {"at": rfc3339(datetime.now(UTC)), "sound": found.is_sound, "last": found.last, "fault": first}
