# SPDX-License-Identifier: MIT
"""libawait for Python: an event loop for asyncio, on epoll, io_uring, libuv, libev or virtual time.

    import asyncio, libawait

    with asyncio.Runner(loop_factory=libawait.new_event_loop) as runner:
        runner.run(main())
"""
from . import _loop
from .loop import EventLoop, EventLoopPolicy, install, new_event_loop, run

__version__ = _loop.version
__all__ = ('EventLoop', 'EventLoopPolicy', 'backends', 'install', 'new_event_loop', 'run')

backends = _loop.backends
