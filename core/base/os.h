/* SPDX-License-Identifier: MIT */
/*
 * The operating-system interface: child processes, descriptors, and blocking a thread. A port adds one
 * os_NAME.c. Nothing here knows about loops or handles; every failure is a negative errno.
 */
#ifndef CORE_OS_H
#define CORE_OS_H

#include <await/base.h>
#include <stdatomic.h>
#include <stdbool.h>

/* The program to start. Owned by the caller and read until os_spawn() returns. */
typedef struct os_program {
	const char *const *paths; /* files to try in order; NULL-terminated */
	char *const *argv;
	char *const *envp;
	const char *cwd; /* NULL: the parent's */
	int stdio[3];    /* the child's descriptors 0, 1 and 2; -1: inherited */
	int32_t group;   /* the process group to join; 0: a new one; -1: the parent's */
	bool new_session;
	int terminal;  /* becomes the controlling terminal of the new session; -1: none */
	bool keep_fds; /* inherit descriptors that are not close-on-exec */
} os_program;

/* The stage at which os_spawn() failed. */
typedef enum os_stage { OS_PREPARING, OS_CHANGING_DIRECTORY, OS_EXECUTING } os_stage;

/*
 * Starts the program and waits for the exec. The cost does not depend on the size of the parent's memory. If
 * exec, chdir, … fails, returns its error and sets `out_stage`; no child is left. `out_process` is a
 * close-on-exec pidfd, readable once the child has exited.
 */
aw_status os_spawn(const os_program *program, int32_t *out_pid, int *out_process, os_stage *out_stage);

/* Opens a pidfd for a child started elsewhere. -ESRCH. */
aw_status os_process_open(int32_t pid, int *out_process);
/* Signals through the pidfd, so a process that reused the pid is never hit. */
aw_status os_process_signal(int process, int32_t pid, int signal);
/*
 * Signals a process group. The leader must not have been reaped, or the number may belong to another group.
 */
aw_status os_group_signal(int32_t group, int signal);
/*
 * Returns 1 if the child has exited, 0 if it is running, -ECHILD if it is not our child or was reaped
 * elsewhere. Does not reap it.
 */
aw_status os_process_has_ended(int process, int32_t pid);
/* Reaps the child: 0 and the exit status, or the negated signal. -EAGAIN while it runs, -ECHILD as above. */
aw_status os_process_collect(int process, int32_t pid, int32_t *out_code);
/* Like os_process_collect(), but waits up to `limit_ms` for the exit. */
aw_status os_process_join(int process, int32_t pid, int limit_ms, int32_t *out_code);

/*
 * All descriptors made here are close-on-exec and above 2, so that they never collide with a child's standard
 * streams.
 */
aw_status os_duplicate(int fd, int *out);
aw_status os_pipe(int *out_read, int *out_write);
/* Opens the null device. */
aw_status os_null(int *out);
/* Opens a pseudo-terminal: a non-blocking master, and the terminal. */
aw_status os_pty(int *out_master, int *out_terminal);
aw_status os_set_nonblocking(int fd);
/*
 * sendfile(2) from `*offset` on, which is advanced: the bytes sent, 0 at the end of the file, -EAGAIN. Blocks
 * only if the socket does, and raises no SIGPIPE.
 */
int64_t os_sendfile(int socket, int file, int64_t *offset, size_t length);
/* Closes the descriptor unless it is negative, and sets it to -1. */
void os_close(int *fd);

/*
 * Blocks while *word is `seen`, until a wake or `deadline` on CLOCK_MONOTONIC (INT64_MAX: none). -ETIMEDOUT;
 * -EINTR after a signal handler has run, even with SA_RESTART. May wake spuriously, with 0.
 */
aw_status os_word_wait(const _Atomic uint32_t *word, uint32_t seen, int64_t deadline);
/* Wakes all threads blocked on the word. Async-signal-safe. */
void os_word_wake(const _Atomic uint32_t *word);

/*
 * Makes a descriptor that os_event_set() makes readable and os_event_clear() resets. os_event_set() is
 * async-signal-safe.
 */
aw_status os_event(int *out);
void os_event_set(int event);
void os_event_clear(int event);
/*
 * Blocks like os_word_wait() until a descriptor is readable, and returns the index of the first one. -EBADF
 * if it is closed.
 */
aw_status os_wait_readable(const int fds[2], int64_t deadline);

#endif
