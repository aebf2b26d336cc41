"""Says, before anything is installed, which system parts are missing and how to get them. Needs any Python 3."""

import ctypes
import importlib.util
import sys


def has_library(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def main() -> int:
    missing = []
    if sys.version_info < (3, 11):
        found = ".".join(map(str, sys.version_info[:3]))
        print(f"surveillance needs Python 3.11 or newer, found {found} ({sys.executable})", file=sys.stderr)
        print("install one and name it: make PYTHON=python3.11 ...", file=sys.stderr)
        return 2
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        missing.append("python3-venv")
    if not has_library("libGL.so.1"):
        missing.append("libgl1")
    if not has_library("libglib-2.0.so.0"):
        missing.append("libglib2.0-0")
    if missing:
        print("missing system parts; install them with:", file=sys.stderr)
        print(f"    sudo apt-get install -y {' '.join(missing)}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
