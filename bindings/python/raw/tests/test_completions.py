# SPDX-License-Identifier: MIT
"""Batches: many operations are submitted in one call, and many completions drained in another."""
import gc
import os

from check import Case, a_loop, aw, main


def drain(loop, count):
    done = []
    while len(done) < count:
        done += aw.aw_loop_drain(loop, 16, -1) or []
    return done


class Completions(Case):
    def setUp(self):
        super().setUp()
        self.reader, self.writer = os.pipe()

    def tearDown(self):
        os.close(self.reader)
        os.close(self.writer)
        super().tearDown()

    def test_each_gives_one_completion(self):
        with a_loop() as loop:
            taken = aw.aw_loop_submit(loop, [{'kind': aw.AW_OP_NOP, 'token': 'nothing'},
                                             {'kind': aw.AW_OP_SLEEP, 'token': ('sleep', 1), 'offset': 1000}])
            self.assertEqual(taken, 2)
            self.assertEqual(drain(loop, 2), [('nothing', 0, 0), (('sleep', 1), 0, 0)])

    def test_a_buffer_is_filled_in_place_and_locked_until_then(self):
        with a_loop() as loop:
            buffer = bytearray(b'.' * 10)
            aw.aw_loop_submit(loop, [{'kind': aw.AW_OP_READ, 'token': 1, 'fd': self.reader, 'buffer': buffer}])
            with self.assertRaises(BufferError):
                buffer.append(0)
            aw.aw_loop_submit(loop, [{'kind': aw.AW_OP_WRITE, 'token': 2, 'fd': self.writer, 'buffer': b'hello'}])
            gc.collect()
            self.assertEqual(sorted(drain(loop, 2)), [(1, 0, 5), (2, 0, 5)])
            self.assertEqual(buffer, b'hello.....')
            buffer.append(0)

    def test_a_future_is_waited_for_by_its_token(self):
        with a_loop() as loop:
            future, value = aw.aw_future_new(loop), object()
            aw.aw_loop_submit(loop, [{'kind': aw.AW_OP_FUTURE, 'token': 7, 'buffer': future}])
            aw.aw_loop_call_soon(loop, lambda of: aw.aw_future_set_result(future, value))
            self.assertEqual(drain(loop, 1), [(7, 0, value)])

    def test_a_token_is_cancelled_and_its_completion_follows(self):
        with a_loop() as loop:
            aw.aw_loop_submit(loop, [{'kind': aw.AW_OP_SLEEP, 'token': 'long', 'offset': 60 * aw.SECOND}])
            self.assertEqual(aw.aw_loop_cancel_token(loop, 'other'), 0)
            self.assertEqual(aw.aw_loop_cancel_token(loop, 'lo' + 'ng'), 1)
            self.assertEqual(drain(loop, 1), [('long', aw.AW_ECANCELLED, 0)])

    def test_nothing_at_all_is_none(self):
        with a_loop() as loop:
            self.assertIsNone(aw.aw_loop_drain(loop, 1, 0))
            for wrong in (0, -1, 10 ** 6, 'one'):
                with self.assertRaises((ValueError, TypeError)):
                    aw.aw_loop_drain(loop, wrong, 0)

    def test_what_is_wrong_is_refused_and_gives_the_buffer_back(self):
        with a_loop() as loop:
            buffer = bytearray(4)
            with self.assertRaises(OSError):
                aw.aw_loop_submit(loop, [{'kind': 99, 'buffer': buffer}])
            reads = {'kind': aw.AW_OP_READ, 'fd': self.reader, 'buffer': buffer}
            for wrong in (5, {'kind': 'read'}, {'kind': -1}, {'kind': aw.AW_OP_READ, 'buffer': b'constant'},
                          {'kind': aw.AW_OP_FUTURE, 'buffer': 5}, {'fd': 2 ** 40}):
                with self.assertRaises((TypeError, ValueError, OverflowError, BufferError)):
                    aw.aw_loop_submit(loop, [reads, wrong])
            buffer.append(0)

    def test_a_loop_that_closes_gives_the_buffers_back(self):
        buffer = bytearray(4)
        with a_loop() as loop:
            aw.aw_loop_submit(loop, [{'kind': aw.AW_OP_READ, 'fd': self.reader, 'buffer': buffer}])
        buffer.append(0)


main()
