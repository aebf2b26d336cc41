"""What somebody would do instead of this house, and the floor: loops over a video, in a process of their own.

`python -m surveillance.bench.contenders WAY` reads orders as JSON lines and answers each with {"cpu_s", "camera_s"}:
the CPU time that the process took, and for how much video of one camera. `decode` keeps to the video's own pace, as
a camera does; the tutorials go as fast as they can.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from subprocess import PIPE, Popen
from typing import Any

import av

ANALYZED_FPS = 5.0
SETTLE_S = 1.0
RTSP = {"rtsp_transport": "tcp", "fflags": "nobuffer", "flags": "low_delay", "fpsprobesize": "0"}


class Contender:
    """The process of one way; `run` may be called again and again."""

    def __init__(self, way: str) -> None:
        command = [sys.executable, "-m", "surveillance.bench.contenders", way]
        self._process = Popen(command, stdin=PIPE, stdout=PIPE, text=True)
        self._answer()

    def run(self, urls: list[str], seconds: float) -> float:
        """CPU milliseconds for a second of one camera's video."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"urls": urls, "seconds": seconds}) + "\n")
        self._process.stdin.flush()
        done = self._answer()
        return float(1000 * done["cpu_s"] / done["camera_s"])

    def end(self) -> None:
        self._process.kill()
        self._process.wait()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the process that was to be measured has ended; the lines above say why")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def contenders() -> Iterator[Mapping[str, Contender]]:
    """One process for each way, ready to run."""
    started = {way: Contender(way) for way in WAYS}
    try:
        yield started
    finally:
        for each in started.values():
            each.end()


# --- the ways ------------------------------------------------------------------------------------------------------


def decode(urls: list[str], seconds: float) -> dict[str, float]:
    """The floor: every picture of each camera is decoded, and nothing is done with it."""
    readings = [Reading(url) for url in urls]
    for reading in readings:
        reading.thread.start()
    for reading in readings:
        reading.settled.wait()
    before, cpu_s = [reading.count for reading in readings], time.process_time()
    time.sleep(seconds)
    cpu_s, after = time.process_time() - cpu_s, [reading.count for reading in readings]
    for reading in readings:
        reading.stopping.set()
        reading.thread.join()
    counts = zip(readings, before, after, strict=True)
    return {"cpu_s": cpu_s, "camera_s": sum((last - first) / reading.rate for reading, first, last in counts)}


class Reading:
    """One camera that is decoded in a thread. `settled` once its first pictures, which come in a burst, are through."""

    def __init__(self, url: str) -> None:
        self.settled, self.stopping = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.rate, self.count = 25.0, 0
        self._url, self._is_file = url, "://" not in url

    def _run(self) -> None:
        with av.open(self._url, options={} if self._is_file else RTSP) as container:
            video = container.streams.video[0]
            video.codec_context.thread_count = 1
            self.rate, began_s = float(video.average_rate or 25), time.monotonic()
            step = round(self.rate / ANALYZED_FPS)
            for picture in container.decode(video):
                self.count += 1
                if self._is_file and self.count % step == 0:  # its own pace, as ours waits for each picture it looks at
                    self.stopping.wait(max(began_s + float(picture.time or 0.0) - time.monotonic(), 0.0))
                if time.monotonic() - began_s > SETTLE_S:
                    self.settled.set()
                if self.stopping.is_set():
                    return


def tutorial(urls: list[str], seconds: float, architecture: str = "resnet50", every: int = 1) -> dict[str, float]:
    """Every picture by OpenCV, PIL and an eager network of torchvision, one at a time, for so much of the video."""
    import cv2

    look = _eager(architecture)
    capture = cv2.VideoCapture(urls[0])
    rate = capture.get(cv2.CAP_PROP_FPS) or 25.0
    frames = max(round(seconds * rate), every)
    capture.read()
    cpu_s = time.process_time()
    for number in range(frames):
        came, pixels = capture.read()
        if not came:
            raise RuntimeError(f"{urls[0]} ended after {number} pictures")
        if number % every == 0:
            look(pixels)
    cpu_s = time.process_time() - cpu_s
    capture.release()
    return {"cpu_s": cpu_s, "camera_s": frames / rate}


def tutorial_5fps(urls: list[str], seconds: float) -> dict[str, float]:
    """The same with every fifth picture shown to the network that our busy camera has."""
    return tutorial(urls, seconds, "mobilenet_v3_large", every=5)


_networks: dict[str, Callable[[Any], Any]] = {}


def _eager(architecture: str) -> Callable[[Any], Any]:
    """From a picture of OpenCV to the network's answer, as its documentation shows it; built once."""
    import cv2
    import torch
    from PIL import Image
    from torchvision import models, transforms

    if architecture not in _networks:
        torch.set_num_threads(1)
        network = models.get_model(architecture, weights=None).eval()
        prepare = transforms.Compose(
            [
                transforms.Resize(256),
                transforms.CenterCrop(224),
                transforms.ToTensor(),
                transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
            ]
        )

        def look(pixels: Any) -> Any:
            picture = Image.fromarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))
            with torch.no_grad():
                return network(prepare(picture).unsqueeze(0)).argmax().item()

        _networks[architecture] = look
    return _networks[architecture]


WAYS: Mapping[str, Callable[..., dict[str, float]]] = {
    "decode": decode,
    "tutorial": tutorial,
    "tutorial_5fps": tutorial_5fps,
}


def main() -> None:
    run = WAYS[sys.argv[1]]
    sys.stdout.write("{}\n")
    sys.stdout.flush()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(run(**json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
