"""A database's password from a file, as Docker and systemd hand over secrets."""

from pathlib import Path

import pytest

from surveillance.domain.errors import SettingsError
from surveillance.storage.settings import StorageSettings

URL = "postgresql://surveillance@database/surveillance"


def test_the_password_comes_from_the_file_and_is_escaped(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("p@ss/w:rd \n", encoding="utf-8")
    made = StorageSettings(url=URL, password_file=file).database_url(tmp_path)
    assert made == "postgresql://surveillance:p%40ss%2Fw%3Ard@database/surveillance"


@pytest.mark.parametrize(
    ("url", "content", "fault"),
    [
        (URL, None, "cannot be read: No such file or directory"),
        (URL, "\n", "is empty"),
        (None, "secret", "needs a storage.url such as postgresql://user@host/name"),
        ("postgresql://a:b@host/name", "secret", "needs a storage.url such as postgresql://user@host/name"),
    ],
)
def test_a_file_that_does_not_fit_is_one_line(tmp_path: Path, url: str | None, content: str | None, fault: str) -> None:
    file = tmp_path / "password"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(SettingsError) as told:
        StorageSettings(url=url, password_file=file).database_url(tmp_path)
    assert str(told.value) == f"storage.password_file {file} {fault}"


def test_an_empty_variable_is_an_unset_one(tmp_path: Path) -> None:
    settings = StorageSettings.model_validate({"url": "", "password_file": ""})
    assert settings == StorageSettings()
    assert settings.database_url(tmp_path) == f"sqlite:///{tmp_path}/surveillance.db"
