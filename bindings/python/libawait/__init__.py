# SPDX-License-Identifier: MIT
"""libawait for Python: an event loop for asyncio, on epoll, io_uring, libuv, libev or virtual time.

    import asyncio, libawait

    with asyncio.Runner(loop_factory=libawait.new_event_loop) as runner:
        runner.run(main())

libawait.aio provides asyncio's names, implemented with libawait's futures, tasks, locks and queues, without importing asyncio.
"""
import importlib

__all__ = ('EventLoop', 'EventLoopPolicy', 'aio', 'backends', 'install', 'new_event_loop', 'run')

# Imported on first use: a program that uses only one of the two layers does not load the other.
_HOMES = {'backends': '._loop', '__version__': '._loop', 'aio': '.aio'}


def __getattr__(name):
    if name not in __all__ and name != '__version__':
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    module = importlib.import_module(_HOMES.get(name, '.loop'), __name__)
    value = module if name == 'aio' else module.version if name == '__version__' else getattr(module, name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})
