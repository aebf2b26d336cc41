"""A simulated ONVIF camera for tests: answers WS-Discovery probes, and SOAP signed by WS-UsernameToken digest.

`how` says what is wrong with it: "well", "no_media", "garbage", "bomb" (entities in entities), "huge", "slow",
"elsewhere" (its streams are another machine's), "behind" (its clock is an hour late), "lost" (it believes to have
another address).
"""

from __future__ import annotations

import base64
import hashlib
import re
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

GROUP, PORT = "239.255.255.250", 3702
SOAP = "http://www.w3.org/2003/05/soap-envelope"
SKEW_S = 30.0  # how old a signature may be
ENTITIES = "".join(f'<!ENTITY {of} "{f"&{part};" * 10}">' for part, of in zip("abcdefghi", "bcdefghij", strict=True))
BOMB = f'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "lol">{ENTITIES}]><a>&j;</a>'  # three thousand million letters
PROFILE = """<trt:Profiles token="{token}" fixed="true"><tt:Name>{name}</tt:Name>
<tt:VideoEncoderConfiguration token="e-{token}"><tt:Name>e</tt:Name><tt:UseCount>1</tt:UseCount>
<tt:Encoding>H264</tt:Encoding><tt:Resolution><tt:Width>{width}</tt:Width><tt:Height>{height}</tt:Height></tt:Resolution>
<tt:Quality>5</tt:Quality><tt:RateControl><tt:FrameRateLimit>25</tt:FrameRateLimit>
<tt:EncodingInterval>1</tt:EncodingInterval><tt:BitrateLimit>4096</tt:BitrateLimit></tt:RateControl>
<tt:SessionTimeout>PT60S</tt:SessionTimeout></tt:VideoEncoderConfiguration></trt:Profiles>"""
MATCH = """<?xml version="1.0" encoding="UTF-8"?>
<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing"
 xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:dn="http://www.onvif.org/ver10/network/wsdl">
<e:Header><w:MessageID>urn:uuid:{answer}</w:MessageID><w:RelatesTo>{asked}</w:RelatesTo>
<w:To>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</w:To>
<w:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/ProbeMatches</w:Action></e:Header>
<e:Body><d:ProbeMatches><d:ProbeMatch><w:EndpointReference><w:Address>urn:uuid:{device}</w:Address></w:EndpointReference>
<d:Types>dn:NetworkVideoTransmitter</d:Types><d:Scopes>{scopes}</d:Scopes><d:XAddrs>{service}</d:XAddrs>
<d:MetadataVersion>1</d:MetadataVersion></d:ProbeMatch></d:ProbeMatches></e:Body></e:Envelope>"""


@dataclass
class OnvifDevice:
    """`service` is where it is asked; `asked` are the questions that came, in order."""

    how: str = "well"
    user: str = "viewer"
    password: str = "secret"
    host: str = "127.0.0.1"
    stream: str = "rtsp://viewer:secret@{host}:{port}/{token}"
    port: int = 0
    asked: list[str] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def service(self) -> str:
        return f"http://{self.host}:{self.port}/onvif/device_service"

    def answer(self, question: str, body: str) -> tuple[int, str]:
        """Status and text of an answer."""
        self.asked.append(question)
        if self.how == "slow":
            self.stopping.wait(30)
        if self.how in ("garbage", "bomb", "huge"):
            return 200, {"garbage": "<html>hello", "bomb": BOMB, "huge": "<a>" + "x" * 2_000_000}[self.how]
        if question != "GetSystemDateAndTime" and not self._is_signed(body):
            return 400, fault("Sender", "ter:NotAuthorized", "Sender not Authorized")
        if question in ("GetCapabilities", "GetProfiles", "GetStreamUri") and self.how == "no_media":
            return 500, fault("Receiver", "ter:ActionNotSupported", "Optional Action Not Implemented")
        return 200, envelope(getattr(self, f"_{question}")(body))

    @property
    def clock(self) -> datetime:
        return datetime.now(UTC) - (timedelta(hours=1) if self.how == "behind" else timedelta(0))

    def _is_signed(self, body: str) -> bool:
        found = [
            re.search(rf"<\w+:{name}(?: [^>]*)?>([^<]*)<", body)
            for name in ("Username", "Password", "Nonce", "Created")
        ]
        if not all(found):
            return False
        user, digest, nonce, created = (match[1] for match in found if match)
        wanted = hashlib.sha1(base64.b64decode(nonce) + created.encode() + self.password.encode()).digest()
        age_s = abs((self.clock - datetime.fromisoformat(created)).total_seconds())
        return user == self.user and base64.b64decode(digest) == wanted and age_s < SKEW_S

    def _GetSystemDateAndTime(self, body: str) -> str:  # noqa: N802 (the question's name)
        now = self.clock
        return (
            "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType>"
            f"<tt:DaylightSavings>false</tt:DaylightSavings><tt:UTCDateTime><tt:Time><tt:Hour>{now.hour}</tt:Hour>"
            f"<tt:Minute>{now.minute}</tt:Minute><tt:Second>{now.second}</tt:Second></tt:Time><tt:Date>"
            f"<tt:Year>{now.year}</tt:Year><tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day></tt:Date>"
            "</tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
        )

    def _GetDeviceInformation(self, body: str) -> str:  # noqa: N802
        return (
            "<tds:GetDeviceInformationResponse><tds:Manufacturer>Acme</tds:Manufacturer><tds:Model>Dome 4</tds:Model>"
            "<tds:FirmwareVersion>1.2</tds:FirmwareVersion><tds:SerialNumber>7</tds:SerialNumber>"
            "<tds:HardwareId>D4</tds:HardwareId></tds:GetDeviceInformationResponse>"
        )

    def _GetCapabilities(self, body: str) -> str:  # noqa: N802
        host = "10.99.0.1:8000" if self.how == "lost" else f"{self.host}:{self.port}"
        return (
            "<tds:GetCapabilitiesResponse><tds:Capabilities><tt:Media>"
            f"<tt:XAddr>http://{host}/onvif/media_service</tt:XAddr><tt:StreamingCapabilities/></tt:Media>"
            "</tds:Capabilities></tds:GetCapabilitiesResponse>"
        )

    def _GetProfiles(self, body: str) -> str:  # noqa: N802
        streams = [("sub", "Sub", 640, 360), ("main", "Main", 1280, 720), ("tiny", "Tiny", 176, 144)]
        told = "".join(PROFILE.format(token=t, name=n, width=w, height=h) for t, n, w, h in streams)
        return f"<trt:GetProfilesResponse>{told}</trt:GetProfilesResponse>"

    def _GetStreamUri(self, body: str) -> str:  # noqa: N802
        token = re.search(r"ProfileToken>(\w+)<", body)
        assert token, body
        host = "10.99.0.1" if self.how == "elsewhere" else self.host
        uri = self.stream.format(host=host, port=8554, token=token[1])
        return (
            f"<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>{uri}</tt:Uri>"
            "<tt:InvalidAfterConnect>false</tt:InvalidAfterConnect><tt:InvalidAfterReboot>false</tt:InvalidAfterReboot>"
            "<tt:Timeout>PT60S</tt:Timeout></trt:MediaUri></trt:GetStreamUriResponse>"
        )


def envelope(body: str) -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="{SOAP}" '
        'xmlns:ter="http://www.onvif.org/ver10/error" '
        'xmlns:tds="http://www.onvif.org/ver10/device/wsdl" xmlns:trt="http://www.onvif.org/ver10/media/wsdl" '
        f'xmlns:tt="http://www.onvif.org/ver10/schema"><s:Body>{body}</s:Body></s:Envelope>'
    )


def fault(code: str, subcode: str, reason: str) -> str:
    return envelope(
        f"<s:Fault><s:Code><s:Value>s:{code}</s:Value><s:Subcode><s:Value>{subcode}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en">{reason}</s:Text></s:Reason></s:Fault>'
    )


@contextmanager
def running_device(device: OnvifDevice, found: bool = False) -> Iterator[OnvifDevice]:
    """The device, answering SOAP; also searches of the network, where `found` says so."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            question = re.search(r"Body>\s*<(?:\w+:)?(\w+)", body)
            status, text = device.answer(question[1] if question else "", body)
            self.send_response(status)
            self.send_header("Content-Type", "application/soap+xml; charset=utf-8")
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *words: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *request: object) -> None:  # whoever asked has gone away
            pass

    server = Server((device.host, device.port), Handler)
    device.port = server.server_port
    threads = [threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})]
    if found:
        threads.append(threading.Thread(target=answer_probes, args=(device,)))
    for thread in threads:
        thread.start()
    try:
        yield device
    finally:
        device.stopping.set()
        server.shutdown()
        server.server_close()
        for thread in threads:
            thread.join(5)


def answer_probes(device: OnvifDevice) -> None:
    """Answers every probe with rubbish first, then with what it is."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        ear.bind(("", PORT))
        join_group(ear)
        ear.settimeout(0.1)
        while not device.stopping.is_set():
            try:
                said, asker = ear.recvfrom(65536)
            except TimeoutError:
                continue
            asked = re.search(rb"MessageID>([^<]+)<", said)
            if asked is None or b"/Probe<" not in said:
                continue
            for text in ("<e:Envelope", BOMB, match_of(device, asked[1].decode())):
                ear.sendto(text.encode(), asker)


def join_group(ear: socket.socket) -> None:
    """On every interface that can: which of them multicasts leave by is the asker's choice."""
    for number, _ in socket.if_nameindex():
        try:
            ear.setsockopt(
                socket.IPPROTO_IP,
                socket.IP_ADD_MEMBERSHIP,
                struct.pack("=4s4si", socket.inet_aton(GROUP), b"\0" * 4, number),
            )
        except OSError:
            continue


def match_of(device: OnvifDevice, asked: str) -> str:
    scopes = (
        "onvif://www.onvif.org/name/Front%20door onvif://www.onvif.org/hardware/D4 onvif://www.onvif.org/location/x"
    )
    identity = f"00000000-0000-0000-0000-{device.port:012}"
    answer = f"11111111-0000-0000-0000-{abs(hash(asked)) % 10**12:012}"
    return MATCH.format(answer=answer, asked=asked, device=identity, scopes=scopes, service=device.service)
