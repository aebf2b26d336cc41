"""The people pages: enrolling, validity, badges, and lists of people that go in as they were shown."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import segno
from dashboard_site import SITE, DashboardSite, open_site, sign_in, token_of
from flask.testing import FlaskClient

from surveillance.access.desk import AccessDesk
from surveillance.domain.site import Person
from surveillance.domain.values import Factor, Presented


@pytest.fixture
def site(tmp_path: Path) -> DashboardSite:
    return open_site(tmp_path)


@pytest.fixture
def client(site: DashboardSite) -> FlaskClient:
    return site.user()


def post(client: FlaskClient, address: str, **given: Any) -> Any:
    given["csrf_token"] = token_of(client.get("/people").text)
    return client.post(address, data=given, follow_redirects=True)


def person(site: DashboardSite, name: str = "Ada") -> Person:
    return next(person for person in site.services.site.read().people if person.name == name)


def test_a_person_is_enrolled_with_a_card_and_a_pin_that_are_never_shown(
    site: DashboardSite, client: FlaskClient
) -> None:
    page = post(client, "/person-setup", name="Grace H.", groups="staff, night shift").text
    assert "Grace H. is added." in page
    post(client, "/person/credential", name="Grace H.", kind="card", value="0012345", valid_until="2030-12-31T18:00")
    page = post(client, "/person/credential", name="Grace H.", kind="pin", value="471147114711").text
    assert "0012345" not in page
    assert "471147114711" not in page
    grace = person(site, "Grace H.")
    assert grace.groups == {"staff", "night shift"}
    hashed = site.services.site.hash_credential
    assert [(item.kind, item.value) for item in grace.credentials] == [
        ("card", hashed("card", "0012345")),
        ("pin", hashed("pin", "471147114711")),
    ]
    assert grace.credentials[0].valid_until == datetime(2030, 12, 31, 17, tzinfo=UTC), "in the site's zone"


@pytest.mark.parametrize(
    ("address", "given", "fault"),
    [
        ("/person-setup", {"name": "Ada"}, "there is a person &#39;Ada&#39; already"),
        ("/person-setup", {"name": "  "}, "is no name"),
        ("/person-setup", {"name": "Eve", "groups": "a%b"}, "is no name; use letters"),
        ("/person/groups", {"name": "Ada", "groups": "!"}, "is no name; use letters"),
        ("/person/credential", {"name": "Ada", "kind": "pin", "value": "12"}, "A PIN has 4 to 12 digits."),
        ("/person/credential", {"name": "Ada", "kind": "qr", "value": "x"}, "Choose what kind of credential it is."),
        ("/person/credential", {"name": "Ada", "kind": "card", "value": ""}, "Write what the reader reads"),
        (
            "/person/credential",
            {"name": "Ada", "kind": "card", "value": "1", "valid_from": "31.12.2026"},
            "is no date; write it as 2026-12-31",
        ),
        (
            "/person/credential",
            {"name": "Ada", "kind": "card", "value": "1", "valid_from": "2027-01-01", "valid_until": "2026-01-01"},
            "It ends before it begins.",
        ),
        ("/person/credential", {"name": "Nobody", "kind": "card", "value": "1"}, "no person is called"),
        ("/person/credential/change", {"name": "Ada", "act": "burn"}, "Say what is to be done with it."),
        ("/person/credential/change", {"name": "Ada", "act": "off", "kind": "card", "mark": "0"}, "has no card"),
        ("/badges", {"name": "Ada", "days": "100000"}, "Choose how long the badge is valid."),
    ],
)
def test_a_mistake_is_said_and_changes_nothing(
    site: DashboardSite, client: FlaskClient, address: str, given: dict[str, str], fault: str
) -> None:
    before = site.services.site.read()
    assert fault in post(client, address, **given).text
    assert site.services.site.read() == before


def test_a_card_that_is_somebody_elses_is_refused_without_saying_it(site: DashboardSite, client: FlaskClient) -> None:
    post(client, "/person-setup", name="Grace")
    post(client, "/person/credential", name="Grace", kind="card", value="7777777")
    page = post(client, "/person/credential", name="Ada", kind="card", value="7777777").text
    assert "this card belongs to Grace already; one credential, one person" in page
    assert "7777777" not in page
    assert person(site).credentials == ()


def test_credentials_are_switched_changed_and_removed_one_by_one_and_all_at_once(
    site: DashboardSite, client: FlaskClient
) -> None:
    for value in ("1111", "2222"):
        post(client, "/person/credential", name="Ada", kind="card", value=value)
    first, second = (item.value.rpartition(":")[2][:8] for item in person(site).credentials)
    post(client, "/person/credential/change", name="Ada", kind="card", mark=first, act="off")
    assert [item.enabled for item in person(site).credentials] == [False, True]
    post(client, "/person/credential/change", name="Ada", kind="card", mark=second, act="save", valid_from="2026-01-01")
    assert person(site).credentials[1].valid_from == datetime(2025, 12, 31, 23, tzinfo=UTC)
    post(client, "/person/switch", name="Ada", act="off")
    assert "Switched off" in client.get("/people").text
    assert [item.enabled for item in person(site).credentials] == [False, False]
    post(client, "/person/credential/change", name="Ada", kind="card", mark=first, act="remove")
    assert len(person(site).credentials) == 1
    post(client, "/person/remove", name="Ada")
    assert site.services.site.read().people == ()


def test_the_list_is_searched_by_name_and_group(client: FlaskClient) -> None:
    post(client, "/person-setup", name="Grace", groups="guards")
    assert "Ada" not in client.get("/people?q=GUARD").text.partition('id="found"')[2]
    assert "Grace" in client.get("/people?q=gra").text
    assert "Nobody is called so" in client.get("/people?q=zz").text


def test_who_may_only_look_is_shown_no_form(site: DashboardSite) -> None:
    site.services.accounts.add("guard", "guard", "correct horse")
    guard = site.visitor()
    sign_in(guard, "guard")
    page = guard.get("/person?name=Ada").text
    assert "<form" not in page.partition("<main")[2]
    for address in ("/person-setup", "/people-import", "/people-export"):
        assert guard.get(address).status_code == 403
    assert guard.post("/badges", data={"csrf_token": token_of(page), "name": "Ada", "days": "7"}).status_code == 403


# --- badges ---------------------------------------------------------------------------------------------------------


def read_code(page: str) -> str:
    """The text of the page's QR code, read from its picture."""
    path = re.search(r'<path[^>]* d="([^"]+)"', page.partition('id="code"')[2])
    size = re.search(r'viewBox="0 0 (\d+) ', page.partition('id="code"')[2])
    assert path, page
    assert size, page
    picture = np.full((int(size[1]), int(size[1])), 255, np.uint8)
    x = y = 0.0
    for mark, numbers in re.findall(r"([Mmh])([-\d. ]+)", path[1]):
        values = [float(number) for number in re.findall(r"-?[\d.]+", numbers)]
        if mark == "h":
            picture[int(y), int(x) : int(x + values[0])] = 0
            x += values[0]
        else:
            x, y = (values[0], values[1]) if mark == "M" else (x + values[0], y + values[1])
    for scale in (8, 6, 5, 10, 4, 7):  # a reader sees it in many sizes, some of which OpenCV misses
        large = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST)
        text, _, _ = cv2.QRCodeDetectorAruco().detectAndDecode(large)
        if text:
            break
    return str(text)


def test_a_printed_badge_is_read_from_its_picture_and_passes_until_it_is_revoked(
    site: DashboardSite, client: FlaskClient
) -> None:
    answer = post(client, "/badges", name="Ada", days="31")
    assert answer.status_code == 201
    text = read_code(answer.text)
    assert text.startswith("SB1.")
    assert text not in answer.text, "only the picture holds it"
    [held] = person(site).credentials
    desk = AccessDesk(site.services.site.read, site.services.site.hash_credential, site.services.badges.read)

    def credential() -> tuple[str | None, str]:
        now = datetime.now(UTC)
        request = desk(Presented("r1", now, "front", (Factor("badge", text),), now + timedelta(seconds=2)))
        return request.person, request.credential

    assert credential() == ("Ada", "valid")
    mark = held.value.rpartition(":")[2][:8]
    page = post(client, "/person/credential/change", name="Ada", kind="qr", mark=mark, act="off").text
    assert "low assurance" in page
    assert credential() == ("Ada", "credential_not_enabled")


def test_the_reader_of_codes_agrees_with_the_writer() -> None:
    text = "SB1." + "A" * 118
    code = segno.make(text, error="h", micro=False)
    page = f'<div id="code">{code.svg_inline(omitsize=True, border=4, svgclass=None, lineclass=None)}</div>'
    assert read_code(page) == text


def test_making_a_badge_is_on_record_without_its_text(site: DashboardSite, client: FlaskClient) -> None:
    text = read_code(post(client, "/badges", name="Ada", days="7").text)
    rows, _ = site.services.events.page()
    [told] = [row for row in rows if row["kind"] == "user.exported"]
    assert (told["details"]["thing"], told["details"]["actor"]) == ("badge", "ada")
    assert text not in str(rows)


def test_a_phone_shows_a_fresh_code_each_time_until_its_badge_is_switched_off(
    site: DashboardSite, client: FlaskClient
) -> None:
    answer = post(client, "/badges/phone", name="Ada", days="7")
    assert answer.status_code == 201
    link = re.search(r"<code>(http[^<]+)</code>", answer.text)
    assert link, answer.text
    phone = site.app.test_client()  # nobody is signed in there
    opened = phone.get(link[1].partition("localhost")[2])
    assert (opened.status_code, opened.location) == (302, "/badge")
    pages = [phone.get("/badge") for _ in range(2)]
    codes = [read_code(page.text) for page in pages]
    assert "Ada" in pages[0].text
    assert codes[0] != codes[1]
    desk = AccessDesk(site.services.site.read, site.services.site.hash_credential, site.services.badges.read)
    now = datetime.now(UTC)
    request = desk(Presented("r1", now, "front", (Factor("badge", codes[0]),), now + timedelta(seconds=2)))
    assert (request.person, request.factors, request.credential) == ("Ada", {"badge", "phone"}, "valid")
    [held] = person(site).credentials
    mark = held.value.rpartition(":")[2][:8]
    assert (
        "Badge on a phone"
        in post(client, "/person/credential/change", name="Ada", kind="phone", mark=mark, act="off").text
    )
    assert "No badge here" in phone.get("/badge").text
    assert phone.get("/badge").status_code == 404


def test_a_link_that_was_not_made_here_shows_no_badge(site: DashboardSite) -> None:
    phone = site.app.test_client()
    assert phone.get("/badge/SP1.forged").location == "/badge"
    assert phone.get("/badge").status_code == 404
    _badge, printed = site.services.badges.issue(datetime.now(UTC), None)
    phone.set_cookie("surveillance_badge", printed, path="/badge")
    assert phone.get("/badge").status_code == 404


# --- lists ----------------------------------------------------------------------------------------------------------


def upload(client: FlaskClient, text: str | bytes, **more: str) -> str:
    data = text.encode() if isinstance(text, str) else text
    token = token_of(client.get("/people-import").text)
    given = {"csrf_token": token, "file": (io.BytesIO(data), "people.csv"), **more}
    return str(client.post("/people-import", data=given, content_type="multipart/form-data").text)


def hidden(page: str) -> dict[str, str]:
    """What the form of a trial sends back."""
    form = page.partition("/people-import/apply")[2].partition("</form>")[0]
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
    text = re.search(r"<textarea[^>]*>\n(.*)</textarea>", form, re.DOTALL)
    assert text, page
    return fields | {"text": text[1].replace("&#34;", '"').replace("\n", "\r\n")}


def test_a_list_is_tried_and_then_goes_in_exactly_as_shown(site: DashboardSite, client: FlaskClient) -> None:
    page = upload(client, "name;groups;kind;value\r\nGrace;staff;card;0012\r\nAda;guards;;\r\n")
    assert "+ added" in page
    assert "~ changed" in page
    assert "0012" in page, "the file itself goes to and fro"
    assert len(site.services.site.read().people) == 1, "nothing is changed by the trial"
    answer = client.post("/people-import/apply", data=hidden(page), follow_redirects=True)
    assert "The list is in force as version 2: 2 changes." in answer.text
    assert person(site).groups == {"guards"}
    assert person(site, "Grace").credentials[0].value == site.services.site.hash_credential("card", "0012")
    edit, _ = site.services.site.history(2)
    assert (edit.version, edit.author) == (2, "ada")


def test_bad_lines_are_all_named_and_nothing_changes(site: DashboardSite, client: FlaskClient) -> None:
    page = upload(client, "name,kind,value\nGrace,bagde,1\n,card,2\nEve,pin,3\n")
    assert "3 faults, so nothing was changed" in page
    for words in ("did you mean &#39;badge&#39;?", "every line names its person", "a PIN has 4 to 12 digits"):
        assert words in page
    assert "/people-import/apply" not in page
    assert site.services.site.version() == 1


@pytest.mark.parametrize("field", ["text", "digest", "version"])
def test_another_file_than_the_one_shown_is_refused(site: DashboardSite, client: FlaskClient, field: str) -> None:
    given = hidden(upload(client, "name\nGrace\n"))
    given[field] = "name\r\nEve\r\n" if field == "text" else "0"
    assert client.post("/people-import/apply", data=given).status_code in (400, 409)
    assert [known.name for known in site.services.site.read().people] == ["Ada"]


def test_a_list_that_was_shown_before_somebody_elses_edit_is_refused(site: DashboardSite, client: FlaskClient) -> None:
    given = hidden(upload(client, "name\nGrace\n"))
    post(client, "/person-setup", name="Eve")
    answer = client.post("/people-import/apply", data=given)
    assert (answer.status_code, "edited the site meanwhile" in answer.text) == (409, True)


def test_everything_that_a_full_list_does_not_name_is_removed(site: DashboardSite, client: FlaskClient) -> None:
    page = upload(client, "name\nGrace\n", replaces="on")
    assert "− removed" in page
    client.post("/people-import/apply", data=hidden(page))
    assert [known.name for known in site.services.site.read().people] == ["Grace"]


def test_an_export_holds_no_secret_no_formula_and_changes_nothing_when_it_comes_back(
    tmp_path: Path,
) -> None:
    site = open_site(tmp_path, site=replace(SITE, people=(Person("=cmd()", frozenset({"staff"})), *SITE.people)))
    client = site.user()
    post(client, "/person/credential", name="Ada", kind="card", value="0012345")
    answer = client.get("/people-export")
    text = answer.data.decode("utf-8-sig")
    assert "'=cmd()" in text
    assert "0012345" not in text
    assert "hmac" not in text
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=people-")
    assert "there is nothing to change" in upload(client, answer.data, replaces="on")
    rows, _ = site.services.events.page()
    assert "user.exported" in {row["kind"] for row in rows}


def test_a_list_may_be_larger_than_other_forms_but_not_endless(client: FlaskClient) -> None:
    many = "name,groups\n" + "".join(f"Person number {number},staff\n" for number in range(4000))
    assert "Make these 4000 changes" in upload(client, many)
    told = {"CONTENT_LENGTH": "4000000"}
    for address in ("/people-import", "/people-import/apply"):
        assert client.post(address, data={"text": "name"}, environ_overrides=told).status_code == 413
    assert "Choose a file." in upload(client, "")
