"""All settings, typed, gathered from every package: defaults, then a file, then the environment.

SURVEILLANCE__STORAGE__URL=sqlite:////srv/site.db     overrides storage.url
SURVEILLANCE__CONFIG=/etc/surveillance.yaml           names the file, as --config does
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from surveillance import places
from surveillance.access.settings import AccessSettings
from surveillance.actions.settings import ActionSettings
from surveillance.dashboard.settings import DashboardSettings
from surveillance.domain.errors import SettingsError
from surveillance.engines.settings import EngineSettings
from surveillance.ingest.gate import GateSettings
from surveillance.ingest.settings import IngestSettings
from surveillance.jobs.settings import JobSettings
from surveillance.logs import LogSettings
from surveillance.perception.settings import PerceptionSettings
from surveillance.rules.settings import RuleSettings
from surveillance.storage.settings import AuditSettings, LabelingSettings, StorageSettings

PREFIX = "SURVEILLANCE__"


class Settings(BaseSettings):
    """Every setting of every package. `config/default.yaml` says what each is for."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True)

    data_dir: Path = Field(default_factory=places.default_data_dir)
    config: Path | None = None
    rules_dir: Path | None = None
    analyze_fps: float = Field(5.0, gt=0, le=60)
    ingest: IngestSettings = IngestSettings()
    gate: GateSettings = GateSettings()
    perception: PerceptionSettings = PerceptionSettings()
    rules: RuleSettings = RuleSettings()
    access: AccessSettings = AccessSettings()
    actions: ActionSettings = ActionSettings()
    storage: StorageSettings = StorageSettings()
    audit: AuditSettings = AuditSettings()
    labeling: LabelingSettings = LabelingSettings()
    jobs: JobSettings = JobSettings()
    dashboard: DashboardSettings = DashboardSettings()
    engine: EngineSettings = EngineSettings()
    log: LogSettings = LogSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file, whose values come in as arguments."""
        return env_settings, init_settings

    @property
    def database_url(self) -> str:
        return self.storage.database_url(self.data_dir)

    @property
    def model_dirs(self) -> tuple[Path, ...]:
        """Where model cards for cameras are looked for, the site's own first."""
        return self.data_dir / "models", places.shipped("config") / "models"

    @property
    def all_model_dirs(self) -> tuple[Path, ...]:
        """With the examples that are there to learn from, and of no use to a camera."""
        return *self.model_dirs, places.shipped("config") / "models" / "examples"


def load_settings(file: Path | None = None) -> Settings:
    """Raises SettingsError, one line per fault, for a file or a variable that cannot be used."""
    named = file or (Path(os.environ[PREFIX + "CONFIG"]) if PREFIX + "CONFIG" in os.environ else None)
    values = load_values(named) if named else {}
    _refuse_unknown_variables()
    try:
        return Settings(**values)
    except ValidationError as error:
        raise SettingsError(faults_of(error, named)) from None


def load_values(file: Path) -> dict[str, Any]:
    """A settings file as nested values. Raises SettingsError."""
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"there is no settings file {file}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"{file} is not YAML: {str(error).splitlines()[0]}") from None
    except RecursionError:
        raise SettingsError(f"{file} is nested too deeply for settings") from None
    if not isinstance(values or {}, dict):
        raise SettingsError(f"{file} must hold settings such as `analyze_fps: 5`")
    for name in values or {}:
        if not isinstance(name, str):
            raise SettingsError(f"{file}: {name!r} is no name of a setting")
    return values or {}


def faults_of(error: ValidationError, file: Path | None) -> str:
    """One line per fault: which setting, what is wrong with it, where it may have come from."""
    lines = []
    for fault in error.errors():
        path = ".".join(str(part) for part in fault["loc"])
        variable = PREFIX + "__".join(str(part).upper() for part in fault["loc"])
        origin = f"environment variable {variable}" if variable in os.environ else str(file or "settings")
        if fault["type"] == "extra_forbidden":
            message = f"there is no such setting{_did_you_mean(path)}"
        elif fault["type"] == "path_type":
            message = "this is no path of a file"
        else:
            message = fault["msg"].removeprefix("Value error, ")
        lines.append(f"{origin}: {path}: {message}")
    return "\n".join(lines)


def setting_names(of: type[BaseModel] = Settings, prefix: str = "") -> list[str]:
    """Every setting as a dotted name."""
    names: list[str] = []
    for name, info in of.model_fields.items():
        part = info.annotation
        nested = isinstance(part, type) and issubclass(part, BaseModel)
        names += setting_names(part, f"{prefix}{name}.") if nested else [prefix + name]  # type: ignore[arg-type]
    return names


def _did_you_mean(path: str) -> str:
    close = difflib.get_close_matches(path, setting_names(), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _refuse_unknown_variables() -> None:
    """A misspelled variable is a mistake, not a default."""
    first_parts = {name.partition(".")[0].upper() for name in setting_names()}
    for variable in os.environ:
        if variable.startswith(PREFIX) and variable.removeprefix(PREFIX).partition("__")[0] not in first_parts:
            path = variable.removeprefix(PREFIX).lower().replace("__", ".")
            raise SettingsError(f"environment variable {variable}: there is no such setting{_did_you_mean(path)}")
