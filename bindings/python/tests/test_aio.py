# SPDX-License-Identifier: MIT
"""Tests of libawait.aio that CPython's suite lacks: the library, threads, signals, fork, and the garbage collector."""
import asyncio
import contextvars
import errno
import gc
import io
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import weakref

import libawait.aio as aio
from libawait.aio import _aio
from libawait.aio.subprocess import PIPE

BACKENDS = [name for name in ('epoll', 'uring', 'uv', 'ev', 'virtual')]


def usable(backend):
    try:
        loop = aio.Loop(backend)
    except (RuntimeError, OSError):
        return False
    loop.close()
    return True


BACKENDS = [name for name in BACKENDS if usable(name)]


def run(main, backend='virtual'):
    with aio.Runner(loop_factory=lambda: aio.Loop(backend)) as runner:
        return runner.run(main)


class Case(unittest.TestCase):
    def setUp(self):
        gc.collect()
        self.handles = _aio.live_handles()

    def tearDown(self):
        for _ in range(3):
            gc.collect()
        self.assertEqual(_aio.live_handles(), self.handles, 'handles were left behind')


class Package(Case):
    def test_asyncio_is_not_imported(self):
        # The TLS and the processes of the standard library run as modules of this package.
        program = ('import sys, libawait.aio, libawait.aio.sslproto, libawait.aio.subprocess\n'
                   'libawait.aio.run(libawait.aio.create_subprocess_exec("true"))\n'
                   'sys.exit("asyncio" in sys.modules or "_asyncio" in sys.modules)')
        self.assertEqual(subprocess.run([sys.executable, '-c', program], check=False).returncode, 0)

    def test_a_backend_that_is_not_there_is_named(self):
        with self.assertRaisesRegex(RuntimeError, 'nonesuch'):
            aio.Loop('nonesuch')

    def test_each_backend_runs_the_same(self):
        async def work(number):
            await aio.sleep(0.01 * number)
            return number

        async def main():
            return await aio.gather(*(work(number) for number in range(5)))

        for backend in BACKENDS:
            with self.subTest(backend=backend):
                self.assertEqual(run(main(), backend), [0, 1, 2, 3, 4])

    def test_an_hour_takes_no_time_on_the_virtual_backend(self):
        began = time.monotonic()
        run(aio.sleep(3600))
        self.assertLess(time.monotonic() - began, 60)


    def test_the_first_example_prints_what_the_document_says(self):
        source = pathlib.Path(os.environ.get('AWAIT_TEST_SOURCE', pathlib.Path(__file__).parents[3]))
        expected = (source / 'conformance/cases/documents/s000_01_subprocess_timeout.expected').read_text()
        program = source / 'bindings/python/examples/aio_first_example.py'
        for backend in BACKENDS:
            if backend != 'virtual':  # real children take real time
                with self.subTest(backend=backend):
                    done = subprocess.run([sys.executable, program], env=dict(os.environ, AWAIT_BACKEND=backend), capture_output=True, text=True,
                                          check=False)
                    self.assertEqual((done.stdout, done.stderr), (expected, ''))


class Lifetime(Case):
    def test_a_future_and_its_result_in_a_circle_are_collected(self):
        loop = aio.Loop('virtual')

        class Thing:
            pass
        thing = Thing()
        thing.future = loop.create_future()
        thing.future.set_result(thing)
        gone = weakref.ref(thing)
        del thing
        gc.collect()
        self.assertIsNone(gone())
        loop.close()

    def test_an_exception_whose_frames_hold_its_task_is_collected(self):
        async def fail():
            task = aio.current_task()
            raise ValueError(task)

        async def main():
            task = aio.create_task(fail())
            try:
                await task
            except ValueError as failure:
                kept = failure, task
                return weakref.ref(kept[1])

        gone = run(main())
        gc.collect()
        self.assertIsNone(gone())

    def test_a_callback_that_holds_its_pending_future_is_collected(self):
        loop = aio.Loop('virtual')
        future = loop.create_future()
        future.add_done_callback(lambda _, mine=future: mine)
        gone = weakref.ref(future)
        del future
        gc.collect()
        self.assertIsNone(gone())
        loop.close()

    def test_a_queue_that_holds_itself_is_collected(self):
        async def main():
            queue = aio.Queue()
            queue.put_nowait(queue)
            return weakref.ref(queue)
        gone = run(main())
        gc.collect()
        self.assertIsNone(gone())

    def test_what_a_gather_holds_is_not_cleared_while_it_is_used(self):
        async def child(value):
            await aio.sleep(0)
            return [value]

        async def main():
            outer = aio.gather(child(1), aio.shield(child(2)))
            await aio.sleep(0)
            gc.collect()
            return await outer
        self.assertEqual(run(main()), [[1], [2]])

    def test_closing_lets_go_of_everything_once(self):
        dropped = []

        class Told:
            def __init__(self, name):
                self.name = name

            def __call__(self, *args):
                pass

            def __del__(self):
                dropped.append(self.name)

        async def wait_for(told, future):
            await future

        loop = aio.Loop('virtual')
        loop.set_exception_handler(lambda *_: None)
        loop.call_soon(Told('soon'))
        loop.call_later(10, Told('later'))
        loop.call_soon_threadsafe(Told('threadsafe'))
        future = loop.create_future()
        future.add_done_callback(Told('callback'))
        task = loop.create_task(wait_for(Told('task'), future))
        task._log_destroy_pending = False
        loop.call_soon(loop.stop)
        loop.run_forever()
        loop.call_soon(Told('never'))
        loop.close()
        loop.close()
        del task, future
        gc.collect()
        self.assertEqual(sorted(dropped), ['callback', 'later', 'never', 'soon', 'task', 'threadsafe'])
        with self.assertRaisesRegex(RuntimeError, 'closed'):
            loop.call_soon(print)

    def test_a_timer_cancelled_by_its_own_callback(self):
        async def main():
            handles = []
            handles.append(aio.get_running_loop().call_later(0.01, lambda: handles[0].cancel()))
            await aio.sleep(1)
            return handles[0].cancelled()
        self.assertTrue(run(main()))

    def test_objects_outlive_their_closed_loop(self):
        kept = []

        async def main():
            kept.extend([aio.Lock(), aio.Event(), aio.Condition(), aio.Semaphore(2), aio.Barrier(2), aio.Queue(1)])
            await kept[0].acquire()
            await kept[3].acquire()
            kept[1].set()
            await kept[1].wait()
            await kept[5].put('item')
            kept.append(aio.get_running_loop().create_future())
            kept.append(aio.create_task(aio.sleep(0, 'done')))
            await kept[-1]
        run(main())
        self.assertEqual(kept[-1].result(), 'done')
        with self.assertRaises(RuntimeError):
            kept[6].set_result(1)
        for one in kept:
            repr(one)
        kept.clear()


class Failures(Case):
    def test_an_exception_comes_out_as_itself(self):
        failure = KeyError('mine')

        async def fail():
            await aio.sleep(0)
            raise failure

        async def main():
            results = await aio.gather(fail(), return_exceptions=True)
            try:
                async with aio.TaskGroup() as group:
                    group.create_task(fail())
            except* KeyError as caught:
                results += caught.exceptions
            return results
        self.assertEqual([one is failure for one in run(main())], [True, True])

    def test_an_unretrieved_failure_is_reported_with_its_task(self):
        told = []

        async def fail():
            raise ValueError

        async def main():
            aio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context))
            aio.create_task(fail(), name='lost')
            await aio.sleep(0.01)
        run(main())
        self.assertEqual([context['message'] for context in told], ['Task exception was never retrieved'])
        self.assertEqual(told[0]['future'].get_name(), 'lost')
        self.assertIsInstance(told[0]['exception'], ValueError)
        told.clear()

    def test_a_failed_done_callback_is_reported_with_a_handle_as_in_asyncio(self):
        told = []

        def fail(_):
            raise ValueError

        async def main():
            aio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context))
            future = aio.get_running_loop().create_future()
            future.add_done_callback(fail)
            future.set_result(None)
            await aio.sleep(0.01)
        run(main())
        self.assertEqual([sorted(context) for context in told], [['exception', 'handle', 'message']])
        self.assertIsInstance(told[0]['handle'], aio.Handle)
        self.assertIn('fail', repr(told[0]['handle']))
        told.clear()

    def test_a_cancellation_among_results_has_the_message_that_asyncio_gives_it(self):
        async def main(lib):
            tasks = [lib.ensure_future(lib.sleep(3)) for _ in range(2)]
            futures = [lib.get_running_loop().create_future() for _ in range(2)]
            await lib.sleep(0)
            for one, message in zip(tasks + futures, (None, 'word', None, 'word')):
                one.cancel(message)
            results = await lib.gather(*tasks, *futures, return_exceptions=True)
            return [(type(one).__name__, one.args) for one in results]
        self.assertEqual(run(main(aio)), asyncio.run(main(asyncio)))
        self.assertEqual([args for _, args in run(main(aio))], [('',), ('',), ('',), ('word',)])

    def test_a_task_kept_by_the_handler_stays_usable(self):
        kept = []

        async def fail():
            raise ValueError('kept')

        async def main():
            aio.get_running_loop().set_exception_handler(lambda loop, context: kept.append(context['future']))
            aio.create_task(fail())
            await aio.sleep(0.01)
        run(main())
        self.assertEqual(kept[0].exception().args, ('kept',))
        kept.clear()

    def test_system_exit_leaves_the_run_from_wherever_it_is_raised(self):
        def leave(*_):
            raise SystemExit(3)

        async def step():
            leave()

        def from_callback(loop):
            loop.call_soon(leave)

        def from_task(loop):
            loop.create_task(step()).add_done_callback(lambda task: task.exception())

        def from_done_callback(loop):
            future = loop.create_future()
            future.add_done_callback(leave)
            future.set_result(None)

        for way in (from_callback, from_task, from_done_callback):
            with self.subTest(way=way.__name__):
                loop = aio.Loop('epoll')
                way(loop)
                with self.assertRaises(SystemExit) as caught:
                    loop.run_forever()
                self.assertEqual(caught.exception.code, 3)
                # The loop is usable after that.
                self.assertEqual(loop.run_until_complete(aio.sleep(0, 'on')), 'on')
                loop.close()

    def test_a_comparison_that_raises_comes_out_of_the_put(self):
        async def main():
            queue = aio.PriorityQueue()
            await queue.put(1)
            with self.assertRaises(TypeError):
                await queue.put('text')
        run(main())

    def test_a_coroutine_awaits_a_future_of_another_kind(self):
        class Other:
            _asyncio_future_blocking = False

            def __init__(self, loop):
                self.loop, self.callbacks, self.outcome, self.was_cancelled = loop, [], None, False

            def get_loop(self):
                return self.loop

            def add_done_callback(self, callback, context=None):
                self.callbacks.append(callback)

            def cancel(self, msg=None):
                self.was_cancelled = True

            def end(self, outcome):
                self.outcome = outcome
                for callback in self.callbacks:
                    self.loop.call_soon(callback, self)

            def __await__(self):
                if self.outcome is None:
                    self._asyncio_future_blocking = True
                    yield self
                return self.outcome

        async def wait(other):
            return await other

        async def main():
            loop = aio.get_running_loop()
            other = Other(loop)
            loop.call_later(0.01, other.end, 'theirs')
            first = await other
            second = Other(loop)
            task = aio.create_task(wait(second))
            await aio.sleep(0)
            task.cancel()
            with self.assertRaises(aio.CancelledError):
                await task
            await aio.sleep(0)
            return first, second.was_cancelled
        self.assertEqual(run(main()), ('theirs', True))


class Cancellation(Case):
    def test_any_object_is_a_message_wherever_the_cancellation_goes(self):
        message = object()

        async def inner():
            await aio.sleep(9)

        async def through(make):
            task = aio.create_task(make())
            await aio.sleep(0)
            await aio.sleep(0)
            task.cancel(message)
            try:
                await task
            except aio.CancelledError as failure:
                return failure.args == (message,)

        async def plain():
            await inner()

        async def task():
            await aio.create_task(inner())

        async def gathered():
            await aio.gather(inner(), inner())

        async def limited():
            await aio.wait_for(aio.create_task(inner()), 5)

        async def main():
            return [await through(make) for make in (plain, task, gathered, limited)]
        self.assertEqual(run(main()), [True] * 4)

    def test_a_cancelled_get_loses_no_item(self):
        async def main():
            queue, got = aio.Queue(), []

            async def consume():
                while True:
                    got.append(await queue.get())

            for number in range(200):
                task = aio.create_task(consume())
                await aio.sleep(0)
                queue.put_nowait(number)
                if number % 2:
                    task.cancel()
                await aio.sleep(0)
                task.cancel()
                await aio.wait([task])
            while not queue.empty():
                got.append(queue.get_nowait())
            return got
        self.assertEqual(run(main()), list(range(200)))

    def test_contextvars_are_a_tasks_own(self):
        variable = contextvars.ContextVar('variable', default=0)

        async def child(number):
            variable.set(number)
            await aio.sleep(0)
            return variable.get()

        async def main():
            variable.set(9)
            results = await aio.gather(*(child(number) for number in range(3)))
            return results, variable.get()
        self.assertEqual(run(main()), ([0, 1, 2], 9))


class Threads(Case):
    def test_many_threads_hand_work_to_one_loop(self):
        for backend in BACKENDS:
            with self.subTest(backend=backend):
                async def main():
                    loop, seen = aio.get_running_loop(), []
                    done = loop.create_future()

                    def note(item):
                        seen.append(item)
                        if len(seen) == 4000:
                            done.set_result(None)

                    def work(number):
                        for turn in range(1000):
                            loop.call_soon_threadsafe(note, (number, turn))
                    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
                    for thread in threads:
                        thread.start()
                    await done
                    for thread in threads:
                        thread.join()
                    return seen
                seen = run(main(), backend)
                for number in range(4):
                    self.assertEqual([turn for who, turn in seen if who == number], list(range(1000)))

    def test_a_thread_waits_for_a_coroutine_of_the_loop(self):
        async def work():
            await aio.sleep(0.01)
            return threading.get_ident()

        async def main():
            loop = aio.get_running_loop()
            return await aio.to_thread(lambda: aio.run_coroutine_threadsafe(work(), loop).result())
        self.assertEqual(run(main(), 'epoll'), threading.get_ident())

    def test_other_threads_run_while_the_loop_waits(self):
        turns = []

        async def main():
            stop = threading.Event()

            def count():
                while not stop.is_set():
                    turns.append(1)
            thread = threading.Thread(target=count)
            thread.start()
            await aio.sleep(0.05)
            stop.set()
            thread.join()
        run(main(), 'epoll')
        self.assertGreater(len(turns), 10)

    def test_a_failure_dropped_by_another_thread_is_reported_by_the_loop(self):
        told = []

        async def main():
            loop = aio.get_running_loop()
            loop.set_exception_handler(lambda loop, context: told.append((type(context['exception']), threading.get_ident())))
            futures = [loop.create_future()]
            futures[0].set_exception(ValueError())
            await aio.to_thread(futures.clear)
            await aio.sleep(0.01)

        def other():
            loop = aio.Loop('epoll')  # made here, run there
            thread = threading.Thread(target=lambda: threads.append(threading.get_ident()) or loop.run_until_complete(main()))
            thread.start()
            thread.join()
            loop.close()
        threads = []
        other()
        self.assertEqual(told, [(ValueError, threads[0])])

    def test_objects_dropped_by_another_thread_are_released(self):
        async def main():
            futures = [aio.get_running_loop().create_future() for _ in range(100)]
            for future in futures:
                future.set_exception(ValueError())
                future.exception()
            await aio.to_thread(futures.clear)
            del future
        run(main(), 'epoll')


class Signals(Case):
    def test_an_interrupt_ends_a_wait(self):
        for backend in BACKENDS:
            with self.subTest(backend=backend):
                async def main():
                    threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
                    await aio.get_running_loop().create_future()
                with self.assertRaises(KeyboardInterrupt):
                    run(main(), backend)
                time.sleep(0.01)
        for thread in threading.enumerate():
            if isinstance(thread, threading.Timer):
                thread.join()

    def test_a_signal_handler_of_the_loop(self):
        async def main():
            loop = aio.get_running_loop()
            came = loop.create_future()
            loop.add_signal_handler(signal.SIGUSR1, came.set_result, 'came')
            os.kill(os.getpid(), signal.SIGUSR1)
            result = await came
            return result, loop.remove_signal_handler(signal.SIGUSR1), loop.remove_signal_handler(signal.SIGUSR1)
        self.assertEqual(run(main(), 'epoll'), ('came', True, False))


class Processes(Case):
    def test_a_forked_child_runs_a_separate_loop(self):
        async def main():
            child = os.fork()
            if child == 0:
                # The loop is the parent's: another one is made, outside it.
                os._exit(0)
            return await aio.to_thread(os.waitpid, child, 0)
        self.assertEqual(run(main(), 'epoll')[1], 0)
        reader, writer = os.pipe()
        loop = aio.Loop('epoll')
        child = os.fork()
        if child == 0:
            status = 1
            try:
                os.write(writer, aio.run(aio.sleep(0.01, b'well')))
                status = 0
            finally:
                os._exit(status)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertEqual(os.read(reader, 10), b'well')
        loop.close()
        os.close(reader)
        os.close(writer)

    def test_a_cancelled_communicate_keeps_what_was_read(self):
        async def main():
            process = await aio.create_subprocess_shell('echo one; read x; echo two', stdin=PIPE, stdout=PIPE)
            try:
                await aio.wait_for(process.communicate(), 0)
            except TimeoutError:
                pass
            return await process.communicate()
        self.assertEqual(run(main(), 'epoll')[0], b'one\ntwo\n')

    def test_no_descriptor_is_left(self):
        async def main():
            for _ in range(3):
                process = await aio.create_subprocess_exec('cat', stdin=PIPE, stdout=PIPE)
                process.stdin.write(b'line\n')
                process.stdin.close()
                self.assertEqual(await process.stdout.read(), b'line\n')
                await process.wait()
                with self.assertRaises(FileNotFoundError):
                    await aio.create_subprocess_exec('/nowhere/nothing', stdout=PIPE)
        before = os.listdir('/proc/self/fd')
        run(main(), 'epoll')
        gc.collect()
        self.assertEqual(len(os.listdir('/proc/self/fd')), len(before))


    def test_the_rare_options_of_popen(self):
        async def main():
            reading, writing = os.pipe()
            os.write(writing, b'given')
            os.close(writing)
            process = await aio.create_subprocess_exec('sh', '-c', f'cat /dev/fd/{reading}; umask', stdout=PIPE, pass_fds=[reading], umask=0o77,
                                                       preexec_fn=lambda: os.write(1, b'before '))
            os.close(reading)
            self.assertEqual(await process.communicate(), (b'before given0077\n', None))
            self.assertEqual(process.returncode, 0)
            process = await aio.create_subprocess_exec('sleep', '9', restore_signals=False)
            process.terminate()
            self.assertEqual(await process.wait(), -signal.SIGTERM)
            with self.assertRaises(FileNotFoundError):
                await aio.create_subprocess_exec('/nowhere/nothing', stdout=PIPE, umask=0)
        for backend in BACKENDS:
            with self.subTest(backend=backend):
                run(main(), backend)

    def test_a_protocol_is_notified_of_each_event(self):
        class Protocol(aio.SubprocessProtocol):
            def __init__(self):
                self.events = []
                self.over = aio.get_running_loop().create_future()

            def connection_made(self, transport):
                self.transport = transport

            def pipe_data_received(self, fd, data):
                self.events.append((fd, data))
                self.transport.get_pipe_transport(0).close()

            def pipe_connection_lost(self, fd, exc):
                self.events.append((fd, exc))

            def process_exited(self):
                self.events.append('exited')

            def connection_lost(self, exc):
                self.over.set_result(exc)

        async def main():
            transport, protocol = await aio.get_running_loop().subprocess_shell(Protocol, 'echo out; read x; exit 3')
            self.assertIsInstance(transport, aio.SubprocessTransport)
            child = transport.get_extra_info('subprocess')
            self.assertEqual((child.pid, child.poll(), transport.get_returncode()), (transport.get_pid(), None, None))
            with self.assertRaises(subprocess.TimeoutExpired):
                child.wait(0)
            self.assertIsNone(await protocol.over)
            self.assertEqual((child.poll(), child.wait(), transport.get_returncode()), (3, 3, 3))
            self.assertEqual(protocol.events[0], (1, b'out\n'))
            self.assertEqual(sorted(map(str, protocol.events[1:])), ['(0, None)', '(1, None)', '(2, None)', 'exited'])
            transport.close()
            with self.assertRaises(ProcessLookupError):
                transport.kill()
        for backend in BACKENDS:
            with self.subTest(backend=backend):
                run(main(), backend)

    def test_an_exit_that_the_loop_has_not_seen_yet(self):
        async def main():
            transport, _ = await aio.get_running_loop().subprocess_shell(aio.SubprocessProtocol, 'read x; exit 5')
            child = transport.get_extra_info('subprocess')
            transport.get_pipe_transport(0).write(b'\n')
            self.assertEqual((child.wait(), transport.get_returncode()), (5, None))
            child.kill()
            self.assertEqual(await transport._wait(), 5)
            transport.close()
        run(main(), 'epoll')

    def test_a_child_of_a_closed_loop_is_killed(self):
        async def main():
            process = await aio.create_subprocess_exec('sleep', '99', stdin=PIPE, stdout=PIPE)
            return process.pid
        with self.assertWarns(ResourceWarning):
            pid = run(main(), 'epoll')
            gc.collect()
        with self.assertRaises(ProcessLookupError):
            os.kill(pid, 0)


class Streams(Case):
    def test_lines_limits_and_ends(self):
        async def main():
            process = await aio.create_subprocess_exec('printf', 'a\\nbb:cc', stdout=PIPE)
            reader = process.stdout
            got = [await reader.readline(), await reader.readuntil(b':')]
            with self.assertRaises(aio.IncompleteReadError) as caught:
                await reader.readexactly(5)
            got.append(caught.exception.partial)
            got.append(await reader.read())
            await process.wait()
            process = await aio.create_subprocess_exec('printf', 'x' * 50, stdout=PIPE, limit=10)
            with self.assertRaises(ValueError):
                await process.stdout.readline()
            await process.wait()
            return got
        self.assertEqual(run(main(), 'epoll'), [b'a\n', b'bb:', b'cc', b''])


class Echo(aio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


class Collecting(aio.BufferedProtocol):
    def __init__(self, size=4):
        self.memory = bytearray(size)
        self.data = b''

    def get_buffer(self, hint):
        return self.memory

    def buffer_updated(self, count):
        self.data += self.memory[:count]


class Tls(Case):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        files = [os.path.join(cls.folder.name, name) for name in ('cert.pem', 'key.pem')]
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-addext',
                        'subjectAltName=DNS:localhost', '-out', files[0], '-keyout', files[1]], check=True, stderr=subprocess.DEVNULL)
        cls.serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        cls.serving.load_cert_chain(*files)
        cls.trusting = ssl.create_default_context(cafile=files[0])

    def setUp(self):
        super().setUp()
        self.descriptors = len(os.listdir('/proc/self/fd'))

    def tearDown(self):
        super().tearDown()
        self.assertEqual(len(os.listdir('/proc/self/fd')), self.descriptors, 'descriptors were left behind')

    @staticmethod
    async def echo(reader, writer):
        while block := await reader.read(2 ** 16):
            writer.write(block)
            await writer.drain()
        writer.close()

    def each(self, main):
        for backend in BACKENDS:
            with self.subTest(backend=backend):
                run(main(), backend)

    async def talk(self, reader, writer):
        async def send():
            for _ in range(20):
                writer.write(b'x' * 50_000)
                await writer.drain()
        sending = aio.create_task(send())
        self.assertEqual(await reader.readexactly(1_000_000), b'x' * 1_000_000)
        await sending
        self.assertEqual(writer.get_extra_info('peercert')['subject'], ((('commonName', 'localhost'),),))
        self.assertIsInstance(writer.get_extra_info('ssl_object'), ssl.SSLObject)
        self.assertIs(writer.get_extra_info('sslcontext'), self.trusting)
        self.assertEqual(writer.get_extra_info('cipher')[0], writer.get_extra_info('ssl_object').cipher()[0])
        self.assertIsNone(writer.get_extra_info('compression'))
        self.assertIsNotNone(writer.get_extra_info('socket'))
        writer.close()
        await writer.wait_closed()

    def test_streams_over_tcp_and_unix_sockets(self):
        async def main():
            async with await aio.start_server(self.echo, '127.0.0.1', 0, ssl=self.serving) as server:
                port = server.sockets[0].getsockname()[1]
                await self.talk(*await aio.open_connection('127.0.0.1', port, ssl=self.trusting, server_hostname='localhost'))
            path = os.path.join(self.folder.name, 'socket')
            async with await aio.start_unix_server(self.echo, path, ssl=self.serving):
                await self.talk(*await aio.open_unix_connection(path, ssl=self.trusting, server_hostname='localhost'))
        self.each(main)

    def test_start_tls_in_the_middle_of_a_stream(self):
        async def serve(reader, writer):
            self.assertEqual(await reader.readline(), b'STARTTLS\n')
            writer.write(b'go\n')
            await writer.start_tls(self.serving)
            await self.echo(reader, writer)

        async def main():
            async with await aio.start_server(serve, '127.0.0.1', 0) as server:
                reader, writer = await aio.open_connection(*server.sockets[0].getsockname())
                writer.write(b'STARTTLS\n')
                self.assertEqual(await reader.readline(), b'go\n')
                await writer.start_tls(self.trusting, server_hostname='localhost')
                await self.talk(reader, writer)
        self.each(main)

    def test_a_certificate_that_is_not_trusted(self):
        async def main():
            reports = []
            aio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context))
            aio.get_running_loop().set_debug(True)
            async with await aio.start_server(self.echo, '127.0.0.1', 0, ssl=self.serving) as server:
                address = server.sockets[0].getsockname()
                with self.assertRaises(ssl.SSLCertVerificationError):
                    await aio.open_connection(*address, ssl=True)
                with self.assertRaises(ssl.SSLCertVerificationError):
                    await aio.open_connection(*address, ssl=self.trusting, server_hostname='elsewhere')
                while not any(context['message'] == 'Error on transport creation for incoming connection' for context in reports):
                    await aio.sleep(0.01)
        self.each(main)

    def test_a_handshake_that_is_cancelled_or_takes_too_long(self):
        async def main():
            silent = socket.create_server(('127.0.0.1', 0))
            address = silent.getsockname()
            with self.assertRaises(TimeoutError):
                await aio.wait_for(aio.open_connection(*address, ssl=self.trusting, server_hostname='localhost'), 0.05)
            with self.assertRaisesRegex(ConnectionAbortedError, 'SSL handshake is taking longer than 0.05 seconds'):
                await aio.open_connection(*address, ssl=self.trusting, server_hostname='localhost', ssl_handshake_timeout=0.05)
            reader, writer = await aio.open_connection(*address)
            with self.assertRaises(TimeoutError):
                await aio.wait_for(writer.start_tls(self.trusting, server_hostname='localhost'), 0.05)
            self.assertTrue(writer.is_closing())
            silent.close()
        self.each(main)

    def test_a_connection_is_released_without_the_collector(self):
        async def main():
            async with await aio.start_server(self.echo, '127.0.0.1', 0, ssl=self.serving) as server:
                context = ssl.create_default_context(cafile=os.path.join(self.folder.name, 'cert.pem'))
                transport, _ = await aio.get_running_loop().create_connection(
                    aio.Protocol, *server.sockets[0].getsockname(), ssl=context, server_hostname='localhost')
                transport.close()
                gone = weakref.ref(context)
                del transport, context
                while gone():
                    await aio.sleep(0.01)
        gc.disable()
        try:
            self.each(main)
        finally:
            gc.enable()

    def test_the_wrong_arguments(self):
        async def main():
            loop = aio.get_running_loop()
            for call, arguments in ((loop.create_connection, ('127.0.0.1', 1)), (loop.create_unix_connection, ('x',)),
                                    (loop.create_server, ('127.0.0.1', 1)), (loop.create_unix_server, ('x',))):
                for option in ('ssl_handshake_timeout', 'ssl_shutdown_timeout'):
                    with self.assertRaisesRegex(ValueError, f'{option} is only meaningful with ssl'):
                        await call(aio.Protocol, *arguments, **{option: 1})
            with self.assertRaises(ValueError):
                await loop.create_unix_connection(aio.Protocol, 'x', ssl=self.trusting)
            with self.assertRaises(TypeError):
                await loop.create_server(aio.Protocol, '127.0.0.1', 0, ssl=True)
            ours, theirs = socket.socketpair()
            with self.assertRaises(ValueError):
                await loop.create_connection(aio.Protocol, sock=ours, ssl=self.trusting)
            async with await aio.start_server(self.echo, '127.0.0.1', 0) as server:
                for option in ('ssl_handshake_timeout', 'ssl_shutdown_timeout'):
                    with self.assertRaisesRegex(ValueError, f'{option} should be a positive number'):
                        await aio.open_connection(*server.sockets[0].getsockname(), ssl=self.trusting, server_hostname='localhost', **{option: 0})
            transport, protocol = await loop.connect_accepted_socket(aio.Protocol, ours)
            with self.assertRaises(TypeError):
                await loop.start_tls(transport, protocol, None)
            with self.assertRaises(TypeError):
                await loop.start_tls(object(), protocol, self.trusting)
            wrapped = self.trusting.wrap_socket(theirs, server_hostname='localhost', do_handshake_on_connect=False)
            with self.assertRaisesRegex(TypeError, 'Socket cannot be of type SSLSocket'):
                await loop.sock_recv(wrapped, 1)
            wrapped.close()
            transport.close()
        run(main(), 'epoll')

    def test_what_a_protocol_writes_when_it_is_resumed_is_sent_after_close(self):
        class Last(aio.Protocol):
            def connection_made(self, transport):
                self.transport = transport
                self.paused = False

            def pause_writing(self):
                self.paused = True

            def resume_writing(self):
                self.transport.write(b'last')

        async def main():
            ours, theirs = socket.socketpair()
            theirs.setblocking(False)
            loop = aio.get_running_loop()
            transport, protocol = await loop.connect_accepted_socket(Last, ours)
            transport.write(b'x' * 1_000_000)
            self.assertTrue(protocol.paused)
            transport.close()
            self.assertTrue(transport.is_closing())
            self.assertFalse(transport.is_reading())
            got = bytearray()
            while block := await loop.sock_recv(theirs, 2 ** 16):
                got += block
            self.assertEqual((len(got), got[-4:]), (1_000_004, b'last'))
            theirs.close()
        self.each(main)


class Connections(Case):
    def setUp(self):
        super().setUp()
        self.descriptors = set(os.listdir('/proc/self/fd'))

    def tearDown(self):
        super().tearDown()
        self.assertEqual(len(os.listdir('/proc/self/fd')), len(self.descriptors), 'descriptors were left behind')

    def each(self, main):
        """Run it on every backend."""
        for backend in BACKENDS:
            with self.subTest(backend=backend):
                run(main(), backend)

    def test_the_path_of_a_passed_unix_socket(self):
        # As CPython does since 3.13: only create_unix_server() removes it, at close(), unless it is told not to.
        async def main(path):
            loop = aio.get_running_loop()
            for call, options, stays in ((loop.create_unix_server, {}, False), (loop.create_unix_server, {'cleanup_socket': False}, True),
                                         (loop.create_server, {}, True)):
                sock = socket.socket(socket.AF_UNIX)
                sock.bind(path)
                server = await call(aio.Protocol, sock=sock, **options)
                server.close()
                self.assertEqual(os.path.exists(path), stays, (call.__name__, options))
                await server.wait_closed()
                if stays:
                    os.unlink(path)

        for backend in BACKENDS:
            with self.subTest(backend=backend), tempfile.TemporaryDirectory() as folder:
                run(main(os.path.join(folder, 'socket')), backend)

    def test_many_clients_are_served(self):
        async def serve(reader, writer):
            while line := await reader.readline():
                writer.write(line)
                await writer.drain()
            writer.close()
            await writer.wait_closed()

        async def ask(port, number):
            reader, writer = await aio.open_connection('127.0.0.1', port, limit=2 ** 18)
            writer.write(b'%d\n' % number)
            writer.write(b'x' * 100_000 + b'\n')
            self.assertEqual(await reader.readline(), b'%d\n' % number)
            self.assertEqual(len(await reader.readuntil((b'nothing', b'\n'))), 100_001)
            self.assertEqual(writer.get_extra_info('peername'), ('127.0.0.1', port))
            writer.close()
            await writer.wait_closed()
            self.assertEqual(writer.get_extra_info('peername'), ('127.0.0.1', port))

        async def main():
            async with await aio.start_server(serve, '127.0.0.1', 0, limit=2 ** 18) as server:
                port = server.sockets[0].getsockname()[1]
                await aio.gather(*(ask(port, number) for number in range(20)))
        self.each(main)

    def test_failures_have_the_texts_of_asyncio(self):
        async def main():
            loop = aio.get_running_loop()
            with socket.create_server(('127.0.0.1', 0)) as used:
                port = used.getsockname()[1]
                with self.assertRaises(OSError) as caught:
                    await aio.start_server(print, '127.0.0.1', port)
            self.assertEqual(str(caught.exception), f"[Errno {errno.EADDRINUSE}] error while attempting to bind on address ('127.0.0.1', {port}): "
                             f'[errno {errno.EADDRINUSE}] address already in use')
            with self.assertRaises(ConnectionRefusedError) as caught:
                await aio.open_connection('127.0.0.1', port)
            self.assertEqual(str(caught.exception), f"[Errno {errno.ECONNREFUSED}] Connect call failed ('127.0.0.1', {port})")
            with self.assertRaises(ExceptionGroup) as caught:
                await loop.create_connection(aio.Protocol, '127.0.0.1', port, all_errors=True)
            self.assertIn(f"('127.0.0.1', {port})", str(caught.exception.exceptions[0]))
            with self.assertRaises(FileNotFoundError):
                await aio.open_unix_connection('/nowhere/nothing')
            with self.assertRaises(socket.gaierror) as caught:
                await loop.getaddrinfo('127.0.0.1', 'no such service')
            self.assertEqual(caught.exception.errno, socket.EAI_SERVICE)
            self.assertEqual(await loop.getaddrinfo('::1', 80, type=socket.SOCK_STREAM), socket.getaddrinfo('::1', 80, type=socket.SOCK_STREAM))
            self.assertEqual(await loop.getnameinfo(('127.0.0.1', 80), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV), ('127.0.0.1', '80'))
        self.each(main)

    def test_a_callback_that_fails_ends_the_connection(self):
        class Bad(aio.Protocol):
            def data_received(self, data):
                raise ValueError('told to')

            def connection_lost(self, exc):
                lost.append(exc)

        class Empty(aio.BufferedProtocol):
            def get_buffer(self, hint):
                return bytearray()

            def connection_lost(self, exc):
                lost.append(exc)

        async def main():
            loop = aio.get_running_loop()
            lost.clear()
            reports = []
            loop.set_exception_handler(lambda loop, context: reports.append(context))
            for factory, kind in ((Bad, ValueError), (Empty, RuntimeError)):
                ours, theirs = socket.socketpair()
                with theirs:
                    transport, protocol = await loop.create_connection(factory, sock=ours)
                    theirs.send(b'x')
                    while len(lost) == len(reports) - 1 or not reports:
                        await aio.sleep(0)
                    self.assertIs(reports[-1]['exception'], lost[-1])
                    self.assertIsInstance(lost[-1], kind)
                    self.assertIs(reports[-1]['transport'], transport)
                    self.assertIs(reports[-1]['protocol'], protocol)
                    self.assertEqual(ours.fileno(), -1)
                    reports.clear()
                    lost.clear()
        lost = []
        self.each(main)

    def test_an_exit_leaves_the_run(self):
        class Leaves(aio.Protocol):
            def data_received(self, data):
                raise SystemExit(3)

        async def main():
            ours, theirs = socket.socketpair()
            with theirs:
                transport, _ = await aio.get_running_loop().create_connection(Leaves, sock=ours)
                theirs.send(b'x')
                try:
                    await aio.sleep(5)
                finally:
                    transport.abort()
                    await aio.sleep(0.01)
        with self.assertRaises(SystemExit):
            run(main(), 'epoll')

    def test_the_protocol_can_be_replaced(self):
        async def main():
            loop = aio.get_running_loop()
            ours, theirs = socket.socketpair()
            with theirs:
                transport, echo = await loop.create_connection(Echo, sock=ours)
                theirs.setblocking(False)
                theirs.send(b'one')
                self.assertEqual(await loop.sock_recv(theirs, 9), b'one')
                buffered = Collecting()
                transport.set_protocol(buffered)
                self.assertIs(transport.get_protocol(), buffered)
                theirs.send(b'0123456789')
                while len(buffered.data) < 10:
                    await aio.sleep(0)
                self.assertEqual(buffered.data, b'0123456789')
                transport.set_protocol(echo)
                theirs.send(b'two')
                self.assertEqual(await loop.sock_recv(theirs, 9), b'two')
                transport.close()
                await aio.sleep(0.01)
        self.each(main)

    def test_what_is_not_closed_is_told(self):
        async def main():
            ours, theirs = socket.socketpair()
            with theirs:
                _, writer = await aio.open_connection(sock=ours)
                with self.assertWarnsRegex(ResourceWarning, 'unclosed <StreamWriter'):
                    del writer, _
                await aio.sleep(0.01)
        run(main(), 'epoll')

        async def leave():
            ours, theirs = socket.socketpair()
            left.extend((theirs, ours))
            await aio.get_running_loop().create_connection(Echo, sock=ours)
        left = []
        with self.assertWarnsRegex(ResourceWarning, 'unclosed transport'):
            run(leave(), 'epoll')
            gc.collect()
        self.assertEqual(left[0].recv(1), b'')
        self.assertEqual(left[1].fileno(), -1)  # or it would close a descriptor that may be another one's by then
        left[0].close()

    def test_cancelled_while_connecting(self):
        async def main():
            with socket.create_server(('127.0.0.1', 0), backlog=1) as listener:
                port = listener.getsockname()[1]
                tasks = [aio.create_task(aio.open_connection('127.0.0.1', port)) for _ in range(5)]
                await aio.sleep(0)
                for task in tasks:
                    task.cancel()
                results = await aio.gather(*tasks, return_exceptions=True)
                for result in results:
                    if isinstance(result, tuple):
                        result[1].close()
                await aio.sleep(0.01)
        self.each(main)

    def test_files(self):
        async def main():
            loop = aio.get_running_loop()
            ours, theirs = socket.socketpair()
            with theirs, tempfile.TemporaryFile(buffering=0) as file:
                theirs.setblocking(False)
                file.write(b'x' * 300_000)
                reader, writer = await aio.open_connection(sock=ours)
                writer.write(b'before')
                sending = aio.create_task(loop.sendfile(writer.transport, file, 5))
                await aio.sleep(0)
                with self.assertRaisesRegex(RuntimeError, 'sendfile is in progress'):
                    writer.write(b'between')
                got = b''
                while len(got) < 6 + 299_995:
                    got += await loop.sock_recv(theirs, 2 ** 16)
                self.assertEqual((await sending, got[:7], file.tell()), (299_995, b'beforex', 300_000))
                self.assertEqual(await loop.sendfile(writer.transport, io.BytesIO(b'0123456789'), 2, 5), 5)
                self.assertEqual(await loop.sock_recv(theirs, 99), b'23456')
                writer.close()
                await writer.wait_closed()
        self.each(main)

    def test_datagrams(self):
        class Receiver(aio.DatagramProtocol):
            def __init__(self):
                self.got = aio.Queue()

            def datagram_received(self, data, address):
                self.got.put_nowait((data, address))

        async def main():
            loop = aio.get_running_loop()
            server, receiver = await loop.create_datagram_endpoint(Receiver, local_addr=('127.0.0.1', 0))
            client, answers = await loop.create_datagram_endpoint(Receiver, remote_addr=server.get_extra_info('sockname'))
            client.sendto(b'')
            client.sendto(b'ask')
            self.assertEqual((await receiver.got.get())[0], b'')
            data, address = await receiver.got.get()
            self.assertEqual(address, client.get_extra_info('sockname'))
            server.sendto(b'answer to ' + data, address)
            self.assertEqual((await answers.got.get())[0], b'answer to ask')
            with self.assertRaises(TypeError):
                client.sendto('text')
            self.assertEqual(client.get_extra_info('socket').getsockopt(socket.SOL_SOCKET, socket.SO_TYPE), socket.SOCK_DGRAM)
            client.close()
            server.abort()
            await aio.sleep(0.01)
            self.assertEqual(client.get_extra_info('socket').fileno(), -1)
        self.each(main)


class WakeupDescriptor(unittest.TestCase):
    """The descriptor that CPython's signal handler writes to, which a loop sets for the time that it runs in the main thread."""

    def descriptor_after(self, action):
        """The descriptor that is set after a run of action() on a loop, where `self.writer` was set before."""
        async def main():
            action()
        outer = signal.set_wakeup_fd(self.writer.fileno())
        try:
            run(main(), 'epoll')
        finally:
            after = signal.set_wakeup_fd(outer)
        return after

    def setUp(self):
        self.pairs = [socket.socketpair() for _ in range(2)]
        self.addCleanup(lambda: [end.close() for pair in self.pairs for end in pair])
        for _, writer in self.pairs:
            writer.setblocking(False)
        self.writer, self.other = self.pairs[0][1], self.pairs[1][1]

    def test_the_earlier_one_is_restored(self):
        self.assertEqual(self.descriptor_after(lambda: None), self.writer.fileno())

    def test_one_set_meanwhile_stays(self):
        self.assertEqual(self.descriptor_after(lambda: signal.set_wakeup_fd(self.other.fileno())), self.other.fileno())


if __name__ == '__main__':
    program = unittest.main(exit=False, verbosity=0)
    result = program.result
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    for _, reason in result.skipped:
        print(f'skipped: {reason}')
    skipped = f', {len(result.skipped)} skipped' if result.skipped else ''
    print(f'{result.testsRun - failed - len(result.skipped)} passed, {failed} failed{skipped}')
    sys.exit(1 if failed else 0)
