"""A webhook's message verifies with the Standard Webhooks library, and its id outlives every attempt."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from listener import HANG, listening
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from surveillance.actions.settings import ActionSettings
from surveillance.actions.webhook import WebhookNotifier, envelope
from surveillance.domain.errors import ActionFailed, SettingsError
from surveillance.domain.site import NotifyTarget
from surveillance.domain.values import Action

AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdefghijklmn").decode()
SETTINGS = ActionSettings(source="/sites/yard")
IMPATIENT = ActionSettings(notify_timeout_s=0.3)
EVENT = {"id": "e1", "at": "2026-11-21T08:00:00.000Z", "kind": "sighting.alerted", "camera": "Hof-Süd", "zones": []}
TELL = Action("a1", "e1", "notify", "ops", AT, key="k1", payload=EVENT)


def test_a_message_is_signed_and_wrapped() -> None:
    with listening(204) as receiver:
        WebhookNotifier(NotifyTarget("ops", "webhook", f"{receiver.url}/hook?x=1", SECRET), SETTINGS)(TELL)
    (received,) = receiver.received
    assert received.path == "/hook?x=1"
    assert received.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert Webhook(SECRET).verify(received.body, received.headers) == {
        "specversion": "1.0",
        "id": "e1",
        "source": "/sites/yard",
        "type": "sighting.alerted",
        "time": "2026-11-21T08:00:00.000Z",
        "datacontenttype": "application/json",
        "data": {**EVENT, "text": "Alert: Something seen (camera Hof-Süd)"},
    }
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(received.body.replace(b"yard", b"shed"), received.headers)


def test_a_message_says_what_happened_in_the_language_of_the_settings() -> None:
    settings = ActionSettings(language="es")
    denied = {"kind": "access.denied", "door": "front", "identity": "Ada", "reasons": ["unauthorized", "invalid_pin"]}
    assert envelope(replace(TELL, payload=denied), "/", "es")["data"] == {
        **denied,
        "text": "Acceso denegado: Ada en front - No autorizado. - El PIN es incorrecto.",
    }
    with listening(204) as receiver:
        WebhookNotifier(NotifyTarget("ops", "webhook", receiver.url, SECRET), settings)(TELL)
    assert json.loads(receiver.received[0].body)["data"]["text"] == "Alerta: Algo: visto (cámara Hof-Süd)"


def test_a_language_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="no language is called 'tlh'; there are: en, es"):
        ActionSettings(language="tlh")


def test_the_id_stays_and_the_time_moves_over_attempts() -> None:
    times = iter([AT, AT.replace(minute=5)])
    with listening(503, 200) as receiver:
        notify = WebhookNotifier(NotifyTarget("ops", "webhook", receiver.url, SECRET), SETTINGS, lambda: next(times))
        with pytest.raises(ActionFailed, match="answered 503"):
            notify(TELL)
        notify(TELL)
    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == "k1"
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 300
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]
    assert json.loads(first.body) == json.loads(second.body)


@pytest.mark.parametrize("answer", [302, 404, HANG])
def test_anything_but_success_is_a_failure(answer: int) -> None:
    settings = IMPATIENT if answer == HANG else SETTINGS
    with listening(200) as elsewhere, listening(answer, location=elsewhere.url) as receiver:
        with pytest.raises(ActionFailed) as caught:
            WebhookNotifier(NotifyTarget("ops", "webhook", f"{receiver.url}/secret-path", SECRET), settings)(TELL)
        assert elsewhere.received == []
    assert "secret-path" not in str(caught.value)


@pytest.mark.parametrize("url", ["", "file:///etc/passwd", "http://a b", "http://u:p@h/", "http://h:99999/", "//h/x"])
def test_an_address_that_cannot_be_used_is_told_in_one_line(url: str) -> None:
    with pytest.raises(SettingsError, match=r"^notify target 'ops': [^\n]+$"):
        WebhookNotifier(NotifyTarget("ops", "webhook", url, SECRET), SETTINGS)


@pytest.mark.parametrize("secret", [None, "", "whsec_", "plain", "whsec_a"])
def test_a_webhook_without_a_usable_secret_is_refused(secret: str | None) -> None:
    with pytest.raises(SettingsError, match="needs a secret: whsec_") as caught:
        WebhookNotifier(NotifyTarget("ops", "webhook", "https://example.org/hook", secret), SETTINGS)
    assert caught.value.__cause__ is None or "plain" not in str(caught.value)
