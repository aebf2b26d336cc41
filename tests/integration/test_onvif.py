"""ONVIF devices searched for and asked for their streams, over real sockets; none of their answers is trusted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from onvif_device import OnvifDevice, running_device
from patience import eventually

from surveillance.cli import cli
from surveillance.domain.errors import AddressRefused, SourceError
from surveillance.ingest.onvif import Device, Profile, discover, read_offer

MAIN = Profile("Main", "rtsp://127.0.0.1:8554/main", "H264", 1280, 720, 25.0)
SUB = Profile("Sub", "rtsp://127.0.0.1:8554/sub", "H264", 640, 360, 25.0)


def test_a_search_finds_a_device_among_rubbish() -> None:
    with running_device(OnvifDevice(), found=True) as device:
        wanted = Device("Front door", "127.0.0.1", "D4", device.service)
        assert eventually(lambda: wanted in discover(3.0, loopback=True), 60)  # a busy machine may miss an answer
        assert device.service not in [other.service for other in discover(1.0)], "this machine is not asked"


@pytest.mark.parametrize("how", ["well", "behind", "lost"])
def test_a_device_offers_its_streams_largest_first_and_without_passwords(how: str) -> None:
    with running_device(OnvifDevice(how)) as device:
        offer = read_offer(device.service, "viewer", "secret", loopback=True)
    assert (offer.maker, offer.model, offer.firmware, offer.notes) == ("Acme", "Dome 4", "1.2", ())
    assert [profile.name for profile in offer.profiles] == ["Main", "Sub", "Tiny"]
    assert (offer.main, offer.sub) == (MAIN, SUB)


@pytest.mark.parametrize(
    ("how", "password", "reason", "words"),
    [
        ("well", "wrong", "wrong_password", "refused the user name or password"),
        ("no_media", "secret", "no_video", "has no media service: it is no camera"),
        ("garbage", "secret", "unreadable", "sent nothing that an ONVIF device would"),
        ("bomb", "secret", "unreadable", "sent nothing that an ONVIF device would"),
        ("huge", "secret", "unreadable", "sent nothing that an ONVIF device would"),
        ("slow", "secret", "timeout", "gave no answer in time"),
        ("elsewhere", "secret", "no_video", "offers no stream; Sub: its stream is at another address than the device"),
    ],
)
def test_what_is_wrong_with_a_device_is_one_sentence(how: str, password: str, reason: str, words: str) -> None:
    with running_device(OnvifDevice(how)) as device, pytest.raises(SourceError) as failed:
        read_offer(device.service, "viewer", password, loopback=True, answer_s=1.0 if how == "slow" else 30.0)
    assert failed.value.reason == reason
    assert str(failed.value).startswith(f"the device at 127.0.0.1 {words}")


def test_a_password_never_travels_in_clear() -> None:
    heard: list[str] = []

    class Listening(OnvifDevice):
        def answer(self, question: str, body: str) -> tuple[int, str]:
            heard.append(body)
            return super().answer(question, body)

    with running_device(Listening()) as device:
        read_offer(device.service, "viewer", "secret", loopback=True)
    assert len(heard) > 4
    assert not any("secret" in body for body in heard)


@pytest.mark.parametrize(
    "service",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:8080/",
        "file:///etc/passwd",
        "gopher://10.0.0.1/",
    ],
)
def test_addresses_that_no_device_has_are_not_asked(service: str) -> None:
    with pytest.raises(AddressRefused):
        read_offer(service, "viewer", "secret")


def test_nobody_there_is_one_sentence_too() -> None:
    with running_device(OnvifDevice()) as device:
        service = device.service
    with pytest.raises(SourceError, match=r"the device at 127\.0\.0\.1 cannot be reached: is it on\?"):
        read_offer(service, "viewer", "secret", loopback=True)


def told_devices(runner: CliRunner) -> list[str]:
    found = runner.invoke(cli, ["camera", "discover", "--seconds", "3", "--json"])
    devices = [json.loads(line) for line in found.output.splitlines()]
    assert all(device.keys() == {"name", "address", "hardware", "service"} for device in devices)
    return [device["service"] for device in devices]


def test_the_command_line_lists_devices_and_streams(tmp_path: Path) -> None:
    runner = CliRunner(env={"SURVEILLANCE__DATA_DIR": str(tmp_path / "data")})
    with running_device(OnvifDevice(), found=True) as device:
        assert eventually(lambda: device.service in told_devices(runner), 60)
        told = runner.invoke(cli, ["camera", "discover", device.service, "--user", "viewer"], input="secret\n")
        wrong = runner.invoke(cli, ["camera", "discover", device.service, "--user", "viewer"], input="hunter2\n")
    assert told.output.splitlines()[:2] == [
        "Acme Dome 4 1.2",
        "rtsp://127.0.0.1:8554/main  H264, 1280x720, 25 pictures/s (Main)",
    ]
    assert str(wrong.exception) == "the device at 127.0.0.1 refused the user name or password"
