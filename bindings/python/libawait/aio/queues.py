# SPDX-License-Identifier: MIT
"""FIFO, LIFO and priority queues."""
import math

from . import _aio
from .exceptions import QueueEmpty, QueueFull, QueueShutDown

__all__ = ('LifoQueue', 'PriorityQueue', 'Queue', 'QueueEmpty', 'QueueFull', 'QueueShutDown')


class Queue(_aio.Queue):
    """asyncio.Queue."""

    _order = 0

    def __init__(self, maxsize=0):
        super().__init__(math.ceil(maxsize), order=self._order)
        self._maxsize = maxsize

    @property
    def maxsize(self):
        """The maximum number of items; 0 or less: unlimited."""
        return self._maxsize

    def _format(self):
        words = f'maxsize={self.maxsize!r}'
        if self._queue:
            words += f' _queue={self._queue!r}'
        if self._getter_count:
            words += f' _getters[{self._getter_count}]'
        if self._putter_count:
            words += f' _putters[{self._putter_count}]'
        if self._shut:
            words += ' shutdown'
        return words

    def __repr__(self):
        return f'<{type(self).__name__} at {id(self):#x} {self._format()}>'

    def __str__(self):
        return f'<{type(self).__name__} {self._format()}>'


class LifoQueue(Queue):
    """asyncio.LifoQueue."""

    _order = 1


class PriorityQueue(Queue):
    """asyncio.PriorityQueue."""

    _order = 2
