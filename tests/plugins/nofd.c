/* SPDX-License-Identifier: MIT */
/* The epoll backend without its descriptor: guest mode then uses a helper thread. */
#include "epoll/epoll.c"

AW_API const aw_backend *aw_backend_entry(void);

static int no_fd(aw_backend_state *self) {
	(void)self;
	return -1;
}

const aw_backend *aw_backend_entry(void) {
	static aw_backend table;
	table = epoll_backend;
	table.name = "nofd";
	table.description = "epoll without a descriptor";
	table.capabilities &= ~(uint64_t)AW_BACKEND_HAS_FD;
	table.fd = no_fd;
	return &table;
}
