"""Between the thread that reads a camera and the worker that looks: the newest live picture, or every one of a file."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Mapping
from typing import Generic, TypeVar

from surveillance.domain.values import Frame

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Latest wins for what may be dropped, which is counted by reason; what must be kept waits for room."""

    def __init__(self, backlog: int = 8) -> None:
        self._backlog = backlog
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._drops: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T, keep: bool) -> bool:
        """`keep` waits while the mailbox is full; otherwise what waits is dropped. False once it is closed."""
        with self._changed:
            if keep:
                self._changed.wait_for(lambda: self._closed or len(self._items) < self._backlog)
            elif self._items:
                self._drops["busy"] += len(self._items)
                self._items.clear()
            if self._closed:
                return False
            self._items.append(item)
            self._changed.notify_all()
            return True

    def take(self, timeout_s: float | None = None) -> T | None:
        """The oldest item; None when `timeout_s` passes, or when the mailbox is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or bool(self._items), timeout_s)
            if not self._items:
                return None
            item = self._items.popleft()
            self._changed.notify_all()
            return item

    def close(self) -> None:
        """No more comes in; what waits can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def is_done(self) -> bool:
        """Closed, and everything was taken."""
        with self._changed:
            return self._closed and not self._items

    @property
    def drops(self) -> Mapping[str, int]:
        """How many were dropped so far, by reason."""
        with self._changed:
            return dict(self._drops)


class FrameMailbox(Mailbox[Frame]):
    """A Mailbox that knows which frames must be kept: those of a file."""

    def deliver(self, frame: Frame) -> bool:
        """Frames of a file wait for room; of a live camera the latest wins. False once it is closed."""
        return self.put(frame, keep=frame.media_s is not None)
