/* SPDX-License-Identifier: MIT */
/*
 * An echo server by hand on liburing: one multishot accept, a multishot receive for each connection, and a ring
 * of buffers that the kernel takes from. A connection has one send in flight; what arrives meanwhile waits.
 *
 * usage: bench-echo-uring LISTENER
 */
#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ENTRIES = 4096, BUFFERS = 2048, PIECE = 32 * 1024, NONE = -1, NOT_USABLE = 77 };

/* The lowest bit of a completion's data tells a send from a receive; an accept has none. */
enum { SENDS = 1 };

typedef struct connection {
	int fd;
	int first, last; /* buffers to send, in order; the first is being sent */
	bool receives, is_closing;
} connection;

static struct io_uring ring;
static struct io_uring_buf_ring *buffers;
static alignas(64) char memory[BUFFERS][PIECE];
static unsigned length_of[BUFFERS];
static int next_of[BUFFERS];

static struct io_uring_sqe *entry(void) {
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
	if (!sqe) {
		io_uring_submit(&ring);
		sqe = io_uring_get_sqe(&ring);
	}
	if (!sqe) abort();
	return sqe;
}

static void give_back(int id) {
	io_uring_buf_ring_add(buffers, memory[id], PIECE, (unsigned short)id, BUFFERS - 1, 0);
	io_uring_buf_ring_advance(buffers, 1);
}

static void accept_all(int listener) {
	struct io_uring_sqe *sqe = entry();
	io_uring_prep_multishot_accept(sqe, listener, NULL, NULL, SOCK_CLOEXEC);
	io_uring_sqe_set_data64(sqe, 0);
}

static void receive(connection *self) {
	struct io_uring_sqe *sqe = entry();
	io_uring_prep_recv_multishot(sqe, self->fd, NULL, 0, 0);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	io_uring_sqe_set_data64(sqe, (uintptr_t)self);
	self->receives = true;
}

static void send_first(connection *self) {
	struct io_uring_sqe *sqe = entry();
	int id = self->first;
	/* With MSG_WAITALL the kernel continues after a partial send. */
	io_uring_prep_send(sqe, self->fd, memory[id], length_of[id], MSG_WAITALL | MSG_NOSIGNAL);
	io_uring_sqe_set_data64(sqe, (uintptr_t)self | SENDS);
}

static void open_connection(int fd) {
	int on = 1;
	connection *self = calloc(1, sizeof *self);
	if (!self) abort();
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	self->fd = fd;
	self->first = NONE;
	receive(self);
}

static void settle(connection *self) {
	if (self->first != NONE) return;
	if (!self->is_closing) {
		if (!self->receives) receive(self); /* the buffers had run out */
	} else if (!self->receives) {
		close(self->fd);
		free(self);
	}
}

static void received(connection *self, const struct io_uring_cqe *cqe) {
	self->receives = cqe->flags & IORING_CQE_F_MORE;
	if (cqe->res > 0) {
		int id = (int)(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
		length_of[id] = (unsigned)cqe->res;
		next_of[id] = NONE;
		if (self->first == NONE) {
			self->first = self->last = id;
			send_first(self);
		} else {
			next_of[self->last] = id;
			self->last = id;
		}
	} else if (cqe->res != -ENOBUFS)
		self->is_closing = true;
	settle(self);
}

static void sent(connection *self, const struct io_uring_cqe *cqe) {
	int id = self->first;
	self->first = next_of[id];
	give_back(id);
	if (cqe->res != (int)length_of[id] && !self->is_closing) {
		self->is_closing = true;
		shutdown(self->fd, SHUT_RDWR); /* ends the receive */
	}
	if (self->first != NONE) send_first(self);
	settle(self);
}

static bool set_up(void) {
	struct io_uring_params parameters = {.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
	                                              IORING_SETUP_CQSIZE,
	                                     .cq_entries = 4 * ENTRIES};
	if (io_uring_queue_init_params(ENTRIES, &ring, &parameters) < 0) return false;
	void *at = NULL;
	if (posix_memalign(&at, (size_t)sysconf(_SC_PAGESIZE), BUFFERS * sizeof(struct io_uring_buf)) != 0)
		abort();
	buffers = at;
	io_uring_buf_ring_init(buffers);
	struct io_uring_buf_reg group = {.ring_addr = (uintptr_t)at, .ring_entries = BUFFERS};
	if (io_uring_register_buf_ring(&ring, &group, 0) < 0) return false;
	for (int i = 0; i < BUFFERS; i++) give_back(i);
	return true;
}

int main(int argc, char **argv) {
	if (argc != 2) return 2;
	int listener = atoi(argv[1]);
	if (!set_up()) return NOT_USABLE;
	accept_all(listener);
	for (;;) {
		io_uring_submit_and_wait(&ring, 1);
		struct io_uring_cqe *cqe;
		unsigned head, count = 0;
		io_uring_for_each_cqe(&ring, head, cqe) {
			connection *self = (connection *)(uintptr_t)(cqe->user_data & ~(uint64_t)SENDS);
			count++;
			if (!self) {
				if (cqe->res >= 0) open_connection(cqe->res);
				if (!(cqe->flags & IORING_CQE_F_MORE)) accept_all(listener);
			} else if (cqe->user_data & SENDS)
				sent(self, cqe);
			else
				received(self, cqe);
		}
		io_uring_cq_advance(&ring, count);
	}
}
