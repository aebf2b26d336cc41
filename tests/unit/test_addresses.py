"""Where this system lets itself be sent: every way to write an address that it must not follow."""

from __future__ import annotations

from contextlib import closing

import pytest
from listener import listening
from ports import free_port

from surveillance.domain.addresses import check_camera, check_post, connect, permitted, pinned
from surveillance.domain.errors import AddressRefused

REFUSED_ANYWHERE = [
    "169.254.169.254",
    "169.254.1.1",
    "[fe80::1]",
    "[fe80::1%25eth0]",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[::169.254.169.254]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:a9fe:a9fe::1]",
    "[fd00:ec2::254]",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "metadata",
    "metadata.google.internal",
    "METADATA.google.internal.",
    "instance-data",
    "instance-data.ec2.internal",
    "0.0.0.0",
    "0.1.2.3",
    "[::]",
    "[::ffff:0.0.0.0]",
    "224.0.0.1",
    "239.255.255.250",
    "[ff02::1]",
    "255.255.255.255",
    "240.0.0.1",
    "2852039166",  # 169.254.169.254 as one number
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "0xa9.0xfe.0xa9.0xfe",
    "169.254.43518",
    "169.16689662",
    "127.1",
    "0x7f.1",
    "0177.0.0.1",
    "2130706433",
    "0",
    "192.168.1.020",
    "１９２.168.1.20",
    "①⑥⑨.254.169.254",
    "169。254。169。254",
    "192.168.1.20%00.example.org",
    "a_host!",
    "-dash.example.org",
    "exa mple.org",
    "",
]
THIS_MACHINE = [
    "127.0.0.1",
    "127.8.9.10",
    "localhost",
    "LOCALHOST.",
    "camera.localhost",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
]
ALLOWED = [
    "192.168.1.20",
    "10.0.0.9",
    "172.16.4.4",
    "100.64.0.9",
    "[fd12:3456::20]",
    "[2001:db8::20]",
    "203.0.113.7",
    "camera-1.example.org",
    "nvr",
    "cam_2.lan.",
    "xn--bcher-kva.example",
    "localhost.example.org",
    "metadata-camera.example.org",
]


@pytest.mark.parametrize("host", REFUSED_ANYWHERE)
@pytest.mark.parametrize("loopback", [False, True])
def test_a_place_that_hands_out_secrets_or_is_no_plain_address_is_refused(host: str, loopback: bool) -> None:
    for url in (f"rtsp://{host}/stream", f"http://user:word@{host}:8080/video.mjpg", f"rtsps://{host}"):
        with pytest.raises(AddressRefused):
            check_camera(url, loopback)
    with pytest.raises(AddressRefused):
        check_post(f"https://{host}/hook", "webhook ops", loopback)


@pytest.mark.parametrize("host", THIS_MACHINE)
def test_this_machine_is_meant_only_where_that_is_allowed(host: str) -> None:
    with pytest.raises(AddressRefused, match=r"this machine; dashboard\.allow_loopback permits that"):
        check_camera(f"rtsp://{host}:8554/1")
    with pytest.raises(AddressRefused, match="webhook ops: "):
        check_post(f"http://{host}:9000/", "webhook ops")
    check_camera(f"rtsp://{host}:8554/1", loopback=True)
    check_post(f"http://{host}:9000/", "webhook ops", loopback=True)


@pytest.mark.parametrize("host", ALLOWED)
def test_cameras_live_in_private_networks_and_under_names(host: str) -> None:
    for url in (f"rtsp://user:w%2Frd@{host}:554/a?b=c", f"rtsps://{host}", f"HTTP://{host}/x", f"https://{host}:8443"):
        check_camera(url)
    check_post(f"https://{host}:8443/a/b?c=d", "webhook ops")


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "file:clip.mp4",
        "/etc/passwd",
        "clip.mp4",
        "concat:a.ts|b.ts",
        "concat://a",
        "subfile,,start,0,end,9,,:/etc/passwd",
        "ftp://192.168.1.20/a",
        "gopher://192.168.1.20/a",
        "udp://239.0.0.1:1234",
        "pipe:0",
        "data:video/mp4;base64,AAAA",
        "hls+http://192.168.1.20/a.m3u8",
        "crypto:rtsp://192.168.1.20/",
        "rtsp:/192.168.1.20/1",
        "rtsp://",
        "rtsp:///stream",
        "rtsp://192.168.1.20:port/1",
        "rtsp://192.168.1.20\\@127.0.0.1/1",
        "rtsp://192.168.1.20/1\nHost: x",
        "",
    ],
)
def test_a_camera_from_a_page_is_a_camera(url: str) -> None:
    with pytest.raises(AddressRefused, match="the camera's address"):
        check_camera(url, loopback=True)


@pytest.mark.parametrize("url", ["0", "usb:1", "usb://2", "v4l2:///dev/video0", "synthetic://gate", "0?fps=15"])
def test_cameras_that_no_network_leads_to_are_cameras(url: str) -> None:
    check_camera(url)


def test_files_are_for_those_who_have_a_shell_here() -> None:
    check_camera("clip.mp4", files=True)
    check_camera("file:///clips/a.mp4", files=True)
    with pytest.raises(AddressRefused):
        check_camera("rtsp://169.254.169.254/", files=True, loopback=True)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://192.168.1.20/", r"must be http\(s\)"),
        ("192.168.1.20/hook", "names no host"),
        ("https://user@example.org/", "may not hold a user name"),
        ("https://user:word@example.org/", "may not hold a user name"),
        ("https://@example.org/", "may not hold a user name"),
        ("https://example.org:https/", "cannot be taken apart"),
        ("https://exam ple.org/", "plain characters"),
    ],
)
def test_a_webhook_is_a_plain_address(url: str, words: str) -> None:
    with pytest.raises(AddressRefused, match=words):
        check_post(url, "webhook ops")


def test_no_part_of_a_password_is_repeated() -> None:
    with pytest.raises(AddressRefused) as refused:
        check_camera("rtsp://admin:horse/battery@192.168.1.20/1")
    assert "horse" not in str(refused.value)
    assert "battery" not in str(refused.value)


# --- names at the moment of the connection -------------------------------------------------------------------------


def test_a_name_leads_only_to_permitted_addresses() -> None:
    answers = ["127.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "192.168.1.20", "fe80::1", "fd12::20"]
    assert permitted("cam.example", 554, "camera", lambda host, port: answers) == ["192.168.1.20", "fd12::20"]
    with pytest.raises(AddressRefused, match=r"camera: cam\.example leads to an address"):
        permitted("cam.example", 554, "camera", lambda host, port: ["127.0.0.1", "::1"])
    with pytest.raises(AddressRefused):
        permitted("cam.example", 554, "camera", lambda host, port: [])


def test_a_name_that_changes_its_meaning_is_judged_by_what_is_connected_to() -> None:
    answers = [["192.168.1.20"], ["127.0.0.1"]]
    meanings = iter(answers)
    url = "rtsp://user:word@cam.example:8554/a?b=c"
    assert pinned(url, "camera", lambda host, port: next(meanings)) == "rtsp://user:word@192.168.1.20:8554/a?b=c"
    with pytest.raises(AddressRefused):
        pinned(url, "camera", lambda host, port: next(meanings))


@pytest.mark.parametrize(
    ("url", "found", "wanted"),
    [
        ("rtsp://cam.example/a", "fd12::20", "rtsp://[fd12::20]/a"),
        ("rtsp://us%40er:w%2Frd@cam.example", "10.0.0.9", "rtsp://us%40er:w%2Frd@10.0.0.9"),
        ("rtsp://10.0.0.9/a", "10.0.0.9", "rtsp://10.0.0.9/a"),
        ("rtsp://localhost:8554/a", "127.0.0.1", "rtsp://127.0.0.1:8554/a"),
    ],
)
def test_only_the_host_of_a_pinned_address_differs(url: str, found: str, wanted: str) -> None:
    assert pinned(url, "camera", lambda host, port: [found]) == wanted


def test_a_connection_goes_to_the_next_address_where_the_first_is_silent() -> None:
    with listening() as listener:
        port = int(listener.url.rsplit(":", 1)[1].strip("/"))
        with closing(connect("localhost", port, 5.0, "relay", lambda host, port: ["127.0.0.2", "127.0.0.1"])) as sock:
            assert sock.getpeername()[1] == port


def test_nobody_who_listens_is_an_os_error() -> None:
    with pytest.raises(OSError, match="refused"):
        connect("127.0.0.1", free_port(), 5.0, "relay")
