# SPDX-License-Identifier: MIT
"""Makes `asyncio` an alias of libawait.aio, so that programs and tests written for asyncio run on it unchanged, without asyncio itself.

usage: aio_facade.py PROGRAM
"""
import logging
import runpy
import sys
import types


def install():
    """Replace asyncio with libawait.aio in all imports from now on."""
    assert 'asyncio' not in sys.modules, 'asyncio was imported before'
    import libawait.aio as aio
    from libawait.aio import (_support, connections, coroutines, endpoints, events, exceptions, futures, locks, protocols, queues, runners, streams, subprocess,
                              taskgroups, tasks, threads, timeouts, transports)

    facade = types.ModuleType('asyncio', aio.__doc__)
    facade.__path__ = []
    facade.__dict__.update({name: value for name, value in vars(aio).items() if not name.startswith('__')})
    facade.TimeoutError = TimeoutError
    # Children are waited for without a watcher.
    facade.ThreadedChildWatcher = type('ThreadedChildWatcher', (), {})
    facade.SafeChildWatcher = type('SafeChildWatcher', (), {'attach_loop': lambda self, loop: None})
    facade.set_child_watcher = lambda watcher: None
    facade.SelectorEventLoop = type('SelectorEventLoop', (aio.Loop,), {'__init__': lambda self, selector=None: aio.Loop.__init__(self)})
    facade.BaseEventLoop = aio.Loop
    connections.Server._waiters = None
    sys.modules['asyncio'] = facade

    # Names in CPython's modules that their tests and helpers look up.
    events.BaseEventLoop = aio.Loop
    events.AbstractServer = connections.AbstractServer
    events._event_loop_policy = None
    for name in ('_get_running_loop', '_set_running_loop', 'get_running_loop', 'get_event_loop'):
        setattr(events, f'_py_{name}', getattr(events, name, None))
    sys.modules['_asyncio'] = None  # CPython's own implementation in C, which imports parts of asyncio
    futures._CFuture = futures._PyFuture = aio.Future
    tasks._CTask = tasks._PyTask = aio.Task
    for name in ('_register_task', '_unregister_task', '_enter_task', '_leave_task', '_swap_current_task'):
        for kind in ('', '_py', '_c'):
            setattr(tasks, kind + name, None)
    tasks._c_current_task = tasks._py_current_task = aio.current_task
    tasks._c_all_tasks = tasks._py_all_tasks = aio.all_tasks
    format_helpers = types.ModuleType('asyncio.format_helpers')
    format_helpers._get_function_source = _support._function_source
    log = types.ModuleType('asyncio.log')
    log.logger = _support.logger = events.logger = logging.getLogger('asyncio')
    constants = types.ModuleType('asyncio.constants')
    constants.SENDFILE_FALLBACK_READBUFFER_SIZE = endpoints._FILE_BLOCK
    proactor_events = types.ModuleType('asyncio.proactor_events')
    proactor_events.BaseProactorEventLoop = type('BaseProactorEventLoop', (), {})
    base_subprocess = types.ModuleType('asyncio.base_subprocess')
    base_subprocess.BaseSubprocessTransport = type('BaseSubprocessTransport', (), {})
    staggered = types.ModuleType('asyncio.staggered')
    for name, module in {'base_events': events, 'base_futures': futures, 'base_subprocess': base_subprocess, 'base_tasks': tasks, 'constants': constants, 'coroutines': coroutines, 'events': events,
                         'exceptions': exceptions, 'format_helpers': format_helpers, 'futures': futures, 'locks': locks, 'log': log,
                         'proactor_events': proactor_events, 'protocols': protocols, 'queues': queues, 'runners': runners, 'selector_events': events, 'staggered': staggered, 'streams': streams,
                         'subprocess': subprocess, 'taskgroups': taskgroups,
                         'tasks': tasks, 'threads': threads, 'timeouts': timeouts, 'transports': transports}.items():
        setattr(facade, name, module)
        sys.modules[f'asyncio.{name}'] = module
    return aio


if __name__ == '__main__':
    install()
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name='__main__')
