"""The spool: what it took comes out as it was, in order, after whatever happened to its file."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fakes import NOON, grant_all, observation
from hypothesis import given
from hypothesis import strategies as st

from surveillance.domain.doors import DoorSensed
from surveillance.domain.errors import SettingsError
from surveillance.domain.geometry import Box
from surveillance.domain.ports import JudgedInput
from surveillance.domain.values import (
    AccessRequest,
    CameraReport,
    Clause,
    Decision,
    DoorReport,
    Judged,
    ModeReport,
    SceneReport,
    Shot,
    Tick,
    system_decision,
)
from surveillance.storage.spool import NAME, DiskSpool
from surveillance.storage.spool_lines import parse_line, spool_line

MUCH = 2**20


def pairs(count: int, **more: Any) -> list[JudgedInput]:
    seen = [observation(track=number, **more) for number in range(count)]
    return [(entry, grant_all(entry)) for entry in seen]


def beats(count: int) -> list[JudgedInput]:
    return [(CameraReport("yard", NOON + timedelta(seconds=number), "live"), ()) for number in range(count)]


def whole_decision() -> Decision:
    leaf = Clause("speed > 3", None, "speed = unknown")
    made = system_decision(
        "sighting.alerted",
        NOON,
        ("first", "second"),
        "seen",
        box=Box(0.1, 0.2, 0.3, 0.4),
        confidence=0.1 + 0.2,
        zones=("a", "b"),
        details={"~odd": [1, 2.5, None, True], "nested": {"to": ("u", "ple")}},
    )
    judged = Judged("night", "alert", None, Clause("a and b", None, "", (leaf, leaf)), "shadow")
    return replace(made, judged=(judged,), facts={"zones": ["a"]}, notify=("ops",))


EVERY_KIND: list[JudgedInput] = [
    (observation(shot=Shot(bytes(range(256)), Box(0.1, 0.2, 0.3, 0.4), NOON), zones=frozenset({"b", "a"})), ()),
    (observation(dwell_s={"yard": 1 / 3}, crossed=frozenset({"gate:in"})), (whole_decision(), whole_decision())),
    (CameraReport("über", NOON, "lost", "ended", 4.9, {"late": 3}, True), ()),
    (SceneReport("über", NOON, "gate", "open", 0.9, NOON, True, shot=Shot(b"\xff", Box(0.1, 0.2, 0.3, 0.4), NOON)), ()),
    (DoorReport("front", NOON, "locked", "forced_open", "why"), ()),
    (DoorSensed("front", NOON, "open", "unknown", True, "battery low", True, "why"), ()),
    (ModeReport(NOON, "night", "schedule night is open", "ada"), ()),
    (AccessRequest("r", NOON, "d", None, frozenset({"badge"}), None, frozenset(), "none", NOON, ("a",)), ()),
    (Tick(NOON), (system_decision("health.degraded", NOON, (), "core", details={"~map": {"~": ("x", {"~at": 1})}}),)),
]


@pytest.mark.parametrize("pair", EVERY_KIND, ids=lambda pair: type(pair[0]).__name__)
def test_a_line_reads_back_as_it_was(pair: JudgedInput) -> None:
    assert parse_line(spool_line(pair)) == pair


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=8,
)


@given(facts=st.dictionaries(st.text(), json_values), damage=st.integers(0, 10_000))
def test_any_facts_read_back_and_any_damage_is_seen(facts: dict[str, Any], damage: int) -> None:
    made = system_decision("health.degraded", NOON, (), "core", details=facts)
    line = spool_line((Tick(NOON), (made,)))
    assert parse_line(line) == (Tick(NOON), (made,))
    place = damage % len(line)
    with pytest.raises(ValueError, match=r"line|invalid literal"):
        parse_line(line[:place] + bytes([line[place] ^ 1]) + line[place + 1 :])


def test_what_was_taken_comes_out_in_order_also_after_a_restart(tmp_path: Path) -> None:
    spool = DiskSpool(tmp_path, MUCH)
    judged = pairs(7)
    assert spool.add(judged[:3]) == {}
    assert spool.add(judged[3:]) == {}
    assert spool.first(2) == judged[:2]
    spool.drop(2)
    assert spool.first(100) == judged[2:]
    again = DiskSpool(tmp_path, MUCH)
    assert again.first(100) == judged, "what was dropped comes again; the record knows it"
    assert all(entry.id in again for entry, _ in judged)
    again.drop(7)
    assert (len(again), list(tmp_path.iterdir())) == (0, [])
    again.add(judged[:1])
    assert again.first(9) == judged[:1]


def test_a_line_that_was_cut_off_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    judged = pairs(3)
    DiskSpool(tmp_path, MUCH).add(judged)
    path = tmp_path / NAME
    path.write_bytes(path.read_bytes()[:-20])
    spool = DiskSpool(tmp_path, MUCH)
    assert (spool.first(9), spool.faults) == (judged[:2], ())
    assert "cut off" in caplog.text
    spool.add(judged[2:])
    assert DiskSpool(tmp_path, MUCH).first(9) == judged


def test_other_damage_is_set_aside_and_costs_only_itself(tmp_path: Path) -> None:
    judged = pairs(3)
    DiskSpool(tmp_path, MUCH).add(judged)
    path = tmp_path / NAME
    damaged = path.read_bytes().replace(b'"track":1', b'"track":9')
    path.write_bytes(damaged)
    spool = DiskSpool(tmp_path, MUCH)
    assert spool.first(9) == [judged[0], judged[2]]
    assert spool.faults == ("1 lines of the spool cannot be read; a copy is judged.jsonl.1.bad",)
    assert (tmp_path / "judged.jsonl.1.bad").read_bytes() == damaged


def test_an_older_copy_of_damage_is_in_nobodys_way(tmp_path: Path) -> None:
    DiskSpool(tmp_path, MUCH).add(pairs(2))
    path = tmp_path / NAME
    path.write_bytes(path.read_bytes().replace(b'"track":1', b'"track":9'))
    (tmp_path / f"{NAME}.2.bad").write_bytes(b"older")  # somebody took the first one away
    assert len(DiskSpool(tmp_path, MUCH)) == 1
    path.write_bytes(path.read_bytes().replace(b'"track":0', b'"track":9'))
    assert len(DiskSpool(tmp_path, MUCH)) == 0
    assert (tmp_path / f"{NAME}.2.bad").read_bytes() == b"older"
    assert sorted(file.name for file in tmp_path.glob("*.bad")) == [f"{NAME}.{number}.bad" for number in (1, 2, 3)]
    assert DiskSpool(tmp_path, MUCH).faults == ()


def test_a_full_spool_leaves_out_heartbeats_first_and_takes_what_core_says_of_itself(tmp_path: Path) -> None:
    spool = DiskSpool(tmp_path, 20_000)
    assert spool.add(beats(500)) == {"spool_thinned": 500 - len(spool)}
    thinned = len(spool)
    refused = spool.add(pairs(100))
    taken = len(spool) - thinned
    assert (taken > 0, refused) == (True, {"spool_full": 100 - taken})
    note = (Tick(NOON), (system_decision("health.degraded", NOON, (), "core"),))
    assert spool.add([note]) == {}
    assert spool.size_bytes <= 22_000


def test_what_no_line_can_say_is_refused(tmp_path: Path) -> None:
    odd = observation(dwell_s={"yard": object()})
    [good] = pairs(1)
    spool = DiskSpool(tmp_path, MUCH)
    assert spool.add([(odd, ()), good]) == {"unrecordable": 1}
    assert spool.first(9) == [good]


def test_the_rest_of_a_failed_write_is_cut_off(tmp_path: Path) -> None:
    spool = DiskSpool(tmp_path, MUCH)
    judged = pairs(2)
    spool.add(judged[:1])
    with (tmp_path / NAME).open("ab") as file:
        file.write(b"half a li")
    spool.add(judged[1:])
    assert spool.first(9) == judged
    assert DiskSpool(tmp_path, MUCH).first(9) == judged


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    spool = DiskSpool(tmp_path / "spool", MUCH)
    spool.add(pairs(1))
    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "spool" / NAME).stat().st_mode & 0o777 == 0o600


def test_a_directory_that_cannot_be_used_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("")
    with pytest.raises(SettingsError, match="spool"):
        DiskSpool(tmp_path / "spool", MUCH)
