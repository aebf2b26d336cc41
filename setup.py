"""Puts config/ and migrations/ into the wheel as package data; everything else is in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent


class BuildWithData(build_py):
    """Copies the checkout's data folders to where `surveillance.places` looks in an installed package."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for name in ("config", "migrations"):
            target = Path(self.build_lib) / "surveillance" / f"_{name}"
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(ROOT / name, target, ignore=shutil.ignore_patterns("__pycache__"))


setup(cmdclass={"build_py": BuildWithData})
