/* SPDX-License-Identifier: MIT */
/* What is known about a connection. */
#include "failure.h"
#include "stream.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static bool is_stream(const aw_stream *stream) {
	return object_is(stream, &stream_class);
}

static int fd_of(const aw_stream *stream) {
	if (!is_stream(stream) || stream->released || !stream->methods->fd) return -1;
	return stream->methods->fd(stream->ud);
}

int aw_stream_fd(const aw_stream *stream) {
	return fd_of(stream);
}

const char *aw_stream_kind(const aw_stream *stream) {
	return is_stream(stream) ? stream->methods->name : NULL;
}

void *aw_stream_methods_data(const aw_stream *stream, const aw_stream_methods *methods) {
	if (!is_stream(stream) || stream->released || stream->methods != methods) return NULL;
	return stream->ud;
}

ENTRY(aw_stream_getsockname, (const aw_stream *stream, struct sockaddr *address, uint32_t *address_length),
      (stream, address, address_length)) {
	if (!is_stream(stream)) return AW_EBADHANDLE;
	if (!address || !address_length) return -EINVAL;
	int fd = fd_of(stream);
	if (fd < 0) return -ENOTSOCK;
	return getsockname(fd, address, address_length) < 0 ? -errno : 0;
}

ENTRY(aw_stream_getpeername, (const aw_stream *stream, struct sockaddr *address, uint32_t *address_length),
      (stream, address, address_length)) {
	if (!is_stream(stream)) return AW_EBADHANDLE;
	if (!address || !address_length) return -EINVAL;
	if (stream->peer_length) {
		size_t room = *address_length;
		memcpy(address, &stream->peer, room < stream->peer_length ? room : stream->peer_length);
		*address_length = stream->peer_length;
		return 0;
	}
	int fd = fd_of(stream);
	if (fd < 0) return -ENOTSOCK;
	return getpeername(fd, address, address_length) < 0 ? -errno : 0;
}

ENTRY(aw_stream_peer_credentials, (const aw_stream *stream, int32_t *out_pid, int32_t *out_uid,
                                   int32_t *out_gid),
      (stream, out_pid, out_uid, out_gid)) {
	if (!is_stream(stream)) return AW_EBADHANDLE;
	struct {
		int32_t pid;
		uint32_t uid, gid;
	} peer; /* struct ucred, which needs _GNU_SOURCE */
	socklen_t size = sizeof peer;
	if (getsockopt(fd_of(stream), SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return errno == ENOTSOCK || errno == EBADF ? -EOPNOTSUPP : -errno;
	/* Without a peer, or for a socket of another family, no process is known. */
	if (peer.pid <= 0) return -EOPNOTSUPP;
	if (out_pid) *out_pid = peer.pid;
	if (out_uid) *out_uid = (int32_t)peer.uid;
	if (out_gid) *out_gid = (int32_t)peer.gid;
	return 0;
}

uint64_t aw_stream_bytes_read(const aw_stream *stream) {
	return is_stream(stream) ? stream->bytes_read : 0;
}

uint64_t aw_stream_bytes_written(const aw_stream *stream) {
	return is_stream(stream) ? stream->bytes_written : 0;
}
