# SPDX-License-Identifier: MIT
"""Runs a program of asyncio's, unchanged, with libawait's loop as the default one. Exit status 3: it ended well, but made no such loop.

usage: on_our_loop.py PROGRAM
"""
import asyncio
import runpy
import sys

import libawait

made = 0


class Counted(libawait.EventLoop):
    def __init__(self, *args):
        global made
        super().__init__(*args)
        made += 1


class Policy(libawait.EventLoopPolicy):
    _loop_factory = Counted


Counted.__name__ = 'EventLoop'
asyncio.set_event_loop_policy(Policy())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name='__main__')
if not made:
    sys.exit(3)
