"""WebhookNotifier: an event becomes one signed POST; the id stays the same over all attempts.

Signature by Standard Webhooks (https://www.standardwebhooks.com), body a CloudEvents 1.0 JSON envelope.
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from surveillance.actions.post import parse_endpoint, post_once
from surveillance.actions.settings import ActionSettings
from surveillance.domain.errors import ActionFailed, SettingsError
from surveillance.domain.site import NotifyTarget
from surveillance.domain.values import Action
from surveillance.translations.events import sentence


def _now() -> datetime:
    return datetime.now(UTC)


class WebhookNotifier:
    """Raises SettingsError for an address or secret that cannot be used, ActionFailed for any answer but 2xx."""

    def __init__(self, target: NotifyTarget, settings: ActionSettings, now: Callable[[], datetime] = _now) -> None:
        self._endpoint = parse_endpoint(target.url, f"notify target {target.name!r}")
        self._sign = _signer(target)
        self._settings = settings
        self._now = now

    def __call__(self, action: Action) -> None:
        told = envelope(action, self._settings.source, self._settings.language)
        body = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
        at = self._now()
        headers = {
            "Content-Type": "application/cloudevents+json; charset=utf-8",
            "webhook-id": action.key,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": self._sign(action.key, at, body),
        }
        settings = self._settings
        status = post_once(
            self._endpoint, body.encode(), headers, settings.notify_connect_timeout_s, settings.notify_timeout_s
        )
        if not 200 <= status < 300:
            raise ActionFailed(f"{self._endpoint}: answered {status}")


def envelope(action: Action, source: str, language: str) -> dict[str, Any]:
    """The CloudEvents 1.0 envelope (JSON format) around the event's contract keys, and `text` for people."""
    event = {"kind": action.kind, **action.payload}
    event["text"] = sentence(event, language)
    return {
        "specversion": "1.0",
        "id": action.event,
        "source": source,
        "type": event["kind"],
        "time": event.get("at"),
        "datacontenttype": "application/json",
        "data": event,
    }


def _signer(target: NotifyTarget) -> Callable[[str, datetime, str], str]:
    wanted = f"notify target {target.name!r} needs a secret: whsec_ and 24 to 64 random bytes in base64"
    if not target.secret or not target.secret.startswith("whsec_"):
        raise SettingsError(wanted)
    try:
        webhook = Webhook(target.secret)
    except (binascii.Error, ValueError, EmptyWebhookSecretError) as error:
        raise SettingsError(wanted) from error

    def sign(key: str, at: datetime, body: str) -> str:
        return str(webhook.sign(key, at, body))

    return sign
