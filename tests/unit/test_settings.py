"""Settings: the shipped file is complete and true, the environment wins, mistakes are one line each."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from surveillance import places
from surveillance.domain.errors import SettingsError
from surveillance.settings import Settings, load_settings, load_values, setting_names

DEFAULT = places.shipped("config") / "default.yaml"


def flat(values: dict[str, object], prefix: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in values.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return found


def test_the_shipped_file_names_every_setting_with_its_default() -> None:
    shipped = flat(load_values(DEFAULT))
    defaults = flat(Settings().model_dump(mode="json"))
    for place in ("data_dir", "config"):  # where the machine wants it; which file this is
        defaults.pop(place)
        shipped.pop(place, None)
    assert shipped == defaults


def test_the_shipped_file_says_what_each_setting_is_for() -> None:
    lines = DEFAULT.read_text(encoding="utf-8").splitlines()
    bare = [line for line in lines if ": " in line and "#" not in line]
    assert bare == []


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(yaml.safe_dump({"dashboard": {"port": 9000}, "analyze_fps": 2}), encoding="utf-8")
    monkeypatch.setenv("SURVEILLANCE__DASHBOARD__PORT", "9001")
    monkeypatch.setenv("SURVEILLANCE__STORAGE__URL", "sqlite:////srv/site.db")
    settings = load_settings(file)
    assert (settings.dashboard.port, settings.analyze_fps, settings.database_url) == (9001, 2, "sqlite:////srv/site.db")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("dashbord: {port: 1}", "dashbord: there is no such setting"),
        ("dashboard: {prt: 1}", "dashboard.prt: there is no such setting; did you mean dashboard.port?"),
        ("analyze_fps: fast", "analyze_fps: Input should be a valid number"),
        ("[1, 2]", "must hold settings such as"),
        ("a: [", "is not YAML"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, text: str, fault: str) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load_settings(file)
    assert fault in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_misspelled_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SURVEILLANCE__DASHBORD__PORT", "1")
    with pytest.raises(SettingsError, match=r"did you mean dashboard\.port"):
        load_settings()


def test_setting_names_are_dotted() -> None:
    assert {"analyze_fps", "dashboard.port", "perception.track.min_hits"} <= set(setting_names())
