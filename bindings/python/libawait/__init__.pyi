# SPDX-License-Identifier: MIT
from . import aio as aio
from ._loop import backends as backends
from .loop import (EventLoop as EventLoop, EventLoopPolicy as EventLoopPolicy, install as install, new_event_loop as new_event_loop,
                   run as run)

__version__: str
