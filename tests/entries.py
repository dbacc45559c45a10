#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every public function that returns a status notes its errors, so that aw_caught() is the error of the last negative status: it is defined
with ENTRY (core/base/failure.h), or is one of those below, which do it themselves.

usage: entries.py --headers FILE... --sources FILE...
"""
import argparse
import pathlib
import re
import sys

# A function that suspends, or passes on a failure that already has an error, notes only errors that it creates itself.
AWAITS = '''
aw_as_completed_next aw_await aw_await_coro aw_await_int aw_await_shielded aw_await_take aw_await_take_int aw_barrier_abort
aw_barrier_reset aw_barrier_wait aw_condition_acquire aw_condition_wait aw_condition_wait_for aw_create_datagram_endpoint
aw_datagram_open aw_datagram_recv aw_datagram_recv_many aw_datagram_send aw_datagram_send_many aw_datagram_wait_closed
aw_event_wait aw_file_allocate aw_file_close aw_file_open aw_file_open_at aw_file_open_temp aw_file_read aw_file_read_at
aw_file_read_whole aw_file_readv aw_file_replace aw_file_stat aw_file_sync aw_file_truncate aw_file_write aw_file_write_at
aw_file_writev aw_gather_run aw_gather_run_each aw_iterator_next aw_lock_acquire aw_open_connection aw_open_unix_connection
aw_path_link aw_path_mkdir aw_path_mkdtemp aw_path_readlink aw_path_rename aw_path_rmdir aw_path_stat aw_path_symlink
aw_path_unlink aw_queue_get aw_queue_join aw_queue_put aw_semaphore_acquire aw_server_listen aw_server_serve_forever
aw_server_wait_closed aw_sleep aw_sock_accept aw_sock_connect aw_sock_recv aw_sock_recvfrom aw_sock_sendall aw_sock_sendfile
aw_sock_sendto aw_stream_copy aw_stream_drain aw_stream_peek aw_stream_read aw_stream_readall aw_stream_readexactly
aw_stream_readline aw_stream_readuntil aw_stream_readuntil_any aw_stream_recv_fds aw_stream_send aw_stream_send_fds
aw_stream_sendfile aw_stream_wait_closed
aw_stream_wait_ready aw_taskgroup_exit aw_timeout_exit aw_timeout_run aw_to_thread aw_wait aw_wait_for aw_wait_for_shielded
aw_watch_add aw_watch_next aw_watch_remove aw_with'''
# Functions that have an error object, or create one with a message.
OBJECTS = '''
aw_create_datagram_endpoint_coro aw_datagram_join_group aw_datagram_leave_group aw_datagram_open_coro aw_datagram_set_multicast_interface
aw_future_error aw_future_result aw_future_result_int aw_future_take_result aw_pipeline_start aw_raise aw_raise_error aw_results_get aw_results_get_int
aw_subprocess_exec aw_subprocess_run aw_subprocess_run_future aw_subprocess_run_shell aw_subprocess_run_shell_future aw_subprocess_shell
aw_server_listen_unix aw_start_server aw_start_unix_server aw_vraisef'''
# Functions whose status is only information, was passed by the caller, is noted by a function that they call, or is an error only outside
# tasks; and those that a signal handler may call.
OTHERS = '''
aw_backend_list_status aw_debug_free_caches aw_error_status aw_future_failf aw_interrupt_raise aw_raisef aw_resume_raise aw_resume_status aw_return
aw_return_int aw_run aw_work_raisef'''
OWN = set((AWAITS + OBJECTS + ' ' + OTHERS).split())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--headers', nargs='+', type=pathlib.Path, required=True)
    parser.add_argument('--sources', nargs='+', type=pathlib.Path, required=True)
    args = parser.parse_args()
    declared = {name for path in args.headers for name in re.findall(r'AW_API\s+aw_status\s+(aw_\w+)\(', path.read_text())}
    entries = {name for path in args.sources for name in re.findall(r'^ENTRY\((aw_\w+),', path.read_text(), re.MULTILINE)}
    wrong = [f'{name}: defined without ENTRY; its errors are not noted' for name in sorted(declared - entries - OWN)]
    wrong += [f'{name}: notes its errors itself, and is defined with ENTRY as well' for name in sorted(entries & OWN)]
    wrong += [f'{name}: in the list of {sys.argv[0]}, but not a public function' for name in sorted(OWN - declared)]
    wrong += [f'{name}: defined with ENTRY, but not public' for name in sorted(entries - declared)]
    print(*wrong, f'{len(declared) - len(wrong)} passed, {len(wrong)} failed', sep='\n')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
