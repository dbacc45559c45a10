/* SPDX-License-Identifier: MIT */
/* Datagrams of Unix sockets that carry descriptors: one for each system call. */
#include "datagram.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	FDS_MAX = 253,       /* the kernel's limit for one message */
	CONTROL_SIZE = 2048, /* of so many, and of what the program may have asked the socket for */
	PEER_PIDFD = 4       /* SCM_PIDFD, which older headers lack */
};

aw_status datagram_fds_check(const endpoint *self, const aw_datagram_message *message, bool sends) {
	if (sends ? !message->fd_count : !message->fd_capacity) return 0;
	if (!message->fds || (sends && message->fd_count > FDS_MAX)) return -EINVAL;
	int family = 0;
	socklen_t size = sizeof family;
	if (getsockopt(self->fd, SOL_SOCKET, SO_DOMAIN, &family, &size) < 0) return -errno;
	return family == AF_UNIX ? 0 : -EOPNOTSUPP;
}

/* Stores those for which there is room, and closes the others. */
static void take_fds(aw_datagram_message *message, const int *fds, size_t count) {
	for (size_t i = 0; i < count; i++) {
		if (message->fd_count < message->fd_capacity) {
			message->fds[message->fd_count++] = fds[i];
		} else {
			close(fds[i]);
			message->flags |= AW_DATAGRAM_FDS_TRUNCATED;
		}
	}
}

static void take_control(aw_datagram_message *message, struct msghdr *header) {
	message->fd_count = 0;
	if (header->msg_flags & MSG_CTRUNC) message->flags |= AW_DATAGRAM_FDS_TRUNCATED;
	for (struct cmsghdr *at = CMSG_FIRSTHDR(header); at; at = CMSG_NXTHDR(header, at)) {
		int fds[FDS_MAX];
		if (at->cmsg_level != SOL_SOCKET) continue;
		size_t size = at->cmsg_len - CMSG_LEN(0);
		if (size > sizeof fds) size = sizeof fds; /* cannot happen */
		memcpy(fds, CMSG_DATA(at), size);
		if (at->cmsg_type == SCM_RIGHTS) take_fds(message, fds, size / sizeof *fds);
		if (at->cmsg_type == PEER_PIDFD && fds[0] >= 0) close(fds[0]);
	}
}

aw_status datagram_fds_recv(const endpoint *self, aw_datagram_message *message) {
	_Alignas(struct cmsghdr) unsigned char control[CONTROL_SIZE];
	size_t room = message->capacity > INT32_MAX ? INT32_MAX : message->capacity;
	struct iovec part = {.iov_base = message->data, .iov_len = room};
	struct msghdr header = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	if (message->address) {
		header.msg_name = message->address;
		header.msg_namelen = message->address_capacity;
	}
	ssize_t length = recvmsg(self->fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (length < 0) return -errno;
	message->length = (size_t)length;
	message->flags = header.msg_flags & MSG_TRUNC ? AW_DATAGRAM_TRUNCATED : 0;
	message->address_length = message->address ? header.msg_namelen : 0;
	message->segment_size = 0;
	take_control(message, &header);
	return 1;
}

aw_status datagram_fds_send(const endpoint *self, const aw_datagram_message *message) {
	_Alignas(struct cmsghdr) unsigned char control[CMSG_SPACE(FDS_MAX * sizeof(int))];
	const struct sockaddr *address = message->address;
	uint32_t length = message->address_length;
	aw_status status = endpoint_destination(self, &address, &length);
	if (status < 0) return status;
	size_t size = message->fd_count * sizeof(int);
	struct iovec part = {.iov_base = message->data, .iov_len = message->length};
	struct msghdr header = {.msg_iov = &part,
	                        .msg_iovlen = 1,
	                        .msg_name = (void *)(uintptr_t)address,
	                        .msg_namelen = length,
	                        .msg_control = control,
	                        .msg_controllen = CMSG_SPACE(size)};
	memset(control, 0, CMSG_SPACE(size));
	struct cmsghdr *fds = CMSG_FIRSTHDR(&header);
	fds->cmsg_level = SOL_SOCKET;
	fds->cmsg_type = SCM_RIGHTS;
	fds->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(fds), message->fds, size);
	return sendmsg(self->fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 1;
}
