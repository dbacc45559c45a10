/* SPDX-License-Identifier: MIT */
/*
 * The public functions that no host language wraps, with the reasons. A test reads this file: every function
 * of the headers is either wrapped or listed here. HANDLE leaves out `_ref` and `_unref`, and the mark AW_STACKFUL
 * leaves out what only tasks with a stack can call (libawait.i).
 */

/* Values, including integers, are objects of the host language. */
%ignore aw_future_set_result_int;
%ignore aw_future_result_int;
%ignore aw_results_get_int;

/* The host language has its own string formatting. */
%ignore aw_future_failf;
%ignore aw_future_vfailf;
%ignore aw_stream_recv_fds_coro;
%ignore aw_stream_send_fds_coro;
%ignore aw_stream_take_fds;
%ignore aw_work_raisef;
%ignore aw_work_vraisef;

/*
 * The host language awaits a predicate in a loop over aw_condition_wait_coro(), runs a child with its own
 * API, and passes objects as payloads.
 */
%ignore aw_condition_wait_for_coro;
%ignore aw_subprocess_run_future;
%ignore aw_subprocess_run_shell_future;
%ignore aw_loop_call_soon_threadsafe_copy;

/*
 * These wait and dispatch in one call, which can't release the host's interpreter lock. The binding has a
 * helper that does both in turn.
 */
%ignore aw_loop_run_forever;
%ignore aw_loop_run_until_complete;
%ignore aw_loop_run_once;
%ignore aw_loop_cancel_all;
%ignore aw_runner_run_coro;
%ignore aw_runner_close;

/* A runner is useless without its run functions; the binding's own `run` replaces it. */
%ignore aw_runner_new;
%ignore aw_runner_loop;
%ignore aw_runner_error;

/*
 * Work would run on libawait's threads, which the host's VM does not know. Use a thread of the host instead,
 * which ends with aw_loop_call_soon_threadsafe().
 */
%ignore aw_loop_run_in_executor;
%ignore aw_to_thread_coro;
%ignore aw_work_raise;
%ignore aw_work_raise_error;

/*
 * An interrupt of a host thread ends its waits: the bindings implement aw_concurrent_future_wait() and
 * aw_executor_shutdown_wait() with these.
 */
%ignore aw_interrupt_new;
%ignore aw_interrupt_ref;
%ignore aw_interrupt_unref;
%ignore aw_interrupt_raise;
%ignore aw_interrupt_clear;
%ignore aw_interrupt_is_raised;
%ignore aw_concurrent_future_wait_interruptible;
%ignore aw_executor_shutdown_wait_interruptible;

/* It frees the caches that detect stale handles, but the host's collector may still run finalisers. */
%ignore aw_debug_free_caches;

/* The host language's own sockets and name resolution wait through the loop's readers or the scheduler. */
%ignore aw_sock_recv_coro;
%ignore aw_sock_recvfrom_coro;
%ignore aw_sock_sendall_coro;
%ignore aw_sock_sendfile_coro;
%ignore aw_sock_sendto_coro;
%ignore aw_sock_accept_coro;
%ignore aw_sock_connect_coro;
%ignore aw_create_datagram_endpoint_coro;
%ignore aw_datagram_abort;
%ignore aw_datagram_close;
%ignore aw_datagram_fd;
%ignore aw_datagram_getpeername;
%ignore aw_datagram_getsockname;
%ignore aw_datagram_is_closing;
%ignore aw_datagram_join_group;
%ignore aw_datagram_leave_group;
%ignore aw_datagram_open_coro;
%ignore aw_datagram_recv_coro;
%ignore aw_datagram_recv_many_coro;
%ignore aw_datagram_send_coro;
%ignore aw_datagram_send_many_coro;
%ignore aw_datagram_sendto;
%ignore aw_datagram_set_broadcast;
%ignore aw_datagram_set_multicast_interface;
%ignore aw_datagram_set_multicast_loop;
%ignore aw_datagram_set_multicast_ttl;
%ignore aw_datagram_set_ttl;
%ignore aw_datagram_set_write_buffer_limits;
%ignore aw_datagram_wait_closed_coro;
%ignore aw_datagram_write_buffer_limits;
%ignore aw_datagram_write_buffer_size;
%ignore aw_datagram_ref;
%ignore aw_datagram_unref;
%ignore aw_getaddrinfo;
%ignore aw_loop_set_resolver;
%ignore aw_addrinfo_new;
%ignore aw_nameinfo_new;
%ignore aw_addrinfo_count;
%ignore aw_addrinfo_family;
%ignore aw_addrinfo_type;
%ignore aw_addrinfo_protocol;
%ignore aw_addrinfo_address;
%ignore aw_addrinfo_canonname;
%ignore aw_getnameinfo;
%ignore aw_nameinfo_host;
%ignore aw_nameinfo_service;
%ignore aw_addrinfo_ref;
%ignore aw_addrinfo_unref;
%ignore aw_nameinfo_ref;
%ignore aw_nameinfo_unref;

/* The handler is the language's own callable. */
%ignore aw_loop_get_exception_handler;

/* The frames are C's; aw_loop_print_tasks() shows what each task awaits. */
%ignore aw_capture_call_graph;
%ignore aw_format_call_graph;
%ignore aw_call_graph_ref;
%ignore aw_call_graph_unref;
%ignore aw_call_graph_count;
%ignore aw_call_graph_future;
%ignore aw_call_graph_level;
%ignore aw_call_graph_repeated;
%ignore aw_call_graph_frame_count;
%ignore aw_call_graph_frame;
%ignore aw_call_graph_text;

/* Contexts are the host language's own. */
%ignore aw_task_context_get;
%ignore aw_handle_context_get;
%ignore aw_handle_new;
%ignore aw_handle_call_soon;
%ignore aw_handle_call_at;

/* For authors of C libraries: a host finishes a future by aw_loop_call_soon_threadsafe(). */
%ignore aw_operation_new;
%ignore aw_operation_ref;
%ignore aw_operation_unref;
%ignore aw_operation_future;
%ignore aw_operation_cancelled;
%ignore aw_operation_finish;
%ignore aw_operation_finish_int;
%ignore aw_operation_fail;

/* The host language has pseudo-terminals in its library. */
%ignore aw_pty_open;
%ignore aw_pty_name;
%ignore aw_pty_set_size;
%ignore aw_pty_size;
%ignore aw_process_options_set_terminal;

/* Streams, servers and files: the host language has its own, over the readers of the loop or its scheduler. */
%ignore aw_stream_new;
%ignore aw_stream_fail;
%ignore aw_stream_methods_data;
%ignore aw_stream_from_fd;
%ignore aw_stream_pair;
%ignore aw_stream_ref;
%ignore aw_stream_unref;
%ignore aw_stream_ready;
%ignore aw_stream_read_coro;
%ignore aw_stream_readexactly_coro;
%ignore aw_stream_readuntil_coro;
%ignore aw_stream_readuntil_any_coro;
%ignore aw_stream_readline_coro;
%ignore aw_stream_readall_coro;
%ignore aw_stream_peek_coro;
%ignore aw_stream_view;
%ignore aw_stream_consume;
%ignore aw_stream_at_eof;
%ignore aw_stream_pause_reading;
%ignore aw_stream_resume_reading;
%ignore aw_stream_is_reading;
%ignore aw_stream_write;
%ignore aw_stream_writelines;
%ignore aw_stream_drain_coro;
%ignore aw_stream_send_coro;
%ignore aw_stream_copy_coro;
%ignore aw_stream_sendfile_coro;
%ignore aw_stream_write_eof;
%ignore aw_stream_can_write_eof;
%ignore aw_stream_write_buffer_size;
%ignore aw_stream_write_buffer_limits;
%ignore aw_stream_set_write_buffer_limits;
%ignore aw_stream_wait_ready_coro;
%ignore aw_stream_try_read;
%ignore aw_stream_try_write;
%ignore aw_stream_close;
%ignore aw_stream_abort;
%ignore aw_stream_is_closing;
%ignore aw_stream_wait_closed_coro;
%ignore aw_stream_fd;
%ignore aw_stream_kind;
%ignore aw_stream_getsockname;
%ignore aw_stream_getpeername;
%ignore aw_stream_peer_credentials;
%ignore aw_stream_bytes_read;
%ignore aw_stream_bytes_written;
%ignore aw_stream_set_protocol;
%ignore aw_stream_protocol_data;
%ignore aw_open_connection_future;
%ignore aw_open_unix_connection_future;
%ignore aw_server_new;
%ignore aw_server_listen_coro;
%ignore aw_server_listen_unix;
%ignore aw_server_listen_fd;
%ignore aw_server_listen_inherited;
%ignore aw_server_start_serving;
%ignore aw_start_unix_server;
%ignore aw_server_ref;
%ignore aw_server_unref;
%ignore aw_server_serve_forever_coro;
%ignore aw_server_close;
%ignore aw_server_close_clients;
%ignore aw_server_abort_clients;
%ignore aw_server_wait_closed_coro;
%ignore aw_server_is_serving;
%ignore aw_server_connections;
%ignore aw_server_sockets;
%ignore aw_server_socket;
%ignore aw_server_port;
%ignore aw_server_loop;
%ignore aw_process_stream;
%ignore aw_process_set_protocol;
%ignore aw_pipeline_count;
%ignore aw_pipeline_kill;
%ignore aw_pipeline_process;
%ignore aw_pipeline_ref;
%ignore aw_pipeline_send_signal;
%ignore aw_pipeline_start;
%ignore aw_pipeline_unref;
%ignore aw_pipeline_wait;
/* Files are the host language's own. */
%ignore aw_file_open_coro;
%ignore aw_file_open_at_coro;
%ignore aw_file_adopt;
%ignore aw_file_take;
%ignore aw_file_fd;
%ignore aw_file_close_coro;
%ignore aw_file_ref;
%ignore aw_file_unref;
%ignore aw_file_read_coro;
%ignore aw_file_read_at_coro;
%ignore aw_file_write_coro;
%ignore aw_file_write_at_coro;
%ignore aw_file_readv_coro;
%ignore aw_file_writev_coro;
%ignore aw_file_sync_coro;
%ignore aw_file_truncate_coro;
%ignore aw_file_allocate_coro;
%ignore aw_file_stat_coro;
%ignore aw_file_seek;
%ignore aw_file_tell;
%ignore aw_path_stat_coro;
%ignore aw_path_rename_coro;
%ignore aw_path_link_coro;
%ignore aw_path_symlink_coro;
%ignore aw_path_readlink_coro;
%ignore aw_path_unlink_coro;
%ignore aw_path_mkdir_coro;
%ignore aw_path_rmdir_coro;
%ignore aw_file_read_whole_coro;
%ignore aw_file_replace_coro;
%ignore aw_file_open_temp_coro;
%ignore aw_path_mkdtemp_coro;
%ignore aw_walk_new;
%ignore aw_watch_new;
%ignore aw_watch_ref;
%ignore aw_watch_unref;
%ignore aw_watch_add_coro;
%ignore aw_watch_remove_coro;
%ignore aw_watch_next_coro;
%ignore aw_watch_event_free;

/* Structs, enums and kinds of callback that only those functions need. */
%define UNUSED_TYPE(name)
%ignore name;
%enddef
UNUSED_TYPE(aw_client_fn)
UNUSED_TYPE(aw_connect_flag)
UNUSED_TYPE(aw_connect_options)
UNUSED_TYPE(aw_copy_options)
UNUSED_TYPE(aw_file_info)
UNUSED_TYPE(aw_pipeline)
UNUSED_TYPE(aw_prepare_fn)
UNUSED_TYPE(aw_process_protocol)
UNUSED_TYPE(aw_protocol)
UNUSED_TYPE(aw_server_flag)
UNUSED_TYPE(aw_server_options)
UNUSED_TYPE(aw_stream_flag)
UNUSED_TYPE(aw_stream_methods)
UNUSED_TYPE(aw_stream_options)
UNUSED_TYPE(aw_walk_entry)
UNUSED_TYPE(aw_watch_event)
