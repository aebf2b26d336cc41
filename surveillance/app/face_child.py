"""Looks at one photo that somebody uploaded, in a process of its own: a picture that crashes a decoder ends only this.

Reads {"faces", "data_dir", "photo", "source", "box"} as JSON from its standard input, and writes {"embedding",
"picture"} in base64, or {"fault"}. Nothing of it reaches a disk.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from base64 import b64decode, b64encode
from typing import Any

from surveillance.app.enrolling import Photo, look_here
from surveillance.app.processes import end_with_parent
from surveillance.domain.errors import UserMistake
from surveillance.domain.geometry import Box
from surveillance.settings import Settings

MEMORY_BYTES = 4 * 2**30
PROCESSOR_S = 30


def answer_to(asked: dict[str, Any]) -> dict[str, str]:
    settings = Settings(data_dir=asked["data_dir"], perception={"faces": asked["faces"]})
    photo = Photo(b64decode(asked["photo"]), asked["source"], Box(*asked["box"]))
    try:
        face = look_here(settings, photo)
    except UserMistake as mistake:
        return {"fault": str(mistake)}
    return {"embedding": b64encode(face.embedding).decode(), "picture": b64encode(face.picture).decode()}


def main() -> int:
    end_with_parent()
    asked = json.loads(sys.stdin.buffer.read())
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_S, PROCESSOR_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stdout.write(json.dumps(answer_to(asked)))
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    code = main()
    os._exit(code)  # OpenCV's threads are not waited for
