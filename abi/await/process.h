/* SPDX-License-Identifier: MIT */
/**
 * @file process.h
 * Child processes, awaited through pidfds: no SIGCHLD handler, and no wait for children that others
 * created.
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_PROCESS_H
#define AWAIT_PROCESS_H

#include <await/base.h>
#include <await/stream.h>

AW_BEGIN_DECLS

/** The source or destination of a standard stream of the child. */
enum aw_stdio {
	AW_STDIO_INHERIT = 0,
	AW_STDIO_PIPE = 1,
	AW_STDIO_NULL = 2,
	AW_STDIO_FD = 3,    /**< a descriptor, which the caller keeps */
	AW_STDIO_STDOUT = 4 /**< for stderr: the same as stdout */
};

/** Options for creating a child. */
enum aw_process_flag {
	AW_PROCESS_DEFAULT = 0,
	/** in its own process group, which kill, terminate, send_signal and close signal as a whole */
	AW_PROCESS_GROUP = 1,
	AW_PROCESS_SESSION = 2, /**< in its own session */
	/** survives the release of its last reference and the close of its loop; nobody reaps it then */
	AW_PROCESS_DETACH = 4,
	AW_PROCESS_KEEP_FDS = 8 /**< inherits every descriptor that is not close-on-exec */
};

/** Settings for creating a child. They can be used several times. */
typedef struct aw_process_options aw_process_options;

/**
 * Creates options under which a child inherits everything and has no flags.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Thread: any.
 */
AW_NODISCARD AW_API aw_status aw_process_options_new(aw_process_options **out);
/**
 * Adds a reference and returns `options`.
 *
 * Thread: any.
 */
AW_API aw_process_options *aw_process_options_ref(aw_process_options *options);
/**
 * Drops a reference.
 *
 * Thread: any.
 */
AW_API void aw_process_options_unref(aw_process_options *options);
/**
 * Sets stream 0, 1 or 2 to one of ::aw_stdio. `fd` is used only for ::AW_STDIO_FD.
 *
 * Errors: -EINVAL; -EBADF.
 */
AW_API aw_status aw_process_options_set_stdio(aw_process_options *options, int stream, int32_t how, int fd);
/**
 * Sets streams 0, 1 and 2 in one call, each to one of ::aw_stdio except ::AW_STDIO_FD, which requires a
 * descriptor; see aw_process_options_set_stdio(). On failure nothing is changed.
 *
 * Errors: ::AW_EBADHANDLE; -EINVAL.
 *
 * Thread: any.
 *
 * asyncio: create_subprocess_exec(stdin=…, stdout=…, stderr=…).
 */
AW_API aw_status aw_process_options_set_streams(aw_process_options *options, int32_t stdin_how,
                                                int32_t stdout_how, int32_t stderr_how);
/** Sets the directory in which the child starts. `cwd` is copied; NULL means the parent's directory. */
AW_API aw_status aw_process_options_set_cwd(aw_process_options *options, const char *cwd);
/**
 * Sets the whole environment of the child to `count` strings "NAME=value", which are copied. NULL means the
 * parent's environment.
 *
 * Errors: -EINVAL for a string without '='.
 */
AW_API aw_status aw_process_options_set_env(aw_process_options *options, const char *const *env,
                                            size_t count);
/**
 * Sets one variable of the child's environment, or removes it if `value` is NULL. Unless
 * aw_process_options_set_env() was called, the rest is a copy of the parent's current environment, and
 * later changes to that do not reach the child.
 *
 * Errors: ::AW_EBADHANDLE; -EINVAL if `name` is NULL, is empty or contains '='; -ENOMEM.
 *
 * Thread: any that may read the environment.
 *
 * asyncio: create_subprocess_exec(env={**os.environ, name: value}).
 */
AW_API aw_status aw_process_options_set_variable(aw_process_options *options, const char *name,
                                                 const char *value);
/** Sets the flags, a combination of ::aw_process_flag. */
AW_API aw_status aw_process_options_set_flags(aw_process_options *options, uint32_t flags);
/**
 * Sets the process group that the child joins. 0 creates a group; -1, the default, leaves the child in the
 * parent's group.
 */
AW_API aw_status aw_process_options_set_group(aw_process_options *options, int32_t pgid);
/**
 * Sets the terminal in which the child runs, a descriptor such as that of aw_pty_open(); -1, the default, is
 * the parent's. The child gets its own session with this controlling terminal, as with ::AW_PROCESS_SESSION,
 * and those of its standard streams that it would inherit are the terminal. The descriptor stays the caller's
 * and must be open when the child is started.
 *
 * Errors: -EBADF; -ENOTTY. At the start: -EPERM if the terminal is that of another session already.
 *
 * asyncio: pty.openpty and `create_subprocess_exec(start_new_session=True)`.
 */
AW_API aw_status aw_process_options_set_terminal(aw_process_options *options, int fd);

/**
 * @name Starting a child
 *
 * A NULL `loop` means the loop that runs. `options` may be NULL.
 */
/**@{*/
/**
 * Starts `argv[0]` with `count` arguments. The program is looked up in the child's PATH unless its name
 * contains a slash. An empty entry of PATH, in which execvp(3) and Python see the current directory, is
 * skipped; write "." for that directory. The child shares the parent's memory until its exec, so that the
 * cost does not grow with the size of the parent.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: the errno of a failed exec, chdir or open, which leaves no child behind. In a stackful task the
 * message of aw_caught() names the cause ("no such program: NAME", "cannot change to directory: …").
 *
 * asyncio: create_subprocess_exec.
 */
AW_NODISCARD AW_API aw_status aw_subprocess_exec(aw_loop *loop, const char *const *argv, size_t count,
                                                 const aw_process_options *options, aw_process **out);
/**
 * Starts `/bin/sh -c command`. Never pass it untrusted text.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: those of aw_subprocess_exec().
 *
 * asyncio: create_subprocess_shell.
 */
AW_NODISCARD AW_API aw_status aw_subprocess_shell(aw_loop *loop, const char *command,
                                                  const aw_process_options *options, aw_process **out);
/**
 * Takes over a child that was forked elsewhere, and reaps it when it ends. `pidfd` is duplicated, or opened
 * from `pid` if it is -1. `flags` are of ::aw_process_flag; with ::AW_PROCESS_GROUP the pid is also the
 * group.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: -ESRCH; -ECHILD; -EBADF if `pidfd` is not a pidfd.
 */
AW_NODISCARD AW_API aw_status aw_process_adopt(aw_loop *loop, int32_t pid, int pidfd, uint32_t flags,
                                               aw_process **out);
/**@}*/

/**
 * @name Running a child to its end in one call
 *
 * The child's stdout and stderr are captured: each is a pipe unless `options` (may be NULL) say otherwise.
 * Its stdin is a pipe if there is `input`, which is copied. The child is fed, read and awaited as
 * aw_process_communicate() does, and is returned when it has ended; aw_process_returncode() and
 * aw_process_output() return the rest. An exit status other than 0 is not a failure.
 */
/**@{*/
/**
 * Runs `argv[0]` with `count` arguments, started as by aw_subprocess_exec(), to its end, in a stackful
 * task.
 *
 * Returns: 0, and a new reference to the child in `out`.
 *
 * Errors: those of aw_subprocess_exec(); ::AW_ENOTASK; -EINVAL.
 *
 * Cancellation: kills the child, with its group if it has one, and reaps it before ::AW_ECANCELLED is
 * returned. A child with ::AW_PROCESS_DETACH continues, without its pipes.
 *
 * asyncio: create_subprocess_exec and Process.communicate.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_subprocess_run(const char *const *argv, size_t count,
                                                            const aw_process_options *options,
                                                            const void *input, size_t length,
                                                            aw_process **out);
/**
 * Runs `/bin/sh -c command`, started as by aw_subprocess_shell(), to its end, in a stackful task. Never
 * pass it untrusted text.
 *
 * Returns: as aw_subprocess_run().
 *
 * Errors: those of aw_subprocess_run().
 *
 * Cancellation: as aw_subprocess_run().
 *
 * asyncio: create_subprocess_shell and Process.communicate.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_subprocess_run_shell(const char *command,
                                                                  const aw_process_options *options,
                                                                  const void *input, size_t length,
                                                                  aw_process **out);
/**
 * Starts `argv[0]` as aw_subprocess_run() does, and returns at once. `out` receives a future of `loop`
 * (NULL: the loop that runs) that is done when the child has ended, and whose value is the child. Read the
 * value while the future lives, or take it with aw_await_take(). Dropping the future does not end the
 * child.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: those of aw_subprocess_exec().
 *
 * Cancellation: cancelling the future kills and reaps the child, as aw_subprocess_run() does.
 *
 * asyncio: create_subprocess_exec and Process.communicate.
 */
AW_NODISCARD AW_API aw_status aw_subprocess_run_future(aw_loop *loop, const char *const *argv, size_t count,
                                                       const aw_process_options *options, const void *input,
                                                       size_t length, aw_future **out);
/**
 * Starts `/bin/sh -c command` as aw_subprocess_run_future() starts a program. Never pass it untrusted text.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: those of aw_subprocess_exec().
 *
 * Cancellation: as aw_subprocess_run_future().
 *
 * asyncio: create_subprocess_shell and Process.communicate.
 */
AW_NODISCARD AW_API aw_status aw_subprocess_run_shell_future(aw_loop *loop, const char *command,
                                                             const aw_process_options *options,
                                                             const void *input, size_t length,
                                                             aw_future **out);
/**@}*/

/**
 * Adds a reference and returns `process`.
 *
 * Thread: any.
 */
AW_API aw_process *aw_process_ref(aw_process *process);
/**
 * Drops a reference. Dropping the last reference to a child that still runs kills and reaps it, unless it
 * is detached.
 *
 * Thread: any.
 */
AW_API void aw_process_unref(aw_process *process);
/**
 * Returns the pid of the child, also after it ended.
 *
 * asyncio: Process.pid.
 */
AW_API int32_t aw_process_pid(const aw_process *process);
/**
 * Retrieves the exit status of the child: 0 to 255, `-N` if signal N killed it, or 255 if other code reaped
 * the child.
 *
 * Errors: ::AW_EINVALIDSTATE while the child runs.
 *
 * asyncio: Process.returncode.
 */
AW_API aw_status aw_process_returncode(const aw_process *process, int32_t *out);
/**
 * Creates a future that is done when the child has exited, regardless of which processes still hold its
 * pipes. Its value is the return code as `(void *)(intptr_t)`.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Cancellation: cancelling the future does not affect the child.
 *
 * asyncio: Process.wait.
 */
AW_NODISCARD AW_API aw_status aw_process_wait(aw_process *process, aw_future **out);
/**
 * Creates a future that is done when the child has exited and when those of stdout and stderr that are
 * pipes are at their ends. It reads them in the meantime, as aw_process_communicate() does. Use it to wait
 * for a grandchild that holds the pipes as well. Its value is the return code.
 *
 * Returns: 0, and a new reference in `out`.
 */
AW_NODISCARD AW_API aw_status aw_process_wait_closed(aw_process *process, aw_future **out);
/**
 * Writes `input` to stdin, reads stdout and stderr to their ends, and waits for the exit, as far as these
 * are pipes. `input` is copied and followed by the end of file, also if it is empty. `out` receives a
 * future whose value is the return code; aw_process_output() returns what was read. A broken pipe of stdin
 * is not an error.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: ::AW_EINVALIDSTATE while another communication runs, or if there is `input` and an earlier call
 * had some as well.
 *
 * Cancellation: cancelling the future keeps what was read and what is not yet written. Call the function
 * again without input to continue.
 *
 * asyncio: Process.communicate.
 */
AW_NODISCARD AW_API aw_status aw_process_communicate(aw_process *process, const void *input, size_t length,
                                                     aw_future **out);
/**
 * Retrieves what was read from stream 1 or 2, borrowed until the loop runs again.
 *
 * Errors: ::AW_EINVALIDSTATE if the stream is not a pipe.
 */
AW_API aw_status aw_process_output(const aw_process *process, int stream, const void **out_data,
                                   size_t *out_length);
/**
 * Returns what was read from stream 1 or 2 as text that ends with a NUL, borrowed until the process is
 * released. The text is available once the stream is at its end: after aw_process_communicate() or
 * aw_subprocess_run(). A NUL byte in the output ends the text early.
 *
 * Returns: the text; NULL if the stream is not a pipe, was taken, or is not at its end.
 *
 * asyncio: `stdout.decode()`.
 */
AW_API const char *aw_process_text(const aw_process *process, int stream);
/**
 * Moves the parent's end of pipe 0, 1 or 2, which is non-blocking, to the caller.
 *
 * Errors: ::AW_EINVALIDSTATE if the child has no such pipe, or while it is in use.
 */
AW_NODISCARD AW_API aw_status aw_process_take_pipe(aw_process *process, int stream, int *out_fd);
/**
 * Moves the parent's end of pipe 0, 1 or 2 into a stream: one that writes to the child's input, or reads its
 * output while it runs.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: ::AW_EINVALIDSTATE if the child has no such pipe, or while it is in use; -EINVAL; -ENOMEM.
 *
 * asyncio: Process.stdin, Process.stdout, Process.stderr.
 */
AW_NODISCARD AW_API aw_status aw_process_stream(aw_process *process, int stream,
                                                const aw_stream_options *options, aw_stream **out);

/** The events of a child. Each may be NULL. They are called from the loop. */
typedef struct aw_process_protocol {
	uint32_t size; /**< sizeof(aw_process_protocol) */
	uint32_t reserved;
	/**
	 * The child has written `length` bytes to pipe 1 or 2; they are valid during the call. A negative result is
	 * reported, and the pipe is closed.
	 */
	aw_status (*pipe_data_received)(aw_process *process, void *ud, int stream, const void *data,
	                                size_t length);
	/** Pipe 1 or 2 is closed. `why` is 0 at its end, or what went wrong. */
	void (*pipe_connection_lost)(aw_process *process, void *ud, int stream, aw_status why);
	/** The child has exited. Output may follow. */
	void (*process_exited)(aw_process *process, void *ud);
	/** Called once, as the last: the child has exited, and its pipes are closed. */
	void (*connection_lost)(aw_process *process, void *ud, aw_status why);
} aw_process_protocol;

/**
 * Passes the events of a child to callbacks from now on: what it writes to its pipes, their ends, its exit. The
 * table has to stay. The child's handle lives until `connection_lost`. Its input is aw_process_stream() of 0.
 *
 * Errors: -EINVAL for a table that is too short; -ENOMEM, and pipes may have been closed. `destroy` is called
 * with `ud` also on failure.
 *
 * asyncio: loop.subprocess_exec, loop.subprocess_shell, SubprocessProtocol.
 */
AW_API aw_status aw_process_set_protocol(aw_process *process, const aw_process_protocol *protocol, void *ud,
                                         aw_destroy_fn destroy);
/**
 * Sends a signal to the child through its pidfd; with ::AW_PROCESS_GROUP, to its group.
 *
 * Errors: -ESRCH once the child has ended.
 *
 * asyncio: Process.send_signal.
 */
AW_API aw_status aw_process_send_signal(aw_process *process, int signal);
/**
 * Sends SIGTERM as aw_process_send_signal() does.
 *
 * asyncio: Process.terminate.
 */
AW_API aw_status aw_process_terminate(aw_process *process);
/**
 * Sends SIGKILL as aw_process_send_signal() does.
 *
 * asyncio: Process.kill.
 */
AW_API aw_status aw_process_kill(aw_process *process);
/**
 * Closes the pipes and kills a child that still runs, unless it is detached. The child is still reaped.
 *
 * asyncio: transport.close.
 */
AW_API aw_status aw_process_close(aw_process *process);
/** Stores one pointer for the host, for example its wrapper object. Destroys the pointer stored before. */
AW_API aw_status aw_process_set_host_data(aw_process *process, void *data, aw_destroy_fn destroy);
/** Returns the pointer that aw_process_set_host_data() stored, or NULL. */
AW_API void *aw_process_host_data(const aw_process *process);

/**
 * @name Pipelines
 *
 * Several children, of which each one's output is the input of the next, as in `a | b | c`. The pipes connect
 * them directly. Each child is an ::aw_process as well: aw_process_stream() of the first one's 0 and the last
 * one's 1 are the ends of the pipeline.
 */
/**@{*/
typedef struct aw_pipeline aw_pipeline; /**< children that are connected by pipes */

/**
 * Starts `count` programs. Each of `commands` is a list of arguments that ends with NULL, and is started as by
 * aw_subprocess_exec(). `options` hold for each child, except that its stdin is that of the first, and its stdout
 * that of the last; ::AW_STDIO_STDOUT sends the errors of each child where its output goes. A pipe for errors is
 * one for each child.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Errors: -EINVAL for an empty list; otherwise those of aw_subprocess_exec(), and the children that were already
 * started are killed and reaped.
 */
AW_NODISCARD AW_API aw_status aw_pipeline_start(aw_loop *loop, const char *const *const *commands,
                                                size_t count, const aw_process_options *options,
                                                aw_pipeline **out);
/**
 * Adds a reference and returns `pipeline`.
 *
 * Thread: any.
 */
AW_API aw_pipeline *aw_pipeline_ref(aw_pipeline *pipeline);
/**
 * Drops a reference. The last one drops the children, as aw_process_unref() does: those that still run are killed
 * and reaped.
 *
 * Thread: any.
 */
AW_API void aw_pipeline_unref(aw_pipeline *pipeline);
/** Returns how many children there are. */
AW_API size_t aw_pipeline_count(const aw_pipeline *pipeline);
/** Returns a child, borrowed, or NULL if `index` is too large. The first one is 0. */
AW_API aw_process *aw_pipeline_process(const aw_pipeline *pipeline, size_t index);
/**
 * Creates a future that is done when every child has exited. Its value, as `(void *)(intptr_t)`, is 0 if all
 * return codes are 0, otherwise the last of them that is not (the shell's `pipefail`);
 * aw_process_returncode() gives that of each child.
 *
 * Returns: 0, and a new reference in `out`.
 *
 * Cancellation: cancelling the future does not affect the children.
 */
AW_NODISCARD AW_API aw_status aw_pipeline_wait(aw_pipeline *pipeline, aw_future **out);
/**
 * Sends a signal to each child that still runs, as aw_process_send_signal() does.
 *
 * Errors: -ESRCH if none does.
 */
AW_API aw_status aw_pipeline_send_signal(aw_pipeline *pipeline, int signal);
/** Sends SIGKILL as aw_pipeline_send_signal() does. */
AW_API aw_status aw_pipeline_kill(aw_pipeline *pipeline);
/**@}*/

AW_END_DECLS

#endif
