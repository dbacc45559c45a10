/* SPDX-License-Identifier: MIT */
/**
 * @file process.h
 * Child processes, awaited through pidfds: no SIGCHLD handler, no wait for children of others.
 */
#ifndef AWAIT_PROCESS_H
#define AWAIT_PROCESS_H

#include <await/base.h>

AW_BEGIN_DECLS

/** Where a standard stream of the child goes. */
enum aw_stdio {
	AW_STDIO_INHERIT = 0,
	AW_STDIO_PIPE = 1,
	AW_STDIO_NULL = 2,
	AW_STDIO_FD = 3,    /**< a descriptor of the caller's, which stays the caller's */
	AW_STDIO_STDOUT = 4 /**< for stderr: wherever stdout goes */
};

/** What a child may be made with. */
enum aw_process_flag {
	AW_PROCESS_DEFAULT = 0,
	/** in a process group of its own, which kill, terminate, send_signal and close reach as a whole */
	AW_PROCESS_GROUP = 1,
	AW_PROCESS_SESSION = 2, /**< in a session of its own */
	/** lives on when its last reference goes or its loop closes (then nobody collects it) */
	AW_PROCESS_DETACH = 4,
	AW_PROCESS_KEEP_FDS = 8 /**< inherits every descriptor that is not close-on-exec */
};

/** How to make a child. May be used again. */
typedef struct aw_process_options aw_process_options;

/** Everything inherited, no flags. New reference. Any thread. */
AW_NODISCARD AW_API aw_status aw_process_options_new(aw_process_options **out);
/** Takes one more reference and returns `options`. Any thread. */
AW_API aw_process_options *aw_process_options_ref(aw_process_options *options);
/** Gives one reference back. Any thread. */
AW_API void aw_process_options_unref(aw_process_options *options);
/** Sets stream 0, 1 or 2 to one of ::aw_stdio; `fd` counts for ::AW_STDIO_FD only. -EINVAL, -EBADF. */
AW_API aw_status aw_process_options_set_stdio(aw_process_options *options, int stream, int32_t how, int fd);
/**
 * Sets streams 0, 1 and 2 at once, each to one of ::aw_stdio but ::AW_STDIO_FD, which needs a descriptor
 * (aw_process_options_set_stdio()). Nothing is changed on failure.
 *
 * Errors: ::AW_EBADHANDLE, -EINVAL. Thread: any. asyncio: create_subprocess_exec(stdin=…, stdout=…,
 * stderr=…).
 */
AW_API aw_status aw_process_options_set_streams(aw_process_options *options, int32_t stdin_how,
                                                int32_t stdout_how, int32_t stderr_how);
/** The directory the child starts in (copied; NULL: the parent's). */
AW_API aw_status aw_process_options_set_cwd(aw_process_options *options, const char *cwd);
/**
 * The child's whole environment, `count` strings "NAME=value" (copied; NULL: the parent's). -EINVAL for one
 * without '='.
 */
AW_API aw_status aw_process_options_set_env(aw_process_options *options, const char *const *env,
                                            size_t count);
/**
 * Sets one variable of the child's environment, or removes it if `value` is NULL. Where
 * aw_process_options_set_env() was not called, the rest is the parent's environment as it is now: later
 * changes of that don't reach the child.
 *
 * Errors: ::AW_EBADHANDLE; -EINVAL for a name that is NULL, empty or has a '='; -ENOMEM. Thread: any that may
 * read the environment.
 * Python: `env={**os.environ, name: value}`.
 */
AW_API aw_status aw_process_options_set_variable(aw_process_options *options, const char *name,
                                                 const char *value);
/** Flags of ::aw_process_flag. */
AW_API aw_status aw_process_options_set_flags(aw_process_options *options, uint32_t flags);
/** The process group to join; 0 makes one; -1 (the default) stays in the parent's. */
AW_API aw_status aw_process_options_set_group(aw_process_options *options, int32_t pgid);

/** @name Starting. `loop` NULL means the one that runs; `options` may be NULL. */
/**@{*/
/**
 * Starts `argv[0]`, looked up in the child's PATH unless it has a slash, with `count` arguments. The child
 * shares the parent's memory until its exec, so the cost does not grow with the parent. The errno of a failed
 * exec, chdir or open is returned, and no child is left; in a stackful task the message of aw_caught() tells
 * which it was ("no such program: NAME", "cannot change to directory: …"). New reference.
 * asyncio.create_subprocess_exec.
 */
AW_NODISCARD AW_API aw_status aw_subprocess_exec(aw_loop *loop, const char *const *argv, size_t count,
                                                 const aw_process_options *options, aw_process **out);
/** Starts `/bin/sh -c command`. Never with untrusted text. New reference. asyncio.create_subprocess_shell. */
AW_NODISCARD AW_API aw_status aw_subprocess_shell(aw_loop *loop, const char *command,
                                                  const aw_process_options *options, aw_process **out);
/**
 * Takes over a child forked elsewhere: `pidfd` is duplicated, or opened from `pid` if it is -1. `flags` of
 * ::aw_process_flag (GROUP: its pid is its group). It is reaped when it ends. -ESRCH, -ECHILD, -EBADF (no
 * pidfd). New reference.
 */
AW_NODISCARD AW_API aw_status aw_process_adopt(aw_loop *loop, int32_t pid, int pidfd, uint32_t flags,
                                               aw_process **out);
/**@}*/

/**
 * @name A child run to its end in one call Its stdout and stderr are captured: each is a pipe unless
 * `options` (may be NULL) say otherwise; so is stdin where there is `input` (copied). The child is fed, read
 * and awaited as by aw_process_communicate(), and comes out when it has ended: aw_process_returncode() and
 * aw_process_output() have the rest. An exit status other than 0 is no failure.
 *
 * Cancellation: the child is killed, with its group if it has one, and collected before ::AW_ECANCELLED comes
 * out; one with ::AW_PROCESS_DETACH continues, without its pipes.
 */
/**@{*/
/**
 * Runs `argv[0]` with `count` arguments, as aw_subprocess_exec() starts it, in a stackful task.
 *
 * Returns: 0, and a new reference to the child in `out`. Errors: those of aw_subprocess_exec(); ::AW_ENOTASK;
 * -EINVAL.
 * asyncio: create_subprocess_exec and Process.communicate.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_subprocess_run(const char *const *argv, size_t count,
                                                            const aw_process_options *options,
                                                            const void *input, size_t length,
                                                            aw_process **out);
/**
 * Runs `/bin/sh -c command`, as aw_subprocess_shell() starts it, in a stackful task. Never with untrusted
 * text.
 *
 * Returns and errors: as aw_subprocess_run(). asyncio: create_subprocess_shell and Process.communicate.
 */
AW_STACKFUL AW_NODISCARD AW_API aw_status aw_subprocess_run_shell(const char *command,
                                                                  const aw_process_options *options,
                                                                  const void *input, size_t length,
                                                                  aw_process **out);
/**
 * As aw_subprocess_run(), started now, with the end as a future of `loop` (NULL: the one that runs), whose
 * value is the child. Read it while the future lives, or take it with aw_await_take(). Dropping the future
 * does not end the child; cancelling it does.
 *
 * Returns: 0, and a new reference in `out`. Errors: those of aw_subprocess_exec().
 */
AW_NODISCARD AW_API aw_status aw_subprocess_run_future(aw_loop *loop, const char *const *argv, size_t count,
                                                       const aw_process_options *options, const void *input,
                                                       size_t length, aw_future **out);
/** As aw_subprocess_run_future(), with `/bin/sh -c command`. Never with untrusted text. New reference. */
AW_NODISCARD AW_API aw_status aw_subprocess_run_shell_future(aw_loop *loop, const char *command,
                                                             const aw_process_options *options,
                                                             const void *input, size_t length,
                                                             aw_future **out);
/**@}*/

/** Takes one more reference and returns `process`. Any thread. */
AW_API aw_process *aw_process_ref(aw_process *process);
/**
 * Gives one reference back. A child that still runs is killed and reaped with the last one, unless detached.
 * Any thread.
 */
AW_API void aw_process_unref(aw_process *process);
/** The child's pid, also after its end. asyncio: Process.pid. */
AW_API int32_t aw_process_pid(const aw_process *process);
/**
 * The exit status in `out`: 0 to 255, `-N` if signal N killed it, 255 if somebody else took the status.
 * ::AW_EINVALIDSTATE while it runs.
 * asyncio: Process.returncode.
 */
AW_API aw_status aw_process_returncode(const aw_process *process, int32_t *out);
/**
 * A future of the exit alone, whoever still holds the pipes; its value is the return code as `(void
 * *)(intptr_t)`. Cancelling it leaves the child alone. New reference. asyncio: Process.wait.
 */
AW_NODISCARD AW_API aw_status aw_process_wait(aw_process *process, aw_future **out);
/**
 * A future of the exit and of the ends of stdout and stderr where these are pipes: it reads them meanwhile,
 * as aw_process_communicate() does. It is the one that waits for a grandchild which holds them. Its value is
 * the return code. New reference.
 */
AW_NODISCARD AW_API aw_status aw_process_wait_closed(aw_process *process, aw_future **out);
/**
 * Feeds `input` (copied; then the end of file, also for none) to stdin if that is a pipe, reads stdout and
 * stderr to their ends, and waits for the exit: a future whose value is the return code. What was read is in
 * aw_process_output(). A broken pipe of stdin is no error. Cancelling it keeps what was read and what is not
 * yet written: call it again, without input, to go on. ::AW_EINVALIDSTATE while another one runs, or for
 * input when an earlier one was given. New reference. asyncio: Process.communicate.
 */
AW_NODISCARD AW_API aw_status aw_process_communicate(aw_process *process, const void *input, size_t length,
                                                     aw_future **out);
/**
 * What has been read from stream 1 or 2, borrowed until the loop runs on. ::AW_EINVALIDSTATE if the stream is
 * no pipe.
 */
AW_API aw_status aw_process_output(const aw_process *process, int stream, const void **out_data,
                                   size_t *out_length);
/**
 * As aw_process_output(), as text that ends with a NUL, once the stream is at its end: after
 * aw_process_communicate() or aw_subprocess_run(). Bytes that are NUL themselves end it early. Borrowed until
 * the process goes.
 *
 * Returns: the text; NULL if the stream is not a pipe, was taken, or is not at its end. Python:
 * `stdout.decode()`.
 */
AW_API const char *aw_process_text(const aw_process *process, int stream);
/**
 * Hands the parent's end of pipe 0, 1 or 2 (non-blocking) to the caller. ::AW_EINVALIDSTATE if there is none,
 * or while it is in use.
 */
AW_NODISCARD AW_API aw_status aw_process_take_pipe(aw_process *process, int stream, int *out_fd);
/**
 * Sends a signal through the pidfd (with GROUP, to the group). -ESRCH once it has ended. asyncio:
 * Process.send_signal.
 */
AW_API aw_status aw_process_send_signal(aw_process *process, int signal);
/** SIGTERM. asyncio: Process.terminate. */
AW_API aw_status aw_process_terminate(aw_process *process);
/** SIGKILL. asyncio: Process.kill. */
AW_API aw_status aw_process_kill(aw_process *process);
/**
 * Closes the pipes and kills a child that still runs (unless detached). Its exit is still collected. asyncio:
 * transport.close.
 */
AW_API aw_status aw_process_close(aw_process *process);
/** One pointer for the host. The old one is destroyed. */
AW_API aw_status aw_process_set_host_data(aw_process *process, void *data, aw_destroy_fn destroy);
/** What aw_process_set_host_data() stored, or NULL. */
AW_API void *aw_process_host_data(const aw_process *process);

AW_END_DECLS

#endif
