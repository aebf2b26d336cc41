"""A real MQTT broker (Mosquitto) on free ports of 127.0.0.1: plain and TLS, users with passwords, cut off on demand."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from certificates import issued_certificate
from ports import free_port
from services import lacking

LOGIN = "door:door-secret"
USUAL = Path("/usr/sbin/mosquitto")  # where Debian puts it, outside of a user's PATH


@dataclass
class MqttBroker:
    """`url` and `tls_url` name the broker with its login. `ca_file` signed its certificate."""

    directory: Path
    port: int
    tls_port: int
    ca_file: Path
    program: str
    process: subprocess.Popen[bytes] | None = None

    def url(self, topic: str, login: str = LOGIN) -> str:
        return f"mqtt://{login}@127.0.0.1:{self.port}/{topic}"

    def tls_url(self, topic: str, login: str = LOGIN) -> str:
        return f"mqtts://{login}@localhost:{self.tls_port}/{topic}"

    def start(self) -> None:
        """Returns when it accepts connections."""
        self.process = subprocess.Popen([self.program, "-c", self.directory / "mosquitto.conf"])
        ends_s = time.monotonic() + 60
        while time.monotonic() < ends_s and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.01)
            else:
                return
        raise RuntimeError("mosquitto does not start")

    def stop(self) -> None:
        """As when its cable is cut: everybody loses the connection."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextmanager
def running_broker(directory: Path) -> Iterator[MqttBroker]:
    """A broker for the length of the block, which only the user of `LOGIN` may use."""
    program = shutil.which("mosquitto") or (str(USUAL) if USUAL.exists() else None)
    if program is None or shutil.which("mosquitto_passwd") is None:
        lacking("Mosquitto")
    ca_file, certificate, key = issued_certificate(directory)
    broker = MqttBroker(directory, free_port(), free_port(), ca_file, program)
    passwords = directory / "passwords"
    user, _, password = LOGIN.partition(":")
    subprocess.run(["mosquitto_passwd", "-c", "-b", passwords, user, password], check=True)
    passwords.chmod(0o644)  # started by root, it reads its files as a user of its own
    lines = [
        "persistence false",
        "log_dest none",
        "user root",
        f"listener {broker.port} 127.0.0.1",
        "allow_anonymous false",
        f"password_file {passwords}",
        f"listener {broker.tls_port} 127.0.0.1",
        f"certfile {certificate}",
        f"keyfile {key}",
    ]
    (directory / "mosquitto.conf").write_text("\n".join(lines) + "\n")
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()
