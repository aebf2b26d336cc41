"""Says, before anything is installed, which system parts are missing and how to get them. Needs any Python 3."""

import ctypes
import importlib.util
import sys

LIBRARIES = {"libGL.so.1": "libgl1", "libglib-2.0.so.0": "libglib2.0-0"}  # file -> Debian package


def has_library(name):
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def missing_packages(libraries):
    """The Debian packages to install, in order; empty when everything is there."""
    has_venv = importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv")
    packages = [] if has_venv else ["python3-venv"]
    return packages + [package for name, package in libraries.items() if not has_library(name)]


def main(libraries=LIBRARIES):
    if sys.version_info < (3, 11):
        found = ".".join(map(str, sys.version_info[:3]))
        print(f"surveillance needs Python 3.11 or newer, found {found} ({sys.executable})", file=sys.stderr)
        print("install one and name it: make PYTHON=python3.11 ...", file=sys.stderr)
        return 2
    missing = missing_packages(libraries)
    if missing:
        print("missing system parts; install them with:", file=sys.stderr)
        print(f"    sudo apt-get install -y {' '.join(missing)}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
