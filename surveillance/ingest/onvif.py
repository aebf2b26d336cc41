"""The local network in, ONVIF cameras out: who answers a search, and which streams a device offers to a user.

What a device says is not trusted: its addresses pass the guard and must be its own, its answers are bounded in size and
may declare no entities. WS-Discovery 1.1; ONVIF Core and Media (ver10), signed in by WS-UsernameToken digest.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import requests
import zeep.exceptions
from lxml.etree import LxmlError
from requests.auth import HTTPDigestAuth
from zeep import Client
from zeep import Settings as SoapSettings
from zeep.transports import Transport
from zeep.wsse.username import UsernameToken

from surveillance.domain.addresses import check_camera, check_place, pinned
from surveillance.domain.errors import AddressRefused, SourceError

MOST_DEVICES = 200
MOST_PROFILES = 12
MOST_BYTES = 512 * 1024  # of one answer; GetProfiles of a camera with many is about 100 KB
MOST_LETTERS = 80
ANSWER_S = 4.0
SUB_WIDTH_PX = 640  # of the stream that is best analyzed
SERVICES = "http://www.onvif.org/ver10/{0}/wsdl"
STREAM = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}


@dataclass(frozen=True, slots=True)
class Device:
    """Who answered a search. `service` is where it is asked for its streams."""

    name: str
    address: str
    hardware: str
    service: str


@dataclass(frozen=True, slots=True)
class Profile:
    """One stream of a device. `url` holds no user name and no password."""

    name: str
    url: str
    codec: str
    width: int
    height: int
    fps: float


@dataclass(frozen=True, slots=True)
class Offer:
    """A device that let the user in. `main` is its largest stream; `sub` a smaller one, where it has one."""

    maker: str
    model: str
    firmware: str
    profiles: tuple[Profile, ...]
    notes: tuple[str, ...] = ()

    @property
    def main(self) -> Profile | None:
        return max(self.profiles, key=_pixels, default=None)

    @property
    def sub(self) -> Profile | None:
        smaller = [profile for profile in self.profiles if self.main and _pixels(profile) < _pixels(self.main)]
        return min(smaller, key=lambda profile: abs(profile.width - SUB_WIDTH_PX), default=None)


# --- the search ----------------------------------------------------------------------------------------------------


def discover(seconds: float = 4.0, loopback: bool = False) -> list[Device]:
    """The video devices that answer within so many seconds, by address. Raises SourceError where nothing can be asked.

    `loopback` lets devices of this very machine count.
    """
    from wsdiscovery import QName
    from wsdiscovery.discovery import ThreadedWSDiscovery

    for name in ("wsdiscovery", "threading", "util"):  # the library's log would repeat whatever anybody sends
        logging.getLogger(name).setLevel(logging.CRITICAL)
    video = QName(SERVICES.format("network"), "NetworkVideoTransmitter")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search = ThreadedWSDiscovery()
        try:
            search.start()
            found = search.searchServices(types=[video], timeout=seconds)
        except OSError as error:
            raise SourceError(f"the network cannot be searched: {error.strerror or error}") from None
        search.stop()
    devices = {device.service: device for device in (_device(each, loopback) for each in found) if device}
    return sorted(devices.values(), key=lambda device: (len(device.address), device.address))[:MOST_DEVICES]


def _device(told: Any, loopback: bool) -> Device | None:
    """What a device said of itself; None where it names no address that may be asked."""
    scopes = [str(scope.getValue()) for scope in told.getScopes() or ()]
    for service in told.getXAddrs() or ():
        try:
            check_service(service, loopback)
        except AddressRefused:
            continue
        address = urlsplit(service).hostname or ""
        return Device(_scoped(scopes, "name") or address, address, _scoped(scopes, "hardware"), service)
    return None


def check_service(service: str, loopback: bool) -> None:
    """Raises AddressRefused unless a device may be asked there."""
    if urlsplit(service).scheme not in ("http", "https"):
        raise AddressRefused("the device's address: write one such as http://192.168.1.20/onvif/device_service")
    check_place(service, "the device's address", loopback)


def _scoped(scopes: list[str], key: str) -> str:
    """`onvif://www.onvif.org/name/Front%20door` is `Front door` for `name`."""
    start = f"onvif://www.onvif.org/{key}/"
    return next((_plain(unquote(scope.removeprefix(start))) for scope in scopes if scope.startswith(start)), "")


# --- one device ----------------------------------------------------------------------------------------------------


def read_offer(service: str, user: str, password: str, loopback: bool = False, answer_s: float = ANSWER_S) -> Offer:
    """What a device offers. Raises SourceError in words: unreachable, wrong password, no video, not understood."""
    check_service(service, loopback)
    device = _Conversation(service, user, password, answer_s)
    device.learn_clock()
    about = device.ask("device", "GetDeviceInformation")
    capabilities = device.ask("device", "GetCapabilities", {"Category": "Media"})
    media = _value(capabilities, "Media", "XAddr")
    if not media:
        raise SourceError(f"{device.shown} has no media service: it is no camera", "no_video")
    device.go_to("media", str(media))
    profiles, notes = [], []
    for told in list(device.ask("media", "GetProfiles") or [])[:MOST_PROFILES]:
        uri = device.ask("media", "GetStreamUri", {"StreamSetup": STREAM, "ProfileToken": _value(told, "token")})
        try:
            profiles.append(_profile(told, str(_value(uri, "Uri") or ""), device.host, loopback))
        except AddressRefused as refused:
            notes.append(f"{_plain(_value(told, 'Name'))}: {refused}")
    if not profiles:
        raise SourceError(f"{device.shown} offers no stream" + "".join(f"; {note}" for note in notes), "no_video")
    return Offer(
        maker=_plain(_value(about, "Manufacturer")),
        model=_plain(_value(about, "Model")),
        firmware=_plain(_value(about, "FirmwareVersion")),
        profiles=tuple(sorted(profiles, key=_pixels, reverse=True)),
        notes=tuple(notes),
    )


def _profile(told: Any, uri: str, host: str, loopback: bool) -> Profile:
    """Raises AddressRefused for a stream that is elsewhere: the password for this device would be sent there."""
    parts = urlsplit(uri)
    if parts.hostname != host:
        raise AddressRefused("its stream is at another address than the device, so it is not offered")
    plain = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    check_camera(plain, loopback)
    encoder = _value(told, "VideoEncoderConfiguration")
    return Profile(
        name=_plain(_value(told, "Name")),
        url=plain,
        codec=_plain(_value(encoder, "Encoding")),
        width=_number(_value(encoder, "Resolution", "Width")),
        height=_number(_value(encoder, "Resolution", "Height")),
        fps=float(_number(_value(encoder, "RateControl", "FrameRateLimit"))),
    )


class _Conversation:
    """Questions to one device, in the words of its services."""

    def __init__(self, service: str, user: str, password: str, answer_s: float) -> None:
        self.host = urlsplit(service).hostname or ""
        self.shown = f"the device at {self.host}"
        self._places = {"device": service}
        self._user, self._password = user, password
        self._ahead = timedelta(0)  # by how much the device's clock is ahead
        self._clients: dict[str, Client] = {}
        self._transport = _BoundedTransport(user, password, answer_s)

    def learn_clock(self) -> None:
        """A signature is dated, and a device whose clock is wrong refuses it. The time is told to anybody."""
        told = self.ask("device", "GetSystemDateAndTime", signed=False)
        date, time = _value(told, "UTCDateTime", "Date"), _value(told, "UTCDateTime", "Time")
        named = [_value(date, key) for key in ("Year", "Month", "Day")]
        named += [_value(time, key) for key in ("Hour", "Minute", "Second")]
        try:
            year, month, day, hour, minute, second = map(int, named)
            self._ahead = datetime(year, month, day, hour, minute, second, tzinfo=UTC) - datetime.now(UTC)
        except (TypeError, ValueError, OverflowError):  # it does not say
            self._ahead = timedelta(0)

    def go_to(self, name: str, place: str) -> None:
        """Where a service is asked: at the device, whatever host it believes to have."""
        parts, own = urlsplit(place), urlsplit(self._places["device"])
        if parts.hostname != self.host or parts.scheme not in ("http", "https"):
            parts = parts._replace(scheme=own.scheme, netloc=own.netloc)
        self._places[name] = urlunsplit(parts)

    def ask(self, name: str, question: str, words: Mapping[str, Any] | None = None, signed: bool = True) -> Any:
        """The device's answer. Raises SourceError in words."""
        with self._faults_in_words():
            client = self._client(name)
            created = (datetime.now(UTC) + self._ahead).replace(tzinfo=None)
            token = UsernameToken(self._user, self._password, use_digest=True, created=created, zulu_timestamp=True)
            client.wsse = token if signed and self._user else None
            place = pinned(self._places[name], "the device's address")
            binding = f"{{{SERVICES.format(name)}}}{name.capitalize()}Binding"
            return client.create_service(binding, place)[question](**(words or {}))

    def _client(self, name: str) -> Client:
        if name not in self._clients:
            file = {"device": "devicemgmt.wsdl", "media": "media.wsdl"}[name]
            how = SoapSettings(strict=False, xml_huge_tree=False, forbid_dtd=True, forbid_entities=True)
            self._clients[name] = Client(str(_wsdl() / file), transport=self._transport, settings=how)
        return self._clients[name]

    @contextmanager
    def _faults_in_words(self) -> Iterator[None]:
        garbled = f"{self.shown} sent nothing that an ONVIF device would"
        try:
            yield
        except zeep.exceptions.TransportError as error:
            if error.status_code in (401, 403):
                raise SourceError(f"{self.shown} refused the user name or password", "wrong_password") from None
            raise SourceError(f"{self.shown} answers, but not as an ONVIF device", "not_found") from None
        except zeep.exceptions.Fault as fault:
            raise self._refused(fault) from None
        except requests.Timeout:
            raise SourceError(f"{self.shown} gave no answer in time", "timeout") from None
        except AddressRefused as refused:
            raise SourceError(str(refused), "not_found") from None
        except OSError:  # requests' own errors are such
            raise SourceError(f"{self.shown} cannot be reached: is it on?", "unreachable") from None
        except (zeep.exceptions.Error, LxmlError, AttributeError, LookupError, TypeError, ValueError):
            raise SourceError(garbled, "unreadable") from None

    def _refused(self, fault: zeep.exceptions.Fault) -> SourceError:
        codes = " ".join(str(getattr(code, "localname", code)) for code in fault.subcodes or ())
        said = f"{codes} {fault.message}".lower()
        if "notauthorized" in said or "not authorized" in said or "security token" in said:
            return SourceError(f"{self.shown} refused the user name or password", "wrong_password")
        if "notsupported" in said or "not supported" in said or "nosuchservice" in said:
            return SourceError(f"{self.shown} has no media service: it is no camera", "no_video")
        return SourceError(f"{self.shown} refused: {_plain(fault.message)}", "unreadable")


class _BoundedTransport(Transport):
    """Posts as zeep does, goes nowhere else, and reads no more than MOST_BYTES."""

    def __init__(self, user: str, password: str, answer_s: float) -> None:
        session = requests.Session()
        session.trust_env = False  # no proxy, no ~/.netrc
        session.verify = False  # a camera's certificate is its own; whoever asks by http has none either
        session.auth = HTTPDigestAuth(user, password) if user else None
        super().__init__(session=session, operation_timeout=answer_s)  # type: ignore[no-untyped-call]

    def post(self, address: str, message: bytes, headers: Mapping[str, str]) -> requests.Response:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the certificate
            answer: requests.Response = self.session.post(
                address,
                data=message,
                headers=headers,
                timeout=self.operation_timeout,
                stream=True,
                allow_redirects=False,
            )
        content = answer.raw.read(MOST_BYTES + 1, decode_content=True)
        answer.close()
        if len(content) > MOST_BYTES:
            raise ValueError("more than any device has to say")
        answer._content = content
        return answer


def _wsdl() -> Path:
    """The folder of ONVIF's service descriptions that onvif-zeep brings."""
    spec = find_spec("onvif")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent.parent / "wsdl"


def _value(told: Any, *keys: str) -> Any:
    """What an answer holds under these names; None where it leaves one out."""
    for key in keys:
        told = getattr(told, key, None)
    return told


def _plain(told: Any) -> str:
    """A device's words on one line, of a bounded length."""
    text = "" if told is None else " ".join(str(told).split())
    return "".join(letter for letter in text if letter.isprintable())[:MOST_LETTERS]


def _number(told: Any) -> int:
    try:
        return min(max(int(told), 0), 100_000)
    except (TypeError, ValueError):
        return 0


def _pixels(profile: Profile) -> int:
    return profile.width * profile.height
