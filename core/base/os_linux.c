/* SPDX-License-Identifier: MIT */
/*
 * Linux: child processes with clone and pidfd; blocking with futex and eventfd.
 *
 * The child shares the parent's memory, and the parent's thread is suspended until the exec. The child must
 * therefore leave the memory as it was: signals are blocked, it runs on its own stack, it makes bare system
 * calls only, and everything it needs is prepared beforehand.
 */
#include "os.h"

#include "no_sigpipe.h"
#include "sanitize.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Missing in older headers. The numbers are the same on every architecture. */
#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

enum {
	WAIT_FOR_PIDFD = 3,         /* P_PIDFD */
	CLOSE_ON_EXEC_IN_RANGE = 4, /* CLOSE_RANGE_CLOEXEC */
	ABOVE_STDIO = 3,
	CHILD_STACK = 16 * 1024,
	SIGNALS = 64,
	HIGHEST_GUESS = 1 << 20 /* of a descriptor, if /proc can't be read */
};

/* The kernel's signal set. libc's functions leave its two internal signals unblocked. */
typedef uint64_t signal_mask;
static_assert(_NSIG == SIGNALS + 1, "one word holds every signal");

#ifdef CORO_TSAN
/*
 * Some TSan versions treat every clone as a fork and clean up the parent's state in the child. Call libc's
 * symbol directly, past the interceptor.
 */
int __clone(int (*run)(void *), void *stack, int flags, void *arg, ...);
#define clone __clone
#endif

/* Shared by the parent and the child. */
typedef struct spawn {
	const os_program *program;
	signal_mask mask; /* the parent's, restored in the child */
	int report;       /* the write end of a pipe if memory may not be shared; else -1 */
	struct {
		aw_status status;
		int32_t stage; /* an os_stage */
	} outcome;
	bool was_here; /* set by the child: proves that memory is shared */
} spawn;

/*
 * Whether a CLONE_VM child writes to our memory. Under valgrind and qemu-user it gets a copy. The first child
 * settles it.
 */
enum { MEMORY_UNKNOWN, MEMORY_SHARED, MEMORY_COPIED };
static atomic_int memory;

/*
 * Whether the kernel lacks a system call, or a seccomp filter that does not know it refuses it, usually with
 * EPERM. If the EPERM is genuine, the fallback call fails with it again.
 */
static bool is_unavailable(int error) {
	return error == ENOSYS || error == EPERM;
}

/* --- descriptors --- */

aw_status os_duplicate(int fd, int *out) {
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, ABOVE_STDIO);
	if (copy < 0) return -errno;
	*out = copy;
	return 0;
}

/* Moves a new descriptor above 2. Closes it on failure. */
static aw_status move_above_stdio(int *fd) {
	if (*fd >= ABOVE_STDIO) return 0;
	int low = *fd;
	*fd = -1;
	aw_status status = os_duplicate(low, fd);
	os_close(&low);
	return status;
}

aw_status os_pipe(int *out_read, int *out_write) {
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
	aw_status status = move_above_stdio(&ends[0]);
	if (status == 0) status = move_above_stdio(&ends[1]);
	if (status < 0) {
		os_close(&ends[0]);
		os_close(&ends[1]);
		return status;
	}
	*out_read = ends[0];
	*out_write = ends[1];
	return 0;
}

aw_status os_null(int *out) {
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd < 0) return -errno;
	aw_status status = move_above_stdio(&fd);
	if (status == 0) *out = fd;
	return status;
}

/* Without a look at its path, which may mean another terminal here. */
static aw_status open_terminal(int master, int *out) {
	int unlocked = 0, fd = -1;
	char path[64];
	if (ioctl(master, TIOCSPTLCK, &unlocked) < 0) return -errno;
	fd = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && (errno == EINVAL || errno == ENOTTY || is_unavailable(errno))) {
		if (ptsname_r(master, path, sizeof path) != 0) return -errno;
		fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	}
	if (fd < 0) return -errno;
	aw_status status = move_above_stdio(&fd);
	if (status == 0) *out = fd;
	return status;
}

aw_status os_pty(int *out_master, int *out_terminal) {
	int saved = errno;
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	aw_status status = master < 0 ? -errno : move_above_stdio(&master);
	if (status == 0) status = open_terminal(master, out_terminal);
	if (status == 0)
		*out_master = master;
	else
		os_close(&master);
	errno = saved;
	return status;
}

aw_status os_set_nonblocking(int fd) {
	int flags = fcntl(fd, F_GETFL);
	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

int64_t os_sendfile(int socket, int file, int64_t *offset, size_t length) {
	off_t at = *offset;
	no_sigpipe guard = no_sigpipe_begin();
	ssize_t count = sendfile(socket, file, &at, length);
	int64_t result = count < 0 ? -errno : count;
	no_sigpipe_end(&guard, result, length);
	if (count > 0) *offset = at;
	return result;
}

void os_close(int *fd) {
	if (*fd < 0) return;
	int saved = errno;
	(void)close(*fd);
	errno = saved;
	*fd = -1;
}

/* --- in the child: bare system calls, no sanitizer instrumentation --- */

#define IN_CHILD __attribute__((no_sanitize("address", "thread", "undefined"))) static

IN_CHILD long child_call(long number, long a, long b, long c, long d) {
	long result = syscall(number, a, b, c, d);
	return result == -1 ? -errno : result;
}

/* The kernel's struct sigaction differs from libc's. */
typedef struct kernel_action {
	void (*handler)(int);
	unsigned long flags;
	void (*restorer)(void);
	signal_mask mask;
} kernel_action;

/*
 * The parent's handlers must not run here. Ignored signals stay ignored, as nohup requires, except the two
 * that a program ignores only for itself.
 */
IN_CHILD void child_reset_signals(void) {
	kernel_action now, initial = {.handler = SIG_DFL};
	for (int signal = 1; signal <= SIGNALS; signal++) {
		if (child_call(SYS_rt_sigaction, signal, 0, (long)&now, sizeof now.mask) < 0) continue;
		if (now.handler == SIG_DFL) continue;
		if (now.handler == SIG_IGN && signal != SIGPIPE && signal != SIGXFSZ) continue;
		(void)child_call(SYS_rt_sigaction, signal, (long)&initial, 0, sizeof now.mask);
	}
}

IN_CHILD long child_set_stdio(const int *stdio) {
	int from[3];
	/* A source descriptor that another one would overwrite is moved first. */
	for (int i = 0; i < 3; i++) {
		from[i] = stdio[i];
		if (from[i] < 0 || from[i] == i || from[i] >= ABOVE_STDIO) continue;
		long moved = child_call(SYS_fcntl, from[i], F_DUPFD_CLOEXEC, ABOVE_STDIO, 0);
		if (moved < 0) return moved;
		from[i] = (int)moved;
	}
	for (int i = 0; i < 3; i++) {
		if (from[i] < 0) continue;
		long status =
			from[i] == i ? child_call(SYS_fcntl, i, F_SETFD, 0, 0) : child_call(SYS_dup3, from[i], i, 0, 0);
		if (status < 0) return status;
	}
	return 0;
}

/* A directory entry as getdents64 returns it. */
typedef struct kernel_entry {
	uint64_t inode;
	int64_t offset;
	uint16_t length;
	uint8_t type;
	char name[];
} kernel_entry;

IN_CHILD int child_number(const char *text) {
	int number = 0;
	if (!*text) return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9') return -1;
		number = number * 10 + (*text - '0');
	}
	return number;
}

IN_CHILD bool child_close_listed(void) {
	_Alignas(kernel_entry) char buffer[1024];
	long folder =
		child_call(SYS_openat, AT_FDCWD, (long)"/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (folder < 0) return false;
	long count;
	while ((count = child_call(SYS_getdents64, folder, (long)buffer, sizeof buffer, 0)) > 0)
		for (long at = 0; at < count;) {
			const kernel_entry *entry = (const kernel_entry *)(const void *)(buffer + at);
			int fd = child_number(entry->name);
			if (fd >= ABOVE_STDIO) (void)child_call(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC, 0);
			at += entry->length;
		}
	(void)child_call(SYS_close, folder, 0, 0, 0);
	return count == 0;
}

/* Sets close-on-exec instead of closing, to keep the pipe to the parent usable. */
IN_CHILD void child_close_others(void) {
	if (child_call(SYS_close_range, ABOVE_STDIO, (long)UINT_MAX, CLOSE_ON_EXEC_IN_RANGE, 0) == 0) return;
	if (child_close_listed()) return;
	struct rlimit limit = {HIGHEST_GUESS, HIGHEST_GUESS};
	(void)child_call(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&limit);
	long end = limit.rlim_cur < HIGHEST_GUESS ? (long)limit.rlim_cur : HIGHEST_GUESS;
	for (long fd = ABOVE_STDIO; fd < end; fd++) (void)child_call(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC, 0);
}

/* Tries the paths like execvp, but does not fall back to a shell. Returns the error. */
IN_CHILD long child_exec(const os_program *program) {
	long refused = 0, status = -ENOENT;
	for (const char *const *path = program->paths; *path; path++) {
		status = child_call(SYS_execve, (long)*path, (long)program->argv, (long)program->envp, 0);
		switch (status) {
		case -EACCES: refused = status; break;
		case -ENOENT:
		case -ENOTDIR:
		case -ENAMETOOLONG:
		case -ENODEV:
		case -ESTALE:
		case -ETIMEDOUT: break;
		default: return status;
		}
	}
	return refused ? refused : status;
}

IN_CHILD long child_become(spawn *self) {
	const os_program *program = self->program;
	long status = 0;
	child_reset_signals();
	if (program->new_session) status = child_call(SYS_setsid, 0, 0, 0, 0);
	if (status >= 0 && program->terminal >= 0)
		status = child_call(SYS_ioctl, program->terminal, TIOCSCTTY, 0, 0);
	if (status >= 0 && program->group >= 0) status = child_call(SYS_setpgid, 0, program->group, 0, 0);
	if (status >= 0) status = child_set_stdio(program->stdio);
	if (status >= 0 && !program->keep_fds) child_close_others();
	if (status < 0) return status;
	self->outcome.stage = OS_CHANGING_DIRECTORY;
	if (program->cwd) status = child_call(SYS_chdir, (long)program->cwd, 0, 0, 0);
	if (status < 0) return status;
	self->outcome.stage = OS_EXECUTING;
	(void)child_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&self->mask, 0, sizeof self->mask);
	return child_exec(program);
}

IN_CHILD int child_main(void *arg) {
	spawn *self = arg;
	self->was_here = true;
	self->outcome.status = (aw_status)child_become(self);
	if (self->report >= 0)
		(void)child_call(SYS_write, self->report, (long)&self->outcome, sizeof self->outcome, 0);
	(void)child_call(SYS_exit_group, 127, 0, 0, 0);
	return 127;
}

/* --- starting one --- */

static aw_status block_all(signal_mask *out_before) {
	signal_mask all = ~(signal_mask)0;
	return syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all, out_before, sizeof all) < 0 ? -errno : 0;
}

static void restore(signal_mask mask) {
	(void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask);
}

/*
 * Returns the pid or -errno. The child's stack is on ours, which is safe because we are suspended meanwhile.
 */
static int32_t start(spawn *self, int *out_process) {
	_Alignas(16) char stack[CHILD_STACK];
	const int flags = CLONE_VM | CLONE_VFORK | SIGCHLD;
	*out_process = -1;
	int pid = clone(child_main, stack + sizeof stack, flags | CLONE_PIDFD, self, out_process);
	/* An emulator or a seccomp filter may refuse an unknown flag. */
	if (pid < 0 && (errno == EINVAL || is_unavailable(errno)))
		pid = clone(child_main, stack + sizeof stack, flags, self);
	return pid < 0 ? -errno : pid;
}

/* Reads the child's report. End of file means that the exec succeeded. */
static void read_report(spawn *self, int fd) {
	ssize_t count;
	do count = read(fd, &self->outcome, sizeof self->outcome);
	while (count < 0 && errno == EINTR);
	if (count != (ssize_t)sizeof self->outcome) self->outcome.status = 0;
}

/* Reaps a child that failed. Without a pidfd it can't be watched, so it is killed first. */
static void discard(int32_t pid, int *process) {
	if (*process < 0) (void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) continue;
	os_close(process);
}

/* Ensures that there is a pidfd and that it is above 2. Old kernels return none from clone. */
static aw_status watchable(int32_t pid, int *process) {
	return *process < 0 ? os_process_open(pid, process) : move_above_stdio(process);
}

aw_status os_spawn(const os_program *program, int32_t *out_pid, int *out_process, os_stage *out_stage) {
	int report = -1, process = -1, saved = errno;
	spawn self = {.program = program, .report = -1};
	aw_status status = 0;
	*out_stage = OS_PREPARING;
	if (atomic_load_explicit(&memory, memory_order_relaxed) != MEMORY_SHARED)
		status = os_pipe(&report, &self.report);
	if (status == 0) status = block_all(&self.mask);
	if (status < 0) goto end;
	int32_t pid = start(&self, &process);
	restore(self.mask);
	if (pid < 0) {
		status = pid;
		goto end;
	}
	if (self.was_here)
		atomic_store_explicit(&memory, MEMORY_SHARED, memory_order_relaxed);
	else
		atomic_store_explicit(&memory, MEMORY_COPIED, memory_order_relaxed);
	os_close(&self.report);
	if (!self.was_here) read_report(&self, report);
	status = self.outcome.status;
	*out_stage = (os_stage)self.outcome.stage;
	if (status == 0) {
		*out_stage = OS_PREPARING; /* a later failure is not the program's */
		status = watchable(pid, &process);
	}
	if (status < 0) {
		discard(pid, &process);
		goto end;
	}
	*out_pid = pid;
	*out_process = process;
end:
	os_close(&self.report);
	os_close(&report);
	errno = saved;
	return status;
}

/* --- signalling and collecting --- */

aw_status os_process_open(int32_t pid, int *out_process) {
	int fd = (int)syscall(SYS_pidfd_open, pid, 0); /* always close-on-exec */
	if (fd < 0) return -errno;
	aw_status status = move_above_stdio(&fd);
	if (status == 0) *out_process = fd;
	return status;
}

aw_status os_group_signal(int32_t group, int signal) {
	/* -1 signals every process, and 0 our own group. */
	if (group <= 1) return -EINVAL;
	return kill(-group, signal) < 0 ? -errno : 0;
}

/* Like child_status(), if a filter refuses waitid: poll the pidfd, and reap with waitpid. */
static aw_status child_status_without_waitid(int process, int32_t pid, int flags, siginfo_t *out) {
	struct pollfd end = {.fd = process, .events = POLLIN};
	int code = 0, result;
	do result = flags & WNOWAIT ? poll(&end, 1, 0) : (int)waitpid(pid, &code, WNOHANG);
	while (result < 0 && errno == EINTR);
	if (result < 0) return -errno;
	out->si_pid = result ? pid : 0;
	out->si_code = WIFEXITED(code) ? CLD_EXITED : CLD_KILLED;
	out->si_status = WIFEXITED(code) ? WEXITSTATUS(code) : WTERMSIG(code);
	return result != 0;
}

/* Returns 1 and the child's status, or 0 while it runs. */
static aw_status child_status(int process, int32_t pid, int flags, siginfo_t *out) {
	int result;
	*out = (siginfo_t){0};
	do result = waitid((idtype_t)WAIT_FOR_PIDFD, (id_t)process, out, WEXITED | WNOHANG | flags);
	while (result < 0 && errno == EINTR);
	/* Before Linux 5.4, or refused. The pid is still the child's, since it has not been reaped. */
	if (result < 0 && (errno == EINVAL || is_unavailable(errno))) {
		do result = waitid(P_PID, (id_t)pid, out, WEXITED | WNOHANG | flags);
		while (result < 0 && errno == EINTR);
	}
	if (result < 0 && is_unavailable(errno)) return child_status_without_waitid(process, pid, flags, out);
	if (result < 0) return errno == EAGAIN ? 0 : -errno; /* EAGAIN: runs, pidfd is non-blocking */
	return out->si_pid != 0;
}

aw_status os_process_has_ended(int process, int32_t pid) {
	siginfo_t info;
	return child_status(process, pid, WNOWAIT, &info);
}

aw_status os_process_signal(int process, int32_t pid, int signal) {
	if (syscall(SYS_pidfd_send_signal, process, signal, NULL, 0) == 0) return 0;
	if (!is_unavailable(errno)) return -errno;
	/*
	 * Without pidfd_send_signal, use kill. The pid can't have been reused while the child is unreaped, and
	 * only we reap it.
	 */
	aw_status refused = -errno, ended = os_process_has_ended(process, pid);
	if (ended) return ended < 0 && refused == -EPERM ? refused : -ESRCH;
	return kill(pid, signal) < 0 ? -errno : 0;
}

aw_status os_process_collect(int process, int32_t pid, int32_t *out_code) {
	siginfo_t info;
	aw_status status = child_status(process, pid, 0, &info);
	if (status < 0) return status;
	if (status == 0) return -EAGAIN;
	*out_code = info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
	return 0;
}

static int64_t milliseconds(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

aw_status os_process_join(int process, int32_t pid, int limit_ms, int32_t *out_code) {
	struct pollfd end = {.fd = process, .events = POLLIN};
	int64_t deadline = milliseconds() + limit_ms;
	for (;;) {
		aw_status status = os_process_collect(process, pid, out_code);
		int64_t left = deadline - milliseconds();
		if (status != -EAGAIN || left <= 0) return status;
		/* Readable but not reapable: a debugger reaps it first. */
		if (poll(&end, 1, (int)left) > 0 && os_process_has_ended(process, pid) == 0) (void)poll(NULL, 0, 1);
	}
}

/* --- threads that block --- */

enum { NS_PER_SECOND = 1000000000 };

static struct timespec time_of(int64_t ns) {
	return (struct timespec){.tv_sec = (time_t)(ns / NS_PER_SECOND), .tv_nsec = (long)(ns % NS_PER_SECOND)};
}

aw_status os_word_wait(const _Atomic uint32_t *word, uint32_t seen, int64_t deadline) {
	/* Always pass a timeout: without one the kernel restarts the wait after a handler with SA_RESTART. */
	struct timespec at = time_of(deadline);
	int saved = errno;
	long result =
		syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, seen, &at, NULL, FUTEX_BITSET_MATCH_ANY);
	aw_status status = result < 0 && errno != EAGAIN ? -errno : 0;
	errno = saved;
	return status;
}

void os_word_wake(const _Atomic uint32_t *word) {
	int saved = errno;
	(void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
	errno = saved;
}

aw_status os_event(int *out) {
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0) return -errno;
	aw_status status = move_above_stdio(&fd);
	if (status == 0) *out = fd;
	return status;
}

/* If the write fails with EAGAIN, the counter is full and the descriptor is readable anyway. */
void os_event_set(int event) {
	const uint64_t one = 1;
	int saved = errno;
	ssize_t count;
	do count = write(event, &one, sizeof one);
	while (count < 0 && errno == EINTR);
	errno = saved;
}

void os_event_clear(int event) {
	uint64_t count;
	int saved = errno;
	(void)!read(event, &count, sizeof count);
	errno = saved;
}

static int64_t nanoseconds(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

aw_status os_wait_readable(const int fds[2], int64_t deadline) {
	struct pollfd ends[] = {{.fd = fds[0], .events = POLLIN}, {.fd = fds[1], .events = POLLIN}};
	int64_t left = deadline == INT64_MAX ? 0 : deadline - nanoseconds();
	struct timespec limit = time_of(left > 0 ? left : 0);
	int saved = errno;
	int found = ppoll(ends, 2, deadline == INT64_MAX ? NULL : &limit, NULL);
	aw_status status = found < 0 ? -errno : found == 0 ? -ETIMEDOUT : ends[0].revents == 0;
	errno = saved;
	return status == 0 && ends[0].revents & POLLNVAL ? -EBADF : status;
}
