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
    from libawait.aio import (_support, base_subprocess, connections, constants, coroutines, events, exceptions, futures, locks, log, protocols, queues,
                              runners, sslproto, streams, subprocess, taskgroups, tasks, threads, timeouts, transports)

    facade = types.ModuleType('asyncio', aio.__doc__)
    facade.__path__ = []
    facade.__dict__.update({name: value for name, value in vars(aio).items() if not name.startswith('__')})
    facade.TimeoutError = TimeoutError
    # Children are awaited without a watcher.
    unix_events = types.ModuleType('asyncio.unix_events')
    for name in ('FastChildWatcher', 'MultiLoopChildWatcher', 'PidfdChildWatcher', 'SafeChildWatcher', 'ThreadedChildWatcher'):
        watcher = type(name, (), {'attach_loop': lambda self, loop: None, 'close': lambda self: None})
        setattr(facade, name, watcher)
        setattr(unix_events, name, watcher)
    unix_events.can_use_pidfd = lambda: True
    facade.AbstractChildWatcher = type('AbstractChildWatcher', (), {})
    facade.set_child_watcher = lambda watcher: None
    events.DefaultEventLoopPolicy.set_child_watcher = lambda self, watcher: None
    events.DefaultEventLoopPolicy.get_child_watcher = lambda self: facade.PidfdChildWatcher()
    facade.SelectorEventLoop = type('SelectorEventLoop', (aio.Loop,), {'__init__': lambda self, selector=None: aio.Loop.__init__(self)})
    if sys.version_info >= (3, 13):
        facade.EventLoop = facade.SelectorEventLoop  # two names of one class there
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
    log.logger = logging.getLogger('asyncio')
    for module in (_support, base_subprocess, events, sslproto):
        module.logger = log.logger
    proactor_events = types.ModuleType('asyncio.proactor_events')
    proactor_events.BaseProactorEventLoop = type('BaseProactorEventLoop', (), {})
    staggered = types.ModuleType('asyncio.staggered')
    for name, module in {'base_events': events, 'base_futures': futures, 'base_subprocess': base_subprocess, 'base_tasks': tasks,
                         'constants': constants, 'coroutines': coroutines, 'events': events, 'exceptions': exceptions, 'format_helpers': format_helpers,
                         'futures': futures, 'locks': locks, 'log': log, 'proactor_events': proactor_events, 'protocols': protocols, 'queues': queues,
                         'runners': runners, 'selector_events': events, 'sslproto': sslproto, 'staggered': staggered, 'streams': streams,
                         'subprocess': subprocess, 'taskgroups': taskgroups, 'tasks': tasks, 'threads': threads, 'timeouts': timeouts,
                         'transports': transports, 'trsock': connections, 'unix_events': unix_events}.items():
        setattr(facade, name, module)
        sys.modules[f'asyncio.{name}'] = module
    return aio


if __name__ == '__main__':
    install()
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name='__main__')
