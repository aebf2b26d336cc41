"""Is this machine fit for the service? Its packages, memory, limits and clock, each finding with what to do."""

from __future__ import annotations

import json
import platform
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from surveillance.domain.clock import clock_fault
from surveillance.settings import Settings

IMPORT_S = 120.0  # a cold disk reads torch for that long
BASE_FILES, CAMERA_FILES = 200, 24  # descriptors of a process, and what each of its cameras may hold
MB = 2**20
OPENCVS = ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")
LIBRARIES = "sudo apt-get install libgl1 libglib2.0-0"
LOOK_AT_VIDEO = "import av, cv2; print(av.__version__, cv2.__version__)"
LOOK_AT_TORCH = """
import json, torch, torchvision
boxes = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
torchvision.ops.nms(boxes, torch.tensor([1.0]), 0.5)
print(json.dumps([torch.__version__, torchvision.__version__, torch.version.cuda, torch.cuda.is_available()]))
"""


Ran = subprocess.CompletedProcess[str]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `todo` says how to put it right; empty where all is well."""

    level: Literal["ok", "warn", "fail"]
    what: str
    todo: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def look_at_machine(settings: Settings, cameras: int) -> Iterator[Finding]:
    """Everything that does not depend on the site, but for the number of its cameras."""
    yield Finding("ok", f"Python {platform.python_version()} on {platform.system()} {platform.machine()}")
    yield from look_at_opencv([name for name in OPENCVS if installed(name)])
    yield from look_at_video(in_python(LOOK_AT_VIDEO))
    yield from look_at_torch(in_python(LOOK_AT_TORCH), settings.perception.device)
    if settings.perception.backend == "openvino" and not installed("openvino"):
        yield Finding("fail", "perception.backend is openvino, which is not installed", "pip install openvino")
    yield from look_at_shared_memory(settings)
    yield from look_at_file_limit(cameras, len(settings.engine.worker_names))
    yield from look_at_time_zones(settings.dashboard.time_zone)


# --- packages ------------------------------------------------------------------------------------------------------


def look_at_opencv(found: Sequence[str]) -> Iterator[Finding]:
    """Which distributions of it are installed; pip does not notice that they share their files."""
    if len(found) > 1:
        todo = f"pip uninstall -y {' '.join(found)} && pip install {OPENCVS[0]}"
        yield Finding("fail", f"{' and '.join(found)} are both installed and overwrite each other's files", todo)


def look_at_video(done: Ran) -> Iterator[Finding]:
    """What LOOK_AT_VIDEO came to."""
    if done.returncode == 0:
        av, cv2 = done.stdout.split()
        yield Finding("ok", f"video: PyAV {av}, OpenCV {cv2}")
    elif "libGL" in done.stderr or "libgthread" in done.stderr or "libglib" in done.stderr:
        yield Finding("fail", f"OpenCV cannot be loaded: {last_line(done.stderr)}", LIBRARIES)
    else:
        todo = "pip install --force-reinstall av opencv-python"
        yield Finding("fail", f"PyAV or OpenCV cannot be loaded: {last_line(done.stderr)}", todo)


def look_at_torch(done: Ran, device: str) -> Iterator[Finding]:
    """What LOOK_AT_TORCH came to, given the device that the settings ask for."""
    if done.returncode != 0:
        todo = 'pip install --force-reinstall "torch>=2.11" "torchvision>=0.26" (they must fit each other)'
        yield Finding("fail", f"torch and torchvision do not work together: {last_line(done.stderr)}", todo)
        return
    torch, torchvision, cuda, has_gpu = json.loads(done.stdout)
    yield Finding("ok", f"torch {torch}, torchvision {torchvision}")
    if has_gpu:
        yield Finding("ok", f"GPU: usable (CUDA {cuda})")
    elif device == "cuda":
        todo = "install the driver and a CUDA build of torch, or set perception.device to auto"
        yield Finding("fail", "perception.device is cuda and torch sees no GPU", todo)
    elif shutil.which("nvidia-smi"):
        yield Finding(
            "warn", "GPU: there is a driver, but torch cannot use it", "python -c 'import torch; torch.zeros(1).cuda()'"
        )
    else:
        yield Finding("ok", "GPU: none, models run on the CPU")


def installed(package: str) -> str | None:
    """Its version, or None."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def in_python(code: str) -> Ran:
    """Runs it in a process of its own, since what cannot be loaded may take the process along."""
    command = [sys.executable, "-c", code]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=IMPORT_S, check=False)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"no answer within {IMPORT_S:.0f} s")


def last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it ended without a word"


# --- memory, limits, clock -----------------------------------------------------------------------------------------


def look_at_shared_memory(settings: Settings, directory: Path = Path("/dev/shm")) -> Iterator[Finding]:  # noqa: S108
    """Workers hand crops to the recognizer through it, and live pictures pass through it."""
    if not directory.is_dir():
        yield Finding(
            "warn", f"there is no {directory}: what processes share lies in the data directory", "mount a tmpfs there"
        )
        return
    engine = settings.engine
    needed_mb = (
        32 if engine.kind == "inline" else 32 + len(engine.worker_names) * engine.slots * engine.slot_bytes // MB
    )
    free_mb = shutil.disk_usage(directory).free // MB
    if free_mb < needed_mb:
        todo = f"give it {needed_mb} MB (in compose: shm_size), or lower engine.slots or engine.slot_mb"
        yield Finding("fail", f"shared memory: {free_mb} MB free in {directory}, up to {needed_mb} MB are used", todo)
    else:
        yield Finding("ok", f"shared memory: {free_mb} MB free, up to {needed_mb} MB are used")


def look_at_file_limit(cameras: int, workers: int) -> Iterator[Finding]:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    needed = BASE_FILES + CAMERA_FILES * -(-cameras // workers)
    if limit != resource.RLIM_INFINITY and limit < needed:
        todo = f"ulimit -n {needed * 2}, or LimitNOFILE={needed * 2} in the systemd unit"
        yield Finding("fail", f"a process may open {limit} files, {needed} are needed for {cameras} cameras", todo)
    else:
        yield Finding("ok", f"a process may open {limit} files, {needed} are needed")


def look_at_time_zones(name: str | None) -> Iterator[Finding]:
    try:
        ZoneInfo(name or "Europe/Berlin")
    except ZoneInfoNotFoundError:
        yield Finding("fail", "time zones are unknown here", "pip install tzdata")
    else:
        yield Finding("ok", f"time zones are known; the clock says {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC")


def look_at_clock(newest_event_at: datetime | None, now: datetime) -> Iterator[Finding]:
    """Against the newest event on record, and against the day of this version."""
    fault = clock_fault(now, newest_event_at)
    if fault is not None:
        yield Finding("fail", fault, "set the clock (timedatectl set-ntp true); grants and schedules depend on it")
