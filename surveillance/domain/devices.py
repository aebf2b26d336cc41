"""The address of a reader or relay, as a door of the site says it, taken apart: an MQTT topic or an OSDP device.

mqtt://user:password@broker:1883/doors/front      mqtts:// for TLS
osdp:///dev/ttyUSB0?address=1&baud=9600           secure=no for a device without secure channel
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from surveillance.domain.addresses import check_place
from surveillance.domain.errors import AddressRefused, SettingsError

MQTT_PORTS = {"mqtt": 1883, "mqtts": 8883}
READER_WIRES = ("mqtt", "osdp")  # by which readers ask, beside the HTTP API
LONGEST_TOPIC = 200
OSDP_KEYS = ("address", "baud", "secure", "key", "output", "contact", "exit")
BAUDS = (9600, 19200, 38400, 57600, 115200, 230400)
_LINE = re.compile(r"/dev/(tty[A-Z]\w{0,30}|serial/by-(id|path)/[\w:.+-]{1,200})")
_TERMINAL = re.compile(r"/dev/pts/\d{1,6}")  # one end of a pair, as simulators make; else somebody's screen


@dataclass(frozen=True, slots=True)
class Broker:
    """An MQTT broker and who we are there. Its text leaves the login out."""

    host: str
    port: int
    tls: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class MqttPlace:
    """The topic below which one device is spoken to."""

    broker: Broker
    topic: str


@dataclass(frozen=True, slots=True)
class OsdpPlace:
    """A device on a serial line. `key` is what the URL says, 16 bytes; None: the one that the site derives."""

    line: str
    address: int = 0
    baud: int = 9600
    secure: bool = True
    key: bytes | None = field(default=None, repr=False)
    output: int = 0
    contact: int | None = None  # the input that is active while the door stands open
    exit: int | None = None  # the input of the exit button

    def __str__(self) -> str:
        return f"osdp://{self.line}?address={self.address}"


def scheme_of(url: str) -> str:
    """In lower case; empty for a plain name."""
    scheme, mark, _ = url.partition("://")
    return scheme.lower() if mark else ""


def wire_of(url: str) -> str:
    """The name of the entry point of `surveillance.relays` that speaks to such an address."""
    scheme = scheme_of(url)
    return {"https": "http", "mqtts": "mqtt"}.get(scheme, scheme)


def parse_mqtt(url: str, what: str, loopback: bool = True) -> MqttPlace:
    """Raises SettingsError, naming `what`, for what is no broker and topic that may be spoken to."""
    check_place(url, what, loopback)
    parts = urlsplit(url)
    scheme, topic = parts.scheme.lower(), unquote(parts.path).strip("/")
    if scheme not in MQTT_PORTS:
        raise SettingsError(f"{what}: must be mqtt://broker/topic, or mqtts://broker/topic for TLS")
    if not topic or len(topic) > LONGEST_TOPIC or not topic.isprintable() or set("+#") & set(topic) or topic[0] == "$":
        raise SettingsError(f"{what}: needs a topic without + and #, such as {scheme}://broker/doors/front")
    if parts.query or parts.fragment:
        raise SettingsError(f"{what}: nothing may follow the topic")
    if not parts.username and parts.password is not None:
        raise SettingsError(f"{what}: has a password and no user")
    login = [None if part is None else unquote(part) for part in (parts.username, parts.password)]
    broker = Broker(parts.hostname or "", parts.port or MQTT_PORTS[scheme], scheme == "mqtts", *login)
    return MqttPlace(broker, topic)


def parse_osdp(url: str, what: str, loopback: bool = True) -> OsdpPlace:
    """Raises SettingsError, naming `what`, for what is no device on a serial line.

    `loopback` allows one end of a pair of this machine, as simulators make.
    """
    parts = urlsplit(url)
    if parts.scheme.lower() != "osdp" or parts.netloc or parts.fragment:
        raise SettingsError(f"{what}: must be a serial line, such as osdp:///dev/ttyUSB0?address=1")
    if not _LINE.fullmatch(parts.path) and not (loopback and _TERMINAL.fullmatch(parts.path)):
        raise AddressRefused(f"{what}: {parts.path} is no serial line; write one such as /dev/ttyUSB0")
    asked = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name in asked:
        if name not in OSDP_KEYS:
            raise SettingsError(f"{what}: {name} is not known; there are: {', '.join(OSDP_KEYS)}")
    return OsdpPlace(
        parts.path,
        _number(asked, "address", 0, range(127), what),
        _number(asked, "baud", 9600, BAUDS, what),
        _secure(asked, what),
        _key(asked.get("key"), what),
        _number(asked, "output", 0, range(16), what),
        _number(asked, "contact", 0, range(16), what) if "contact" in asked else None,
        _number(asked, "exit", 0, range(16), what) if "exit" in asked else None,
    )


def check_device(url: str, what: str, loopback: bool = False) -> None:
    """Whether a relay or reader may be there, whatever it speaks. Raises SettingsError."""
    scheme = scheme_of(url)
    if scheme in MQTT_PORTS:
        parse_mqtt(url, what, loopback)
    elif scheme == "osdp":
        parse_osdp(url, what, loopback)
    else:
        check_place(url, what, loopback)


def _number(asked: Mapping[str, str], name: str, usual: int, allowed: range | tuple[int, ...], what: str) -> int:
    text = asked.get(name, str(usual))
    if not re.fullmatch(r"\d{1,7}", text) or int(text) not in allowed:
        shown = f"{allowed[0]}..{allowed[-1]}" if isinstance(allowed, range) else ", ".join(map(str, allowed))
        raise SettingsError(f"{what}: {name} must be one of {shown}")
    return int(text)


def _secure(asked: Mapping[str, str], what: str) -> bool:
    said = asked.get("secure", "yes")
    if said not in ("yes", "no"):
        raise SettingsError(f"{what}: secure must be yes or no")
    if said == "no" and "key" in asked:
        raise SettingsError(f"{what}: has a key and secure=no; leave one of them out")
    return said == "yes"


def _key(text: str | None, what: str) -> bytes | None:
    if text is None:
        return None
    if not re.fullmatch(r"[0-9a-fA-F]{32}", text):
        raise SettingsError(f"{what}: key must be 32 hexadecimal digits (16 bytes)")
    return bytes.fromhex(text)
