/* SPDX-License-Identifier: MIT */
/* The socket of a datagram endpoint: its addresses, and the options of multicast and broadcast. */
#include "datagram.h"

#include "failure.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

ENTRY(aw_datagram_fd, (const aw_datagram *datagram), (datagram)) {
	aw_status status = datagram_check(datagram);
	if (status < 0) return status;
	const endpoint *self = datagram_endpoint(datagram);
	return self->ended ? endpoint_closed_status(self) : self->fd;
}

static aw_status address_of(const aw_datagram *datagram, int (*get)(int, struct sockaddr *, socklen_t *),
                            struct sockaddr *address, uint32_t *address_length) {
	aw_status status = datagram_check(datagram);
	if (status < 0) return status;
	const endpoint *self = datagram_endpoint(datagram);
	if (!address || !address_length) return -EINVAL;
	if (self->ended) return endpoint_closed_status(self);
	return get(self->fd, address, address_length) < 0 ? -errno : 0;
}

ENTRY(aw_datagram_getsockname,
      (const aw_datagram *datagram, struct sockaddr *address, uint32_t *address_length),
      (datagram, address, address_length)) {
	return address_of(datagram, getsockname, address, address_length);
}

ENTRY(aw_datagram_getpeername,
      (const aw_datagram *datagram, struct sockaddr *address, uint32_t *address_length),
      (datagram, address, address_length)) {
	return address_of(datagram, getpeername, address, address_length);
}

/* --- multicast --- */

static aw_status parse_address(const char *text, struct sockaddr_storage *out) {
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	memset(out, 0, sizeof *out);
	out->ss_family = AF_INET;
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) return 0;
	out->ss_family = AF_INET6;
	return inet_pton(AF_INET6, text, &v6->sin6_addr) == 1
	           ? 0
	           : failed_saying(-EINVAL, "not a numeric address: %s", text);
}

/* The number of an interface; 0: the system's choice. */
static aw_status parse_interface(const char *name, unsigned *out) {
	*out = 0;
	if (!name) return 0;
	*out = if_nametoindex(name);
	if (*out) return 0;
	char *rest = NULL;
	unsigned long number = strtoul(name, &rest, 10);
	char known[IF_NAMESIZE];
	if (*name < '0' || *name > '9' || *rest || number > UINT32_MAX ||
	    !if_indextoname((unsigned)number, known))
		return failed_saying(-ENODEV, "no such interface: %s", name);
	*out = (unsigned)number;
	return 0;
}

static int level_of(int family) {
	return family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
}

static aw_status change_membership(aw_datagram *datagram, const char *group, const char *source,
                                   const char *interface_name, bool joins) {
	aw_status status = datagram_check_open(datagram);
	if (status < 0) return status;
	if (!group) return -EINVAL;
	int fd = datagram_endpoint(datagram)->fd, result;
	struct group_source_req with_source;
	memset(&with_source, 0, sizeof with_source);
	unsigned number = 0;
	status = parse_address(group, &with_source.gsr_group);
	if (status == 0 && source) status = parse_address(source, &with_source.gsr_source);
	if (status == 0) status = parse_interface(interface_name, &number);
	if (status < 0) return status;
	if (source && with_source.gsr_source.ss_family != with_source.gsr_group.ss_family) return -EINVAL;
	int level = level_of(with_source.gsr_group.ss_family);
	if (source) {
		with_source.gsr_interface = number;
		result = setsockopt(fd, level, joins ? MCAST_JOIN_SOURCE_GROUP : MCAST_LEAVE_SOURCE_GROUP,
		                    &with_source, sizeof with_source);
	} else {
		struct group_req any;
		memset(&any, 0, sizeof any); /* its padding goes to the kernel too */
		any.gr_interface = number;
		any.gr_group = with_source.gsr_group;
		result = setsockopt(fd, level, joins ? MCAST_JOIN_GROUP : MCAST_LEAVE_GROUP, &any, sizeof any);
	}
	return result < 0 ? -errno : 0;
}

aw_status aw_datagram_join_group(aw_datagram *datagram, const char *group, const char *source,
                                 const char *interface_name) {
	const aw_error *before = failure_here();
	aw_status status = change_membership(datagram, group, source, interface_name, true);
	return status < 0 ? failed_since(before, status) : status;
}

aw_status aw_datagram_leave_group(aw_datagram *datagram, const char *group, const char *source,
                                  const char *interface_name) {
	const aw_error *before = failure_here();
	aw_status status = change_membership(datagram, group, source, interface_name, false);
	return status < 0 ? failed_since(before, status) : status;
}

static aw_status set_interface(aw_datagram *datagram, const char *interface_name) {
	aw_status status = datagram_check_open(datagram);
	unsigned number = 0;
	if (status == 0) status = parse_interface(interface_name, &number);
	if (status < 0) return status;
	const endpoint *self = datagram_endpoint(datagram);
	int result;
	if (self->family == AF_INET6) {
		int value = (int)number;
		result = setsockopt(self->fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &value, sizeof value);
	} else {
		struct ip_mreqn value = {.imr_ifindex = (int)number};
		result = setsockopt(self->fd, IPPROTO_IP, IP_MULTICAST_IF, &value, sizeof value);
	}
	return result < 0 ? -errno : 0;
}

aw_status aw_datagram_set_multicast_interface(aw_datagram *datagram, const char *interface_name) {
	const aw_error *before = failure_here();
	aw_status status = set_interface(datagram, interface_name);
	return status < 0 ? failed_since(before, status) : status;
}

/* --- numbers --- */

static aw_status set_number(aw_datagram *datagram, int name4, int name6, int value) {
	aw_status status = datagram_check_open(datagram);
	if (status < 0) return status;
	const endpoint *self = datagram_endpoint(datagram);
	int level = level_of(self->family);
	int name = level == IPPROTO_IPV6 ? name6 : name4;
	return setsockopt(self->fd, level, name, &value, sizeof value) < 0 ? -errno : 0;
}

static aw_status set_hops(aw_datagram *datagram, int name4, int name6, int32_t ttl, int32_t min) {
	aw_status status = datagram_check_open(datagram);
	if (status < 0) return status;
	return ttl < min || ttl > 255 ? -EINVAL : set_number(datagram, name4, name6, ttl);
}

ENTRY(aw_datagram_set_multicast_ttl, (aw_datagram *datagram, int32_t ttl), (datagram, ttl)) {
	return set_hops(datagram, IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS, ttl, 0);
}

ENTRY(aw_datagram_set_ttl, (aw_datagram *datagram, int32_t ttl), (datagram, ttl)) {
	return set_hops(datagram, IP_TTL, IPV6_UNICAST_HOPS, ttl, 1);
}

ENTRY(aw_datagram_set_multicast_loop, (aw_datagram *datagram, aw_bool enabled), (datagram, enabled)) {
	return set_number(datagram, IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP, enabled != 0);
}

ENTRY(aw_datagram_set_broadcast, (aw_datagram *datagram, aw_bool enabled), (datagram, enabled)) {
	aw_status status = datagram_check_open(datagram);
	if (status < 0) return status;
	int value = enabled != 0;
	int fd = datagram_endpoint(datagram)->fd;
	return setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &value, sizeof value) < 0 ? -errno : 0;
}
