/* SPDX-License-Identifier: MIT */
#include "addresses.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

void address_text(const struct sockaddr *address, socklen_t length, char text[ADDRESS_TEXT]) {
	char host[INET6_ADDRSTRLEN] = "?";
	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)address;
		inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
		snprintf(text, ADDRESS_TEXT, "%s port %d", host, ntohs(in->sin_port));
	} else if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const void *)address;
		inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof host);
		snprintf(text, ADDRESS_TEXT, "%s port %d", host, ntohs(in->sin6_port));
	} else if (address->sa_family == AF_UNIX && length > offsetof(struct sockaddr_un, sun_path)) {
		const struct sockaddr_un *in = (const void *)address;
		int size = (int)(length - offsetof(struct sockaddr_un, sun_path));
		if (in->sun_path[0])
			snprintf(text, ADDRESS_TEXT, "%.*s", size, in->sun_path);
		else
			snprintf(text, ADDRESS_TEXT, "@%.*s", size - 1, in->sun_path + 1);
	} else {
		snprintf(text, ADDRESS_TEXT, "an address of family %d", address->sa_family);
	}
}

aw_status address_of_path(const char *path, struct sockaddr_storage *out, socklen_t *out_length) {
	struct sockaddr_un *in = (void *)out;
	if (!path || !*path) return -EINVAL;
	size_t length = strlen(path);
	bool is_abstract = path[0] == '@';
	/* A path in the file system ends with a zero, an abstract name with its length. */
	if (length + !is_abstract > sizeof in->sun_path) return -ENAMETOOLONG;
	memset(in, 0, sizeof *in);
	in->sun_family = AF_UNIX;
	memcpy(in->sun_path, path, length);
	if (is_abstract) in->sun_path[0] = 0;
	*out_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + !is_abstract);
	return 0;
}
