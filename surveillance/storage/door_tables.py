"""The tables of doors: how each is set up, the mode in which it was left, and the threat levels that lock them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Integer, String, Table, Text

from surveillance.storage.columns import Moment, Name, Telling, metadata

door = Table(
    "door",
    metadata,
    Column("name", Name, primary_key=True, doc="name of the door"),
    Column("position", Integer, nullable=False, doc="order in lists"),
    Column("camera", Name, doc="camera that looks at it"),
    Column("reader", Text, doc="reader beside it: a name, or an address, sealed"),
    Column("relay", Text, doc="address of its controller, sealed"),
    Column("pulse_s", Float, nullable=False, doc="seconds for which the device unlocks"),
    Column("on_camera_stale", String(12), nullable=False, doc="deny or badge_only"),
    Column("camera_asks", String(12), nullable=False, doc="what its camera presents: no, plates, badges or both"),
    Column("camera_zone", Name, doc="zone in which one must stand for that; empty for anywhere"),
    Column("watch", String(12), doc="who tells how it stands: poll or push; empty for nobody"),
    Column("from_area", Name, doc="area that one leaves by it; empty for outside"),
    Column("to_area", Name, doc="area that one enters by it; empty for outside"),
    Column("interlock", Name, doc="group of doors of which one at a time opens; empty for none"),
    Column("line", Name, doc="line of its camera that one crosses inwards going through; empty for none"),
    Column("lockdown_exempt", Boolean, doc="whether a threat level of lockdown leaves it as it is; empty for no"),
    Column("antipassback", String(12), doc="soft or hard; empty for off"),
)

door_mode = Table(
    "door_mode",
    metadata,
    Column("door", Name, primary_key=True, doc="name of the door"),
    Column("number", BigInteger, nullable=False, doc="number of the input that told it"),
    Column("mode", String(20), nullable=False, doc="mode in which it was left; a momentary access is none"),
    Column("at", Moment, nullable=False, doc="since when"),
    Column("payload", Telling(), nullable=False, doc="its alarm and the reason, as canonical JSON"),
)

threat_level = Table(
    "threat_level",
    metadata,
    Column("position", Integer, primary_key=True, autoincrement=False, doc="order of gravity, the usual one first"),
    Column("name", Name, nullable=False, doc="name of the level"),
)
