"""The mailbox: the newest of a live camera, everything of a file."""

from __future__ import annotations

import threading

from surveillance.ingest.mailbox import Mailbox


def test_latest_wins_and_drops_are_counted() -> None:
    mailbox: Mailbox[int] = Mailbox()
    for number in range(5):
        assert mailbox.put(number, keep=False)

    assert (mailbox.take(0), mailbox.take(0), mailbox.drops) == (4, None, {"busy": 4})


def test_a_file_waits_for_room_and_loses_nothing() -> None:
    mailbox: Mailbox[int] = Mailbox(backlog=2)
    taken: list[int] = []

    def fill() -> None:
        for number in range(100):
            mailbox.put(number, keep=True)
        mailbox.close()

    filler = threading.Thread(target=fill)
    filler.start()
    while (number := mailbox.take(60)) is not None:
        taken.append(number)
    filler.join(60)

    assert (taken, mailbox.drops, mailbox.is_done) == (list(range(100)), {}, True)


def test_closing_frees_a_writer_that_waits_for_room() -> None:
    mailbox: Mailbox[int] = Mailbox(backlog=1)
    mailbox.put(0, keep=True)
    answers: list[bool] = []
    writer = threading.Thread(target=lambda: answers.append(mailbox.put(1, keep=True)))
    writer.start()
    mailbox.close()
    writer.join(60)

    assert (answers, mailbox.take(0), mailbox.take(), mailbox.is_done) == ([False], 0, None, True)


def test_taking_from_an_empty_mailbox_times_out() -> None:
    mailbox: Mailbox[int] = Mailbox()
    assert mailbox.take(0.01) is None
    assert not mailbox.is_done
