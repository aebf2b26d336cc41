"""Keys exchanged for new ones: everything is still read, proved and let in, and the old ones make nothing any more."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ledger_samples import decision, observation, shot

import surveillance
from surveillance.access.badges import BadgeSeal
from surveillance.app.audit import Look, audit, export_bundle, sign_now, site_key
from surveillance.app.keys import PURPOSES, list_keys, rotate
from surveillance.app.locks import only_service
from surveillance.app.store import Store, open_store, upgrade_database
from surveillance.domain.errors import NotFound, SettingsError
from surveillance.settings import Settings
from surveillance.storage.bundle_check import check_bundle
from surveillance.storage.chain import chain_key
from surveillance.storage.ledger import SqlLedger
from surveillance.storage.settings import StorageSettings
from surveillance.storage.site_file import parse_site

SITE = """\
cameras: [{name: front, url: "rtsp://user:hunter2@192.0.2.9/1"}]
doors: [{name: main, camera: front, relay: "http://192.0.2.5/doors/main"}]
people: [{name: Ada, groups: [staff], credentials: [{kind: badge, value: 0077123456}]}]
notify: [{name: ops, kind: webhook, url: "https://example.org/", secret: whsec_hunter2}]
"""


def no_progress(*_: object) -> None: ...


@pytest.fixture
def settings(tmp_path: Path, database: str) -> Settings:
    made = Settings(data_dir=tmp_path / "data", storage=StorageSettings(url=database))
    upgrade_database(made)
    store = open_store(made)
    store.site.seed(parse_site(SITE, "site.yaml"))
    record(store)
    return made


def record(store: Store) -> str:
    made = decision()
    SqlLedger(store.engine, store.evidence, lambda one: ())([(observation(shot=shot()), (made,))])
    return made.id


def test_all_is_read_and_proved_after_every_key_was_exchanged_twice(settings: Settings, tmp_path: Path) -> None:
    before = open_store(settings)
    first, key = record(before), site_key(settings)
    heads = tmp_path / "heads.jsonl"
    heads.write_text(json.dumps(sign_now(settings)) + "\n", encoding="utf-8")
    now = datetime.now(UTC)
    _, printed = BadgeSeal(before.keys.key("badges")).issue(now, now + timedelta(days=1))
    site = before.site.read()
    for _ in range(2):
        assert {name for name, _ in rotate(settings, None)} >= {"badges", "chain", "chain-signing", "sealing"}
        record(open_store(settings))
        found = audit(settings, Look(against=heads), no_progress)
        assert (found.faults, found.heads) == ([], 1)
    store = open_store(settings)
    again = store.site.read()
    assert (again.cameras, again.doors, again.notify, again.people) == (
        site.cameras,
        site.doors,
        site.notify,
        site.people,
    )
    assert BadgeSeal(store.keys.key("badges"), store.keys.older("badges")).read(printed) is not None
    assert BadgeSeal(store.keys.key("badges")).read(printed) is None
    for event in (first, record(store)):  # to whoever knows the new key, and to whoever still has the first
        export_bundle(settings, event, tmp_path / f"{event}.zip")
        for given in (None, key, site_key(settings)):
            assert check_bundle(tmp_path / f"{event}.zip", given).faults == []
        assert not check_bundle(tmp_path / f"{event}.zip", "00" * 32).is_sound
    for path in (settings.data_dir / "keys" / "retired").glob("sealing-*"):
        path.unlink()  # nothing here needs them: they are for backups from before
    assert open_store(settings).site.read().cameras == site.cameras


def test_a_retired_key_makes_no_link(settings: Settings) -> None:
    store = open_store(settings)
    old = chain_key(store.keys)
    rotate(settings, "chain")
    (settings.data_dir / "keys" / "chain.key").unlink()  # somebody puts the old one back, and goes on with it
    (settings.data_dir / "keys" / "chain.key").write_bytes(old)
    record(open_store(settings))
    found = audit(settings, Look(), no_progress)
    assert any("a key that is not in the folder of keys" in str(fault) for fault in found.faults)


def test_what_cannot_be_exchanged_says_so(settings: Settings) -> None:
    keys, people = list_keys(settings)
    assert people == 1
    assert {one.name for one in keys} >= {"chain", "credentials", "sealing"}
    with pytest.raises(SettingsError, match="their values are kept nowhere: present them anew"):
        rotate(settings, "credentials")
    with pytest.raises(NotFound, match="did you mean 'sealing'"):
        rotate(settings, "seeling")
    with only_service(settings), pytest.raises(SettingsError, match="another service runs"):
        rotate(settings, "chain")


def test_every_key_that_the_house_makes_can_be_listed_and_exchanged_or_says_why_not() -> None:
    package = Path(surveillance.__file__).parent
    asked = re.compile(
        r"""\bkeys\.(?:key|older)\("([a-z-]+)"\)|^_?[A-Z_]*(?:SIGNING|KEY) = "([a-z-]+)\"""", re.MULTILINE
    )
    found = {a or b for file in package.rglob("*.py") for a, b in asked.findall(file.read_text(encoding="utf-8"))}
    assert {"badges", "chain", "door-tests", "osdp", "readers"} <= found
    assert found - set(PURPOSES) == set()
