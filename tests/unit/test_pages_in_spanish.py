"""The whole dashboard in Spanish: no page falls back to English, and whoever chooses a language keeps it."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from dashboard_site import NAME, PASSWORD, DashboardSite, fill_pages, now_decision, open_site, sign_in, token_of

from surveillance.storage.database import writing
from surveillance.translations import catalog_file

SPANISH = {"Accept-Language": "es-MX,es;q=0.9"}
VALUE = re.compile(r'\bvalue="[^"]*"')  # of a form: what a program reads
VALUES = re.compile(r"%\(\w+\)[sd]|\{\d+\}")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> DashboardSite:
    return open_site(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def english() -> list[str]:
    """Three words and more that the catalog says in another way: whole messages, or what stands between values."""
    with catalog_file("es").open("rb") as file:
        catalog = read_po(file, locale="es")
    found = set()
    for message in catalog:
        if message.id and message.string:
            ids = message.id if isinstance(message.id, tuple) else (message.id,)
            said = message.string if isinstance(message.string, tuple) else (message.string,)
            pieces = {piece.strip() for one in ids for piece in VALUES.split(one)}
            found |= {piece for piece in pieces if len(piece.split()) >= 3 and not any(piece in one for one in said)}
    return sorted(found)


def test_no_page_falls_back_to_english(site: DashboardSite, english: list[str]) -> None:
    client, found = site.user(), {}
    for path in fill_pages(site):
        page = VALUE.sub("", html.unescape(client.get(path, headers={**SPANISH, "Accept": "text/html"}).text))
        assert '<html lang="es"' in page, path
        left = [words for words in english if words in page]
        if left:
            found[path] = left
    assert found == {}


def test_a_reader_of_spanish_is_told_why_and_may_choose_english(site: DashboardSite) -> None:
    """A browser that asks for Spanish signs in, reads a denial in Spanish, chooses English, and it stays."""
    client = site.visitor()
    page = client.get("/sign-in", headers=SPANISH).text
    assert "<title>Iniciar sesión" in page
    assert sign_in(client).status_code == 302
    reason = "camera front is stale, and door front says on_camera_stale: deny"
    denied = site.record(
        now_decision(kind="access.denied", verdict="deny", door="front", reasons=("credential_expired", reason))
    )
    page = client.get(f"/events/{denied}", headers=SPANISH).text
    assert "La credencial ha caducado." in page
    assert "la cámara front no da imágenes recientes, y la puerta front indica on_camera_stale: deny" in page
    chosen = {"language": "en", "next": f"/events/{denied}", "csrf_token": token_of(page)}
    assert client.post("/language", data=chosen, headers=SPANISH).location == f"/events/{denied}"
    for path in (f"/events/{denied}", "/events"):
        page = client.get(path, headers=SPANISH).text
        assert '<html lang="en"' in page
        assert "Cerrar sesión" not in page
    assert reason in client.get(f"/events/{denied}", headers=SPANISH).text


def test_the_bare_page_while_the_database_is_away_is_in_the_readers_language(tmp_path: Path) -> None:
    site = open_site(tmp_path, lock_timeout_ms=100)
    client = site.visitor()
    form = {"name": NAME, "password": PASSWORD, "csrf_token": token_of(client.get("/sign-in").text)}
    with writing(site.desk.engine):
        answer = client.post("/sign-in", data=form, headers={**SPANISH, "Accept": "text/html"})
    assert answer.status_code == 503
    assert '<html lang="es">' in answer.text
    assert "<h1>Ocupado</h1><p>La base de datos no responde, así que no se hizo nada." in answer.text
