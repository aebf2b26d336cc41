"""What is on record is chained: whatever is changed past the program is found, and nothing else is."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from chained_site import ChainedSite, lived_in, open_site
from ledger_samples import NOON, decision, observation
from old_databases import build_old
from sqlalchemy import select, text
from tampering import Tamperer

from surveillance.actions.log import line
from surveillance.actions.webhook import envelope
from surveillance.app.audit import Look, audit, keep_heads, nightly_audit
from surveillance.app.store import open_store, upgrade_database
from surveillance.domain.errors import RecordFailed, SettingsError, UserMistake
from surveillance.domain.site import NotifyTarget, Site
from surveillance.settings import Settings
from surveillance.storage import tables
from surveillance.storage.audit import Walk
from surveillance.storage.chain import NOTHING, chain_key, keep_chain, mac_of, relink
from surveillance.storage.chained import ROWS, STATES, UNCHAINED
from surveillance.storage.copy import copy_database
from surveillance.storage.database import open_database, reading, upgrade, writing
from surveillance.storage.heads import heads_after, last_head, read_heads, sign_heads, unsigned, write_heads
from surveillance.storage.keys import KeyStore
from surveillance.storage.outbox import SqlOutbox
from surveillance.storage.proof import is_signed, leaf_of
from surveillance.storage.queries import Events
from surveillance.storage.reviews import Reviews

TAMPERINGS = 500  # of each of two databases


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> ChainedSite:
    """One on SQLite, shared: whoever changes something puts it back."""
    return lived_in(tmp_path_factory.mktemp("chained"))


@pytest.fixture(scope="module")
def aged(tmp_path_factory: pytest.TempPathFactory) -> ChainedSite:
    """One from which retention took events, pictures and the beginning of the chain."""
    site = lived_in(tmp_path_factory.mktemp("aged"))
    site.retain(event_days=25, media_days=5)
    return site


@contextmanager
def touched(site: ChainedSite) -> Iterator[sqlite3.Connection]:
    """Its database for plain SQL; afterwards it is as it was."""
    with closing(sqlite3.connect(site.desk.directory / "site.db")) as file, closing(sqlite3.connect(":memory:")) as was:
        file.execute("PRAGMA synchronous=OFF")
        file.backup(was)
        yield file
        file.commit()
        was.backup(file)


def faults(site: ChainedSite, *heads: dict[str, object]) -> list[str]:
    return [str(fault) for fault in site.audit(heads).faults]


def test_every_table_has_its_place_in_the_chain():
    placed = [*ROWS, *(name for state in STATES.values() for name in state), *UNCHAINED]
    assert sorted(placed) == sorted(tables.metadata.tables)


def test_a_site_that_nobody_touched_is_sound(tmp_path, database):
    site = lived_in(tmp_path, database)
    told = site.audit()
    assert (told.faults, told.removed, told.files > 0, told.older) == ([], 0, True, 0)
    kept = heads_after(site.engine, 0)
    assert len(kept) == 3
    site.retain(event_days=25, media_days=5)
    told = site.audit(tuple(kept))
    assert (told.faults, told.removed > 0, told.first, told.heads, told.heads_before) == (
        [], True, kept[1]["seq"] + 1, 2, 1,
    )  # fmt: skip


def missed(site: ChainedSite, seed: int) -> list[str]:
    """The tamperings that the audit does not find, each on the database as it was."""
    tamper, untold = Tamperer(seed), []
    with touched(site) as file, closing(sqlite3.connect(":memory:")) as was:
        file.backup(was)
        for _ in range(TAMPERINGS):
            told = tamper(file)
            if Walk(site.engine, site.keys, None)().is_sound:
                untold.append(told)
            was.backup(file)
    return untold


def test_every_tampering_is_found(site):
    assert missed(site, 1) == []
    assert faults(site) == []


def test_every_tampering_is_found_after_retention(aged):
    assert missed(aged, 2) == []
    assert faults(aged) == []


def test_the_first_bad_row_is_named(tmp_path, database):
    site = lived_in(tmp_path, database)
    with reading(site.engine) as connection:
        rows = connection.execute(select(tables.event.c.id, tables.event.c.link).order_by(tables.event.c.seq)).all()
    with writing(site.engine) as connection:
        connection.execute(text("UPDATE event SET rule = 'mine' WHERE id = :id"), {"id": rows[7].id})
        connection.execute(text("DELETE FROM event WHERE id = :id"), {"id": rows[9].id})
        connection.execute(text("UPDATE person SET name = 'Eve' WHERE position = 1"))
    found = faults(site)
    assert found[:2] == [
        f"link {rows[7].link} (event {rows[7].id}): its row was changed",
        f"link {rows[9].link} (event {rows[9].id}): its row is missing",
    ]
    assert "(site): table person is not as the last edit on record left it" in " ".join(found)


def test_a_flipped_byte_of_a_picture_or_a_clip_is_found(site):
    for kind, names in (("evidence", "SELECT name FROM evidence"), ("recording", _KEPT)):
        with closing(sqlite3.connect(site.desk.directory / "site.db")) as file:
            [name] = file.execute(f"{names} LIMIT 1").fetchone()
        place = site.place(kind, name)
        whole = place.read_bytes()
        place.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        [found] = faults(site)
        assert found.endswith(f"({kind} {name}): its file was changed: its bytes have another hash than was recorded")
        place.unlink()
        assert faults(site)[0].endswith("its file cannot be read: No such file or directory")
        place.write_bytes(whole)
    assert faults(site) == []


_KEPT = "SELECT name FROM recording WHERE state = 'kept'"


def test_a_cut_tail_is_found_against_a_head_kept_elsewhere(site):
    [kept] = sign_heads(site.engine, site.keys) or [last_head(site.engine, site.keys)]
    with touched(site) as file:
        last_event = file.execute("SELECT max(link) FROM event").fetchone()[0]
        file.execute("DELETE FROM event WHERE link = ?", [last_event])
        file.execute("DELETE FROM evidence WHERE link > ?", [last_event])
        file.execute("DELETE FROM recording WHERE link > ?", [last_event])
        file.execute("DELETE FROM chain WHERE seq >= ?", [last_event])
        file.execute("UPDATE head SET value = ? WHERE name = 'chain'", [last_event - 1])
        file.commit()
        assert faults(site) == []  # nothing in the database itself can tell
        [found] = faults(site, kept)
        assert found.endswith("is of a link that is not here: its end was cut, or an older copy was put in its place")
    assert faults(site, kept) == []


def test_yesterdays_copy_is_found_though_it_goes_on(tmp_path):
    site = lived_in(tmp_path)
    with closing(sqlite3.connect(tmp_path / "site.db")) as file, closing(sqlite3.connect(":memory:")) as yesterday:
        file.backup(yesterday)
        site.alert()
        sign_heads(site.engine, site.keys)
        kept = last_head(site.engine, site.keys)
        assert faults(site, kept) == []
        yesterday.backup(file)
    for _ in range(20):
        site.log(0)
    assert faults(site) == []
    [found] = faults(site, kept)
    assert found.endswith("that was kept elsewhere says otherwise: the chain was written anew")


def rehash(file: sqlite3.Connection, key: bytes) -> None:
    """Every MAC anew, after a change."""
    before = NOTHING
    for seq, kind, ref, digest in file.execute("SELECT seq, kind, ref, digest FROM chain ORDER BY seq").fetchall():
        before = mac_of(key, before, leaf_of(seq, kind, ref, digest))
        file.execute("UPDATE chain SET mac = ? WHERE seq = ?", [before, seq])
    file.commit()


def test_writing_the_whole_chain_anew_is_found(site):
    kept = last_head(site.engine, site.keys)
    with touched(site) as file:
        rehash(file, bytes(32))
        assert faults(site)[0].endswith("its MAC does not fit: this link or the one before was changed")
    with touched(site) as file:
        file.execute("UPDATE chain SET digest = zeroblob(32), salt = NULL WHERE seq = 12")
        rehash(file, chain_key(site.keys))  # with the stolen key
        assert any("says otherwise: the chain was written anew" in fault for fault in faults(site, kept))
    other = KeyStore(site.desk.directory / "other")
    forged = site.audit(({**kept, "seq": 5},)).faults
    assert [fault.words.endswith("was not signed by this site's key") for fault in forged] == [True]
    assert not is_signed(kept, other.key("chain-signing").hex())


def test_a_copy_into_another_database_is_as_sound(aged, empty_database):
    target = open_database(empty_database)
    copy_database(aged.engine, target)
    told = Walk(target, aged.keys, aged.place, heads_after(aged.engine, 0))()
    assert (told.faults, told.rows) == ([], aged.audit().rows)


def test_a_chain_that_is_gone_is_missed(site):
    with touched(site) as file:
        file.execute("DELETE FROM chain")
        file.execute("UPDATE head SET value = 0 WHERE name = 'chain'")
        file.commit()
        assert faults(site) == ["no link: the chain is gone: there was one, and no link of it is left"]
    with pytest.raises(SettingsError, match="the key of the chain is gone"):
        Walk(site.engine, KeyStore(site.desk.directory / "nowhere"), None)()


def test_heads_are_signed_and_kept_elsewhere(tmp_path):
    site = open_site(tmp_path)
    assert (unsigned(site.engine, site.keys), sign_heads(site.engine, site.keys)) == ((0, None), [])
    site.log(2, 1)
    lacking, _ = unsigned(site.engine, site.keys)
    assert lacking == 5  # the beginning, two states, two events
    [head] = sign_heads(site.engine, site.keys)
    assert (head["first"], head["seq"], is_signed(head, head["key"])) == (1, 5, True)
    assert unsigned(site.engine, site.keys)[0] == 0
    assert sign_heads(site.engine, site.keys) == []
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    write_heads(elsewhere, [head])
    assert list(read_heads(elsewhere)) == [head]
    told = site.audit(tuple(read_heads(elsewhere)))
    assert (told.faults, told.heads) == ([], 1)


def test_the_job_keeps_heads_elsewhere_and_makes_up_for_what_it_missed(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    settings = Settings(data_dir=tmp_path / "site", audit={"heads_dir": elsewhere, "sign_links": 4})
    upgrade_database(settings)
    store = open_store(settings)
    assert keep_heads(settings, store).is_idle
    store.accounts.add("ada", "administrator", "correct horse battery")
    with pytest.raises(UserMistake, match="there is no folder"):
        keep_heads(settings, store)
    elsewhere.mkdir()
    done = keep_heads(settings, store)
    assert (done.words, done.is_idle) == (f"nothing to sign; kept 1 in {elsewhere}", False)
    assert keep_heads(settings, store).is_idle
    assert nightly_audit(settings, store).words == "6 links are sound"
    found = audit(settings, Look(against=elsewhere), lambda done, total: None)
    assert (found.faults, found.heads) == ([], 1)
    with writing(store.engine) as connection:
        connection.execute(text("UPDATE account SET role = 'administrator', name = 'eve'"))
    with pytest.raises(UserMistake, match="table account is not as the last edit on record left it"):
        nightly_audit(settings, store)


def test_heads_that_targets_received_are_checked_against(tmp_path):
    log, hook = NotifyTarget("book", "log", ""), NotifyTarget("ops", "webhook", "https://example.org/")
    wanted = {"heads_to": ["book", "ops"], "sign_links": 1}
    settings = Settings(data_dir=tmp_path / "site", audit=wanted)
    upgrade_database(settings)
    store = open_store(settings)
    store.accounts.add("ada", "administrator", "correct horse battery")
    with pytest.raises(UserMistake, match=r"audit\.heads_to: no notification target is called 'book'"):
        keep_heads(settings, store)
    store.site.seed(Site(notify=(log, hook)))
    assert keep_heads(settings, store).words.endswith("sent 2 to book, ops")
    assert keep_heads(settings, store).is_idle
    due = SqlOutbox(store.engine).due(NOON)
    assert sorted(action.target for action in due) == ["book", "book", "ops", "ops"]
    lines = ["12:00 started", *(line(one.target, one, "en") for one in due if one.target == "book")]
    (tmp_path / "alerts.log").write_text("\n".join(lines), encoding="utf-8")
    bodies = [json.dumps(envelope(one, "site", "en")) for one in due if one.target == "ops"]
    (tmp_path / "received.jsonl").write_text("\n".join(bodies), encoding="utf-8")
    for file in ("alerts.log", "received.jsonl"):
        found = audit(settings, Look(against=tmp_path / file), lambda done, total: None)
        assert (found.faults, found.heads) == ([], 2)
    with writing(store.engine) as connection:  # its end is cut, by somebody who has the keys too
        last = connection.execute(select(tables.chain.c.seq).order_by(tables.chain.c.seq.desc())).scalars().first()
        connection.execute(text("DELETE FROM chain WHERE seq > 3"))
        connection.execute(text("UPDATE head SET value = 3 WHERE name = 'chain'"))
    assert last > 3
    found = audit(settings, Look(against=tmp_path / "received.jsonl"), lambda done, total: None)
    assert any("is of a link that is not here" in fault.words for fault in found.faults)


def test_an_older_database_is_chained_from_its_next_event_on(empty_database, tmp_path):
    engine = open_database(empty_database)
    build_old(engine, "0014")
    upgrade(engine)
    site = open_site(tmp_path, empty_database)
    assert site.audit().links == 0
    Reviews(site.engine).review(["event-1"], "ada", "seen")
    site.desk.ledger([(observation(), (decision(),))])
    told = site.audit()
    assert (told.faults, told.older) == ([], 1)
    sign_heads(site.engine, site.keys)
    assert site.audit().faults == []
    with writing(site.engine) as connection:
        connection.execute(text("UPDATE event SET link = NULL"))
    assert "names another link" in faults(site)[0]


def test_what_is_erased_by_rule_is_no_tampering(tmp_path, database):
    site = lived_in(tmp_path, database)
    [ada] = [row["id"] for row in Events(site.engine).page()[0] if row["details"].get("user") == "ada"]
    erased = {"id": ada, "payload": b'{"details":{"user":"(erased)"}}'}
    with writing(site.engine) as connection:
        connection.execute(text("UPDATE event SET payload = :payload WHERE id = :id"), erased)
        relink(connection, "event", [ada], "a person was erased")
    site.retain(event_days=25, media_days=5)
    assert site.audit().faults == []
    with writing(site.engine) as connection:
        connection.execute(text("UPDATE event SET payload = :payload WHERE id = :id"), {**erased, "payload": b"{}"})
    assert [fault.partition(": ")[2] for fault in faults(site)] == ["its row was changed"]


def test_a_program_without_the_keys_does_not_break_the_chain(tmp_path: Path):
    site = lived_in(tmp_path)
    stranger = open_database(f"sqlite:///{tmp_path / 'site.db'}")
    with pytest.raises(RecordFailed, match="was not given the keys"):
        Reviews(stranger).review([Events(stranger).page()[0][0]["id"]], "eve")
    keep_chain(stranger, site.keys)
    Reviews(stranger).review([Events(stranger).page()[0][0]["id"]], "eve")
    assert site.audit().faults == []
