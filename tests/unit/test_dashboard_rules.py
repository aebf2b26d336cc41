"""The rules' pages: the editor in both views, saving, switching, history, templates and trying a rule."""

from __future__ import annotations

import re
from dataclasses import replace
from html import escape, unescape
from pathlib import Path
from typing import Any

import pytest
from dashboard_site import RULES, SITE, DashboardSite, now_decision, open_site, sign_in, token_of
from flask.testing import FlaskClient
from hypothesis import given, settings
from judging import SITE as JUDGED
from ledger_samples import observation
from rule_texts import rule_texts

from surveillance.dashboard import create_app
from surveillance.dashboard.diffs import Line, diff_lines
from surveillance.domain.site import NotifyTarget, Site, parse_schedule
from surveillance.rules.book import RuleDocument, rules_of
from surveillance.storage.queries import EventFilter

NIGHT = """\
# Somebody in the yard.
- name: night-yard
  on: sighting
  verdict: alert
  when: label == "person" and "yard" in zones
  cooldown_s: 120
"""


@pytest.fixture
def site(tmp_path: Path) -> DashboardSite:
    rules = RULES.replace("\n- name: night-yard", "\n# Somebody in the yard.\n- name: night-yard")
    night = parse_schedule("night", {"time_zone": "UTC", "weekly": {"mon": ["22:00-06:00"]}})
    return open_site(
        tmp_path, site=replace(SITE, rules=rules, notify=(NotifyTarget("ops", "log"),), schedules=(night,))
    )


def words(page: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))


def fields_of(page: str) -> dict[str, Any]:
    """What a browser would send of the editor without touching it."""
    form = page[page.index('id="editor"') : page.index('id="try"')]
    sent: dict[str, Any] = {"csrf_token": token_of(page)}
    for tag in re.findall(r"<input[^>]*>", form):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        kind = re.search(r'type="([^"]+)"', tag)
        if name is None or "disabled" in tag or (kind and kind[1] in ("checkbox", "radio") and "checked" not in tag):
            continue
        given_value = unescape(value[1]) if value else ""
        if kind and kind[1] == "checkbox":
            sent.setdefault(name[1], []).append(given_value)
        else:
            sent.setdefault(name[1], given_value)
    for name, options in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected', options) or re.search(
            r'<option value="([^"]*)"', options
        )
        sent[name] = unescape(chosen[1]) if chosen else ""
    text = re.search(r'<textarea id="rule-text".*?>\n(.*?)</textarea>', form, re.DOTALL)
    assert text
    return sent | {"text": unescape(text[1])}


def opened(user: FlaskClient, path: str = "/rules/edit/night-yard") -> dict[str, Any]:
    return fields_of(user.get(path).text)


def saved(site: DashboardSite, name: str = "night-yard") -> str:
    found = site.services.site.rule(name)
    assert found is not None
    return found.text


# --- the editor ----------------------------------------------------------------------------------------------------


def test_an_untouched_form_saves_nothing(site: DashboardSite) -> None:
    user = site.user()
    answer = user.post("/rules/save", data=opened(user), follow_redirects=True)
    assert "Rule night-yard is saved, as version 1" in words(answer.text)
    assert saved(site) == NIGHT


def test_the_text_is_saved_as_one_version_put_down_to_who_wrote_it(site: DashboardSite) -> None:
    user = site.user()
    sent = opened(user)
    sent["text"] = NIGHT.replace("120", "60").replace("\n", "\r\n")
    assert user.post("/rules/save", data=sent).location == "/rules/edit/night-yard"
    assert saved(site) == NIGHT.replace("120", "60")
    [row] = site.services.events.page(EventFilter(kind="configuration.changed"), limit=1)[0]
    assert (row["details"]["actor"], row["details"]["change"]) == ("ada", "rule changed: night-yard")
    assert "Version 2 waits for the service" in user.get("/rules/edit/night-yard").text
    site.applied["configuration_version"] = 2
    assert "Version 2 is in force" in user.get("/rules/edit/night-yard").text


def test_a_changed_field_is_saved_without_scripts(site: DashboardSite) -> None:
    user = site.user()
    user.post("/rules/save", data=opened(user) | {"f-mode": "shadow", "f-notify": "ops", "c1-value": "yard"})
    assert saved(site) == NIGHT + "  notify: [ops]\n  mode: shadow\n"


def test_what_is_wrong_is_said_at_its_place_and_nothing_is_saved(site: DashboardSite) -> None:
    user = site.user()
    sent = opened(user)
    sent["text"] = NIGHT.replace('"yard"', '"yrad"').replace("alert", "alrt")
    answer = user.post("/rules/save", data=sent)
    assert answer.status_code == 422
    page = words(answer.text)
    for said in (
        "Line 4 verdict 'alrt' is not known on sighting; did you mean 'alert'?",
        "Line 5 when no zone is called 'yrad'; did you mean 'yard'?",
    ):
        assert said in page
    assert 'when: label == "person" and "yrad" in zones\n' + " " * 30 + "^^^^^^" in unescape(answer.text)
    assert 'id="f-verdict-fault"' in answer.text
    assert '<fieldset class="field conditions has-fault" aria-describedby="f-when-fault">' in answer.text
    assert saved(site) == NIGHT
    assert fields_of(answer.text)["text"] == sent["text"]


def test_an_edit_that_somebody_else_made_meanwhile_is_shown_beside_ones_own(site: DashboardSite) -> None:
    user = site.user()
    sent = opened(user)
    site.services.site.save_rule(NIGHT.replace("120", "30"), "grace", "night-yard")
    sent["text"] = NIGHT.replace("120", "60")
    answer = user.post("/rules/save", data=sent)
    assert answer.status_code == 409
    page = words(answer.text)
    assert "grace changed rule night-yard meanwhile" in page
    assert "− removed cooldown_s: 30" in page
    assert "+ added cooldown_s: 60" in page
    assert saved(site) == NIGHT.replace("120", "30")
    user.post("/rules/save", data=fields_of(answer.text))
    assert saved(site) == NIGHT.replace("120", "60")


def test_a_rule_that_was_removed_meanwhile_can_be_saved_as_a_new_one(site: DashboardSite) -> None:
    user = site.user()
    sent = opened(user) | {"f-mode": "off"}
    site.services.site.remove_rule("night-yard", "grace")
    answer = user.post("/rules/save", data=sent)
    assert "rule night-yard was removed meanwhile" in words(answer.text)
    user.post("/rules/save", data=fields_of(answer.text))
    assert saved(site) == NIGHT + "  mode: off\n"


def test_a_rule_is_renamed_and_keeps_its_history(site: DashboardSite) -> None:
    user = site.user()
    answer = user.post("/rules/save", data=opened(user) | {"f-name": "yard-by-night"})
    assert answer.location == "/rules/edit/yard-by-night"
    history = words(user.get("/rules/history/yard-by-night").text)
    assert "Version 2" in history
    assert "renamed from night-yard" in history
    assert "Version 1" in history
    taken = user.post("/rules/save", data=opened(user, "/rules/edit/yard-by-night") | {"f-name": "staff-front"})
    assert "another rule has this name" in taken.text


def test_rows_are_added_grouped_and_removed_without_scripts(site: DashboardSite) -> None:
    user = site.user()
    page = user.post("/rules/draft", data=opened(user) | {"do": "add"}).text
    assert '"yard" in zones and label == "animal"' in fields_of(page)["text"]
    page = user.post("/rules/draft", data=fields_of(page) | {"do": "group"}).text
    assert '(label == "animal" or label == "animal")' in fields_of(page)["text"]
    page = user.post("/rules/draft", data=fields_of(page) | {"do": "remove c3.0", "c3.1-word": "schedule"}).text
    assert fields_of(page)["text"].splitlines()[4] == (
        '  when: label == "person" and "yard" in zones and label == "animal" and schedule("night")'
    )
    page = user.post("/rules/draft", data=fields_of(page) | {"do": "remove c2", "c3.0-op": "is false"}).text
    assert '"yard" in zones and not schedule("night")' in fields_of(page)["text"]
    assert saved(site) == NIGHT


def test_a_row_takes_values_that_fit_its_word_and_operator(site: DashboardSite) -> None:
    user = site.user()

    def condition(**changed: Any) -> str:
        page = user.post(
            "/rules/draft", data=opened(user) | {name.replace("_", "-"): changed[name] for name in changed}
        )
        found = re.search(r"^  when: (.*)$", fields_of(page.text)["text"], re.MULTILINE)
        assert found
        return found[1]

    assert condition(c0_word="confidence") == 'confidence >= 1 and "yard" in zones'
    assert condition(c0_word="camera") == 'camera == "front" and "yard" in zones'
    assert condition(c0_word="ended") == 'ended and "yard" in zones'
    assert condition(c0_word="count") == 'count("animal") >= 1 and "yard" in zones'
    assert condition(c0_op="is one of") == 'label in {"person"} and "yard" in zones'
    assert condition(c0_op="is none of", c0_value=["animal", "vehicle"]) == (
        'label not in {"animal", "vehicle"} and "yard" in zones'
    )
    assert condition(join="any") == 'label == "person" or "yard" in zones'


def test_another_trigger_takes_a_verdict_it_knows(site: DashboardSite) -> None:
    user = site.user()
    page = user.post("/rules/draft", data=opened(user) | {"f-on": "presence"}).text
    assert fields_of(page)["text"].splitlines()[2:4] == ["  on: presence", "  verdict: authorize"]
    assert "only alert and log rules cool down" in page


def test_a_form_of_an_older_text_changes_only_what_was_changed_in_it(site: DashboardSite) -> None:
    user = site.user()
    newer = NIGHT.replace('"yard" in zones', "people > 1").replace("# Somebody", "# Nobody")
    sent = opened(user) | {"text": newer, "f-cooldown_s": "5"}
    assert user.post("/api/rules/draft", data=sent).json["text"] == newer.replace("120", "5")


def test_a_condition_that_no_rows_can_show_stays_text(site: DashboardSite) -> None:
    user = site.user()
    text = NIGHT.replace('label == "person"', 'not (label == "person" and ended)')
    page = user.post("/rules/draft", data=opened(user) | {"text": text}).text
    assert "shown as text" in page
    assert 'name="f-when"' in page
    sent = fields_of(page) | {"f-when": 'label == "animal"'}
    assert 'when: label == "animal"' in fields_of(user.post("/rules/draft", data=sent).text)["text"]


def test_a_browser_that_touches_nothing_changes_nothing(tmp_path: Path) -> None:
    user = open_site(tmp_path, site=JUDGED).user()
    token = token_of(user.get("/rules").text)

    @given(rule_texts())
    @settings(max_examples=40, deadline=None)
    def round_trip(text: str) -> None:
        sent = {"csrf_token": token, "text": text, "shown": text}
        form = user.post("/api/rules/draft", data=sent).json["form"]
        page = f'id="editor"{form}<textarea id="rule-text">\n{escape(text)}</textarea>id="try"{csrf_field(token)}'
        answer = user.post("/api/rules/draft", data=sent | fields_of(page)).json
        assert answer["text"] == text

    round_trip()


def csrf_field(token: str) -> str:
    return f'<input name="csrf_token" value="{token}">'


# --- while it is typed ---------------------------------------------------------------------------------------------


def test_a_draft_is_checked_with_every_place(site: DashboardSite) -> None:
    user = site.user()
    sent = opened(user) | {"text": NIGHT.replace("zones", "zoness")}
    answer = user.post("/api/rules/draft", data=sent).json
    [flaw] = answer["flaws"]
    assert (flaw["line"], flaw["key"], sent["text"][flaw["start"] : flaw["end"]]) == (5, "when", "zoness")
    assert "did you mean" in flaw["message"]
    assert "^^^^^^" in flaw["pointed"]
    changed = user.post("/api/rules/draft", data=opened(user) | {"f-cooldown_s": "5"}).json
    assert (changed["text"], changed["flaws"]) == (NIGHT.replace("120", "5"), [])
    doubted = user.post(
        "/api/rules/draft", data=sent | {"text": NIGHT.replace("label ==", "ended and not ended and label ==")}
    )
    assert "can never be true" in doubted.json["doubts"][0]["message"]


def test_what_may_stand_at_the_cursor_is_told(site: DashboardSite) -> None:
    user = site.user()
    headers = {"X-CSRFToken": token_of(user.get("/rules/new/blank").text)}
    text = '- on: sighting\n  when: dwell_in("'
    answer = user.post("/api/rules/complete", json={"text": text, "cursor": len(text)}, headers=headers).json
    assert answer == {
        "start": len(text) - 1,
        "end": len(text),
        "candidates": [
            {"text": '"yard")', "shown": '"yard"', "kind": "zone", "type": "", "doc": "zone of camera front"}
        ],
    }
    assert user.post("/api/rules/complete", json={"text": text}, headers=headers).status_code == 400


# --- the list ------------------------------------------------------------------------------------------------------


def test_a_switch_changes_the_mode_and_nothing_else(site: DashboardSite) -> None:
    user = site.user()
    token = token_of(user.get("/rules").text)
    for mode, line in (("shadow", "  mode: shadow\n"), ("off", "  mode: off\n"), ("active", "  mode: active\n")):
        answer = user.post("/rules/mode/night-yard", data={"csrf_token": token, "mode": mode})
        assert answer.location == "/rules#rule-night-yard"
        assert saved(site) == NIGHT + line
    assert user.post("/rules/mode/nobody", data={"csrf_token": token, "mode": "off"}).status_code == 404


def test_a_rule_of_a_file_is_read_only_and_says_where_it_stands(site: DashboardSite) -> None:
    text = '# from a file\n- name: dark\n  on: camera\n  verdict: alert\n  when: camera_state == "lost"\n'
    document = RuleDocument(text, "rules/site.yaml")
    services = replace(site.services, rule_documents=lambda known: (*rules_of(known), document))
    client = create_app(services).test_client()
    sign_in(client)
    assert "From the file rules/site.yaml:2, read-only here" in words(client.get("/rules").text)
    page = client.get("/rules/edit/dark").text
    assert "This rule stands in a file, rules/site.yaml:2" in words(page)
    assert 'action="/rules/delete' not in page
    assert "readonly" in page
    token = token_of(page)
    assert client.post("/rules/mode/dark", data={"csrf_token": token, "mode": "off"}).status_code == 404
    sent = opened(client, "/rules/new/blank") | {"text": text}
    assert "another rule has this name" in client.post("/rules/save", data=sent).text


def test_one_broken_rule_does_not_hide_the_others(tmp_path: Path) -> None:
    broken = "- name: x\n  on: sighting\n  verdict: alert\n  when: lable == 1\n"
    site = open_site(tmp_path, site=replace(SITE, rules=RULES + broken))
    page = words(site.user().get("/rules").text)
    assert "These rules cannot be read" in page
    assert "did you mean 'label'?" in page
    assert "night-yard" in page


def test_a_rule_is_removed_and_brought_back(site: DashboardSite) -> None:
    user = site.user()
    token = token_of(user.get("/rules/edit/night-yard").text)
    answer = user.post("/rules/delete/night-yard", data={"csrf_token": token, "seen": "1"}, follow_redirects=True)
    assert "Rule night-yard is removed" in answer.text
    assert site.services.site.rule("night-yard") is None
    assert user.get("/rules/edit/night-yard").status_code == 404
    assert "removed" in user.get("/rules/history/night-yard").text
    back = user.post("/rules/restore/night-yard", data={"csrf_token": token, "version": "1"}, follow_redirects=True)
    assert "The text of version 1 is back, as version 3" in back.text
    assert saved(site) == NIGHT


# --- history -------------------------------------------------------------------------------------------------------


def test_the_history_shows_who_changed_which_words(site: DashboardSite) -> None:
    site.services.site.save_rule(NIGHT.replace("120", "60"), "grace", "night-yard")
    user = site.user()
    page = user.get("/rules/history/night-yard").text
    assert "cooldown_s: <mark>120</mark>" in page
    assert "cooldown_s: <mark>60</mark>" in page
    assert "grace" in page
    whole = words(user.get("/rules/history").text)
    assert "night-yard changed" in whole
    assert "staff-front added" in whole
    assert user.get("/rules/history/nobody").status_code == 404


def test_an_earlier_text_that_does_not_fit_any_more_opens_in_the_editor(site: DashboardSite) -> None:
    rules = site.services.site
    rules.save_rule(NIGHT.replace("yard", "gone"), "grace", "night-yard")
    rules.save_rule(NIGHT.replace("yard", "hedge").replace("gone", "night-yard"), "grace", "night-gone")
    user = site.user()
    token = token_of(user.get("/rules").text)
    answer = user.post("/rules/restore/night-hedge", data={"csrf_token": token, "version": "2"})
    assert answer.status_code == 422
    assert "The text of version 2 does not fit the site any more" in answer.text
    assert "no zone is called 'gone'" in unescape(answer.text)


def test_all_rules_are_brought_back_as_they_were(site: DashboardSite) -> None:
    rules = site.services.site
    before = rules.rules()
    rules.save_rule(NIGHT.replace("120", "60"), "grace", "night-yard")
    rules.remove_rule("staff-front", "grace")
    user = site.user()
    token = token_of(user.get("/rules").text)
    user.post("/rules/restore", data={"csrf_token": token, "version": "1"})
    assert rules.rules() == before
    rules.save_rules([("bad", "- {name: bad, on: sighting, verdict: alert, when: nonsense}\n")], "grace")
    rules.save_rules(before, "grace")
    answer = user.post("/rules/restore", data={"csrf_token": token, "version": "5"}, follow_redirects=True)
    assert "there is no word 'nonsense'" in unescape(answer.text)
    assert rules.rules() == before


def test_differences_are_shown_down_to_the_words() -> None:
    assert diff_lines("a\nwhen: x and y\n", "a\nwhen: x and z\nend\n")[1:] == [
        Line("-", (("when: x and y", False),)),
        Line("+", (("when: x and z", False),)),
        Line("+", (("end", False),)),
    ]
    assert diff_lines("when: x and y", "when: x and z") == [
        Line("-", (("when: x and ", False), ("y", True))),
        Line("+", (("when: x and ", False), ("z", True))),
    ]


# --- templates -----------------------------------------------------------------------------------------------------


def test_a_template_becomes_a_rule_in_the_editor(site: DashboardSite) -> None:
    user = site.user()
    assert "Intruder at night" in user.get("/rules/new").text
    page = user.get("/rules/new/intruder").text
    assert "front: yard" in page
    sent = {"csrf_token": token_of(page), "place": "front/yard", "schedule": "night", "seconds": "3", "notify": "ops"}
    editor = user.post("/rules/new/intruder", data=sent).text
    text = fields_of(editor)["text"]
    assert "for 3 s while schedule night is open" in text.replace("\n# ", " ")
    answer = user.post("/rules/save", data=fields_of(editor))
    assert answer.location == "/rules/edit/intruder-yard"
    assert saved(site, "intruder-yard") == text
    wrong = user.post("/rules/new/intruder", data=sent | {"seconds": "soon"})
    assert (wrong.status_code, "is no number of seconds" in wrong.text) == (422, True)


def test_a_site_without_zones_is_told_to_draw_one(tmp_path: Path) -> None:
    user = open_site(tmp_path, site=Site(cameras=SITE.cameras[1:])).user()
    page = user.get("/rules/new").text
    assert '<a href="/cameras">Draw a zone on a camera first</a>' in page
    assert "/rules/new/intruder" not in page
    assert "Make the first rule" in user.get("/rules").text


# --- trying --------------------------------------------------------------------------------------------------------


def test_a_draft_is_tried_on_an_event_on_record(site: DashboardSite) -> None:
    user = site.user()
    event = site.record(now_decision(facts={"label": "person", "zones": ["yard"], "dwell_s": 4.25, "ended": False}))
    assert f'href="/rules?on={event}"' in user.get(f"/events/{event}").text
    page = user.get(f"/rules/edit/night-yard?on={event}").text
    assert f'<option value="{event}" selected>' in page
    sent = opened(user) | {"subject": event}
    part = words(user.post("/rules/try", data=sent, headers={"X-Part": "trial"}).text)
    assert "It would have alerted" in part
    assert 'label = "person"' in part
    sent["text"] = NIGHT.replace('"yard" in zones', '"yard" in zones and dwell_s >= 5')
    whole = words(user.post("/rules/try", data=sent).text)
    assert "It would have done nothing: it is false here" in whole
    assert "dwell_s = 4.25" in whole
    sent["text"] = NIGHT.replace("sighting", "camera").replace('label == "person" and "yard" in zones', "true")
    assert "It would not have been asked" in words(user.post("/rules/try", data=sent).text)
    assert "it can be tried once they are put right" in words(
        user.post("/rules/try", data=sent | {"text": NIGHT.replace("and", "nad")}).text
    )
    assert saved(site) == NIGHT


def test_a_draft_is_tried_on_a_track_that_became_no_event(site: DashboardSite) -> None:
    seen = observation(label="person", zones=frozenset({"yard"}))
    site.desk.ledger([(seen, ())])
    user = site.user()
    assert f'value="seen:{seen.id}"' in user.get("/rules/edit/night-yard").text
    sent = opened(user) | {"subject": f"seen:{seen.id}"}
    part = words(user.post("/rules/try", data=sent, headers={"X-Part": "trial"}).text)
    assert "It would have alerted" in part
    assert user.post("/rules/try", data=sent | {"subject": "seen:nothing"}).status_code == 404
    page = user.get(f"/rules?on=seen:{seen.id}").text
    assert "Choose the rule to try on this" in page
    assert f"/rules/edit/night-yard?on=seen:{seen.id}" in page


# --- who may -------------------------------------------------------------------------------------------------------


def test_a_guard_reads_and_tries_and_changes_nothing(site: DashboardSite) -> None:
    site.services.accounts.add("gus", "guard", "correct horse")
    client = site.visitor()
    sign_in(client, "gus")
    page = client.get("/rules/edit/night-yard").text
    assert "readonly" in page
    assert ">Save<" not in page
    assert "New rule" not in client.get("/rules").text
    sent = {"csrf_token": token_of(page), "text": NIGHT, "original": "night-yard"}
    for path in ("/rules/save", "/rules/delete/night-yard", "/rules/mode/night-yard", "/rules/restore"):
        assert client.post(path, data=sent).status_code == 403
    assert client.get("/rules/new").status_code == 403
    assert client.post("/rules/try", data=sent).status_code == 200
