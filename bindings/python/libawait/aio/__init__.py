# SPDX-License-Identifier: MIT
"""asyncio's names, implemented with libawait's futures, tasks, locks, queues, streams and servers.

A libawait step task drives each Python coroutine; asyncio is not imported. Most programs start with `import libawait.aio as asyncio`.
"""
from . import exceptions  # first: the extension looks up its exception types there
from . import (connections, coroutines, events, futures, locks, protocols, queues, runners, streams, subprocess, taskgroups, tasks, threads, timeouts,
               transports)
from .connections import *
from .coroutines import *
from .events import *
from .exceptions import *
from .futures import *
from .locks import *
from .protocols import *
from .queues import *
from .runners import *
from .streams import *
from .subprocess import *
from .taskgroups import *
from .tasks import *
from .tasks import create_eager_task_factory, eager_task_factory
from .threads import *
from .timeouts import *
from .transports import *
from .events import _get_running_loop

__all__ = (connections.__all__ + coroutines.__all__ + events.__all__ + exceptions.__all__ + futures.__all__ + locks.__all__ + protocols.__all__ + queues.__all__
           + runners.__all__ + streams.__all__ + subprocess.__all__ + taskgroups.__all__ + tasks.__all__ + threads.__all__ + timeouts.__all__
           + transports.__all__ + ('create_eager_task_factory', 'eager_task_factory'))
