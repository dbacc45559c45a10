/* SPDX-License-Identifier: MIT */
/*
 * The seam to the operating system: starting a child, signalling and collecting it, the descriptors between
 * us, and threads that block. Another system is one more os_NAME.c. Nothing here knows of loops or handles;
 * every failure is a negative errno.
 */
#ifndef CORE_OS_H
#define CORE_OS_H

#include <await/base.h>
#include <stdatomic.h>
#include <stdbool.h>

/* What to start. All of it is the caller's and is only read, until os_spawn returns. */
typedef struct os_program {
	const char *const *paths; /* files to try in turn, ended by NULL */
	char *const *argv;
	char *const *envp;
	const char *cwd; /* NULL: the parent's */
	int stdio[3];    /* what becomes the child's 0, 1 and 2; -1: as it is in the parent */
	int32_t group;   /* the process group to join; 0: one of its own; -1: the parent's */
	bool new_session;
	bool keep_fds; /* inherit what is not close-on-exec */
} os_program;

/* What a start that failed was at. */
typedef enum os_stage { OS_PREPARING, OS_CHANGING_DIRECTORY, OS_EXECUTING } os_stage;

/*
 * Starts it and waits until it has become the program. The cost does not depend on the parent's memory. A
 * failed exec, chdir, … is returned, and then no child is left; `out_stage` tells which. `out_process` is a
 * close-on-exec descriptor of the child: readable when it has ended.
 */
aw_status os_spawn(const os_program *program, int32_t *out_pid, int *out_process, os_stage *out_stage);

/* A descriptor of a child started elsewhere. -ESRCH. */
aw_status os_process_open(int32_t pid, int *out_process);
/* Signals through the descriptor: never a process that took over the number. */
aw_status os_process_signal(int process, int32_t pid, int signal);
/*
 * Signals a whole group. The leader must not have been collected yet, else the number may be another group's.
 */
aw_status os_group_signal(int32_t group, int signal);
/*
 * 1 if it has ended, 0 if it runs, -ECHILD if it is no child of ours or somebody else has collected it. Takes
 * nothing.
 */
aw_status os_process_has_ended(int process, int32_t pid);
/* Collects it: 0 and the exit status, or minus the signal. -EAGAIN while it runs, -ECHILD as above. */
aw_status os_process_collect(int process, int32_t pid, int32_t *out_code);
/* As os_process_collect(), but waits for the end, `limit_ms` at most. */
aw_status os_process_join(int process, int32_t pid, int limit_ms, int32_t *out_code);

/*
 * All descriptors made here are close-on-exec and above 2, so that they never stand where a child's standard
 * streams go.
 */
aw_status os_duplicate(int fd, int *out);
aw_status os_pipe(int *out_read, int *out_write);
/* The file that swallows everything and is always at its end. */
aw_status os_null(int *out);
aw_status os_set_nonblocking(int fd);
/* Closes it if it is one, and marks it so. */
void os_close(int *fd);

/*
 * Blocks while *word is `seen` and nobody wakes it, until `deadline` of CLOCK_MONOTONIC (INT64_MAX: none).
 * -ETIMEDOUT; -EINTR when a signal handler has run here, whatever its SA_RESTART says. May return 0 without a
 * reason.
 */
aw_status os_word_wait(const _Atomic uint32_t *word, uint32_t seen, int64_t deadline);
/* Wakes all who block on the word. Async-signal-safe. */
void os_word_wake(const _Atomic uint32_t *word);

/* A descriptor that os_event_set(), which is async-signal-safe, makes readable until os_event_clear(). */
aw_status os_event(int *out);
void os_event_set(int event);
void os_event_clear(int event);
/*
 * Blocks as os_word_wait() until one of the two is readable: the index of the first. -EBADF if it is closed.
 */
aw_status os_wait_readable(const int fds[2], int64_t deadline);

#endif
