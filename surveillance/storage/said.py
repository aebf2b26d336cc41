"""What models said of tracks in the end, as observations on record hold it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Engine, select

from surveillance.storage.database import reading
from surveillance.storage.tables import observation

Said = tuple[str, float]  # label and confidence


def said_of_tracks(engine: Engine, since: datetime, until: datetime) -> Iterator[tuple[str, str, Said]]:
    """Camera, model, and the last word on each track that ended in that time."""
    table = observation
    columns = (table.c.camera, table.c.model, table.c.label, table.c.confidence)
    query = select(*columns).where(table.c.change == "left", table.c.at >= since, table.c.at < until)
    with reading(engine) as connection:
        for row in connection.execute(query.order_by(table.c.number)):
            yield row.camera, row.model, (row.label, row.confidence)
