"""Evidence files: whole or absent, and in step with the database after any crash."""

from __future__ import annotations

import os
import time

import pytest
from ledger_samples import JPEG, NOON, decision, observation, open_desk, shot
from sqlalchemy import insert, select

from surveillance.domain.errors import NotFound
from surveillance.storage.database import reading, writing
from surveillance.storage.tables import evidence, garbage


@pytest.fixture
def desk(tmp_path, database):
    return open_desk(tmp_path, url=database)


def files(desk):
    return sorted(path.name for path in (desk.directory / "evidence").glob("*/*"))


def kept(desk):
    [written] = desk.ledger([(observation(shot=shot()), (decision(),))])
    return written.evidence


def test_a_picture_is_written_whole_under_its_name(desk):
    name = desk.evidence.write("0193-abcdef", JPEG)
    assert (name, desk.evidence.read(name), files(desk)) == ("0193-abcdef.jpg", JPEG, [name])


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b.jpg", "0193.png", ".0193abc.jpg", "0193-abcdef.jpg\n", ""])
def test_names_that_lead_elsewhere_are_refused(desk, name):
    with pytest.raises(ValueError, match="is not the name of a picture"):
        desk.evidence.path(name)
    with pytest.raises(NotFound):
        desk.evidence.read(name)


def test_removing_takes_the_file_and_its_row(desk):
    first, second = kept(desk), kept(desk)
    desk.evidence.remove(desk.engine, [first, first])
    assert files(desk) == [second]
    with reading(desk.engine) as connection:
        assert list(connection.scalars(select(evidence.c.name))) == [second]
        assert list(connection.scalars(select(garbage.c.name))) == []


def test_the_start_puts_files_and_rows_in_step(desk):
    whole, gone, doomed = kept(desk), kept(desk), kept(desk)
    desk.evidence.path(gone).unlink()
    with writing(desk.engine) as connection:
        connection.execute(insert(garbage), [{"name": doomed, "at": NOON}])
        connection.execute(evidence.delete().where(evidence.c.name == doomed))
    orphan, fresh = desk.evidence.write("orphan-0001", JPEG), desk.evidence.write("orphan-0002", JPEG)
    long_ago = time.time() - 86_400
    os.utime(desk.evidence.path(orphan), (long_ago, long_ago))
    assert desk.evidence.reconcile(desk.engine) == {"deleted": 1, "orphans": 1, "missing": 1}
    assert files(desk) == sorted([whole, fresh])
    with reading(desk.engine) as connection:
        rows = connection.execute(select(evidence.c.name, evidence.c.missing))
        assert {row.name: row.missing for row in rows} == {whole: False, gone: True}
    assert desk.evidence.reconcile(desk.engine) == {"deleted": 0, "orphans": 0, "missing": 1}
