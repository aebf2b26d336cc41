"""The addresses of readers and relays: taken apart, or refused in one line that repeats no password."""

from __future__ import annotations

import pytest

from surveillance.domain.devices import Broker, MqttPlace, OsdpPlace, check_device, parse_mqtt, parse_osdp, wire_of
from surveillance.domain.errors import SettingsError
from surveillance.domain.site import hide_password

BROKER = Broker("broker.lan", 1883)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("mqtt://broker.lan/doors/front", MqttPlace(BROKER, "doors/front")),
        ("MQTTS://a:b%2Fc@broker.lan:99/x/", MqttPlace(Broker("broker.lan", 99, True, "a", "b/c"), "x")),
        ("osdp:///dev/ttyUSB0", OsdpPlace("/dev/ttyUSB0")),
        (
            f"osdp:///dev/serial/by-id/usb-FTDI_1-if00?address=3&baud=115200&output=1&key={'0f' * 16}",
            OsdpPlace("/dev/serial/by-id/usb-FTDI_1-if00", 3, 115200, key=b"\x0f" * 16, output=1),
        ),
        ("osdp:///dev/pts/3?secure=no", OsdpPlace("/dev/pts/3", secure=False)),
    ],
)
def test_an_address_is_taken_apart(url: str, place: MqttPlace | OsdpPlace) -> None:
    assert (parse_osdp if wire_of(url) == "osdp" else parse_mqtt)(url, "the relay") == place


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("mqtt://broker.lan", "needs a topic"),
        ("mqtt://broker.lan/doors/+/x", "needs a topic"),
        ("mqtt://broker.lan/$SYS/x", "needs a topic"),
        ("mqtt://broker.lan/x?retain=1", "nothing may follow"),
        ("mqtt://:hunter2@broker.lan/x", "no user"),
        ("mqtt://169.254.169.254/x", "link-local"),
        ("mqtt://127.0.0.1/x", "is this machine"),
        ("mqtt://u:hunt er2@broker/x", "plain characters"),
        ("osdp://host/dev/ttyUSB0", "must be a serial line"),
        ("osdp:///dev/mem", "is no serial line"),
        ("osdp:///dev/ttyUSB0/../mem", "is no serial line"),
        ("osdp:///dev/pts/3", "is no serial line"),
        ("osdp:///dev/ttyS0?address=127", "address must be one of 0..126"),
        ("osdp:///dev/ttyS0?baud=12", "baud must be one of 9600"),
        ("osdp:///dev/ttyS0?key=hunter2", "32 hexadecimal digits"),
        (f"osdp:///dev/ttyS0?secure=no&key={'0f' * 16}", "leave one of them out"),
        ("osdp:///dev/ttyS0?adress=1", "adress is not known"),
        ("http://169.254.169.254/", "link-local"),
    ],
)
def test_what_cannot_be_spoken_to_is_said_in_one_line(url: str, why: str) -> None:
    with pytest.raises(SettingsError, match=why) as caught:
        check_device(url, "the relay")
    assert not any(told in str(caught.value) for told in ("hunter2", "hunt er2", "\n"))


def test_passwords_and_keys_are_hidden() -> None:
    assert hide_password("mqtts://a:b@broker/x") == "mqtts://***@broker/x"
    assert hide_password(f"osdp:///dev/ttyS0?address=1&key={'0f' * 16}") == "osdp:///dev/ttyS0?address=1&key=***"
    assert "b/c" not in repr(parse_mqtt("mqtts://a:b%2Fc@broker.lan/x", "the relay"))
