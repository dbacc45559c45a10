/* SPDX-License-Identifier: MIT */
/*
 * Creates a ring with the best mode that the kernel supports, and explains why there is none: many systems
 * forbid io_uring, since operations in a ring bypass seccomp filters.
 */
#include "ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ENTRIES_MIN = 8 };

aw_status ring_create(struct io_uring *ring, unsigned entries, uint32_t open_flags) {
	/*
	 * Best first. Never SQPOLL: its kernel thread would keep the credentials of the process that opened the
	 * ring.
	 */
	static const unsigned modes[] = {
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
			IORING_SETUP_SUBMIT_ALL,
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
			IORING_SETUP_SUBMIT_ALL,
		IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL,
		0,
	};
	size_t mode = open_flags & AW_BACKEND_SINGLE_THREAD ? 0 : 2;
	for (;;) {
		struct io_uring_params params = {
			.flags = modes[mode] | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
			.cq_entries = entries * RING_COMPLETIONS_PER_ENTRY,
		};
		int status = io_uring_queue_init_params(entries, ring, &params);
		if (status == -EINVAL && modes[mode])
			mode++;
		else if (status == -ENOMEM && entries > ENTRIES_MIN)
			entries /= 2;
		else if (status < 0)
			return status;
		else
			break;
	}
	/* A child with the ring mapped could consume the parent's completions. */
	int status = io_uring_ring_dontfork(ring);
	if (status < 0) io_uring_queue_exit(ring);
	return status;
}

bool ring_has_features(const struct io_uring *ring) {
	const unsigned needed = IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_RW_CUR_POS |
	                        IORING_FEAT_FAST_POLL | IORING_FEAT_POLL_32BITS | IORING_FEAT_EXT_ARG;
	return (ring->features & needed) == needed;
}

/* --- diagnosis --- */

static aw_status explain(aw_status status, const char *text, char *why, size_t length) {
	char buffer[64];
	/* The GNU variant, which may not use the buffer. */
	if (why && length) snprintf(why, length, "%s (%s)", text, strerror_r(-status, buffer, sizeof buffer));
	return status;
}

static aw_status open_reason(aw_status status, char *why, size_t length) {
	switch (status) {
	case -EPERM:
	case -EACCES: {
		char setting = '0';
		int fd = open("/proc/sys/kernel/io_uring_disabled", O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && read(fd, &setting, 1) != 1) setting = '0';
		if (fd >= 0) close(fd);
		return explain(status,
		               setting == '0'
		                   ? "io_uring is forbidden, most likely by a seccomp filter, as in containers"
		                   : "io_uring is disabled by the sysctl kernel.io_uring_disabled",
		               why, length);
	}
	case -ENOSYS:
		return explain(status, "the kernel has no io_uring, or a seccomp filter hides it", why, length);
	case -ENOMEM:
		return explain(status,
		               "not enough memory for a ring; before Linux 5.12 it counts towards RLIMIT_MEMLOCK",
		               why, length);
	default: return explain(status, "io_uring can't be set up", why, length);
	}
}

static aw_status check_operations(struct io_uring *ring, char *why, size_t length) {
	static const int needed[] = {
		IORING_OP_POLL_ADD, IORING_OP_READ,    IORING_OP_WRITE, IORING_OP_RECV,         IORING_OP_SEND,
		IORING_OP_ACCEPT,   IORING_OP_CONNECT, IORING_OP_FSYNC, IORING_OP_ASYNC_CANCEL,
	};
	if (!ring_has_features(ring))
		return explain(-ENOSYS, "the kernel's io_uring is too old: Linux 5.11 is needed", why, length);
	struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
	bool all = probe != NULL;
	for (size_t i = 0; all && i < sizeof needed / sizeof *needed; i++)
		all = io_uring_opcode_supported(probe, needed[i]);
	io_uring_free_probe(probe);
	return all ? 0
	           : explain(-ENOSYS, "the kernel's io_uring lacks required operations, or can't be probed", why,
	                     length);
}

/* A filter may allow creating a ring but not using it. */
static aw_status check_use(struct io_uring *ring, char *why, size_t length) {
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	struct io_uring_cqe *cqe;
	if (!sqe) return explain(-ENOMEM, "the new ring has no free entry", why, length);
	io_uring_prep_nop(sqe);
	int status;
	do status = io_uring_submit_and_wait(ring, 1);
	while (status == -EINTR);
	if (status >= 0) status = io_uring_peek_cqe(ring, &cqe);
	if (status < 0) return open_reason(status, why, length);
	io_uring_cqe_seen(ring, cqe);
	return 0;
}

aw_status ring_probe(char *why, size_t length) {
	struct io_uring ring;
	if (why && length) *why = 0;
	aw_status status = ring_create(&ring, ENTRIES_MIN, 0);
	if (status < 0) return open_reason(status, why, length);
	status = check_operations(&ring, why, length);
	if (status == 0) status = check_use(&ring, why, length);
	io_uring_queue_exit(&ring);
	return status;
}
