/* SPDX-License-Identifier: MIT */
/* Addresses of sockets. */
#ifndef CORE_NET_ADDRESSES_H
#define CORE_NET_ADDRESSES_H

#include <await/base.h>
#include <sys/socket.h>

enum { ADDRESS_TEXT = 128 };

/* Writes "127.0.0.1 port 80", "::1 port 80" or the path of a Unix socket ("@" for an abstract one). */
void address_text(const struct sockaddr *address, socklen_t length, char text[ADDRESS_TEXT]);
/* Fills in a Unix address. -ENAMETOOLONG; -EINVAL for an empty path. */
aw_status address_of_path(const char *path, struct sockaddr_storage *out, socklen_t *out_length);

#endif
