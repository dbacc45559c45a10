/* SPDX-License-Identifier: MIT */
/*
 * A DNS client over UDP: it asks for the A, AAAA and MX records of a name at once, and asks again when no
 * answer comes. usage: dns_client [-s SERVER] [-p PORT] [-t SECONDS] NAME [A|AAAA|MX]
 */
#include <arpa/inet.h>
#include <await/easy.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TYPE_A = 1, TYPE_CNAME = 5, TYPE_MX = 15, TYPE_AAAA = 28, CLASS_IN = 1 };
enum { MESSAGE_MAX = 4096, NAME_MAX_TEXT = 4 * 255 + 1, ATTEMPTS = 3, HEADER = 12 };

typedef struct question {
	const char *server, *port, *name;
	int64_t timeout;
	uint16_t type;
	aw_datagram *datagram;
	unsigned char query[512], reply[MESSAGE_MAX];
	size_t query_length, reply_length;
} question;

static const char *const rcodes[] = {"no error",     "format error",    "server failure",
                                     "no such name", "not implemented", "refused"};

/* --- the message format --- */

static uint16_t read16(const unsigned char *at) {
	return (uint16_t)(at[0] << 8 | at[1]);
}

static unsigned char *write16(unsigned char *at, unsigned value) {
	*at++ = (unsigned char)(value >> 8);
	*at++ = (unsigned char)value;
	return at;
}

/* Writes a query; returns its length, or 0 if the name is none. */
static size_t make_query(unsigned char *query, const char *name, uint16_t type) {
	unsigned char *at = query;
	uint16_t id = 0;
	if (getrandom(&id, sizeof id, 0) != sizeof id) return 0;
	at = write16(at, id);
	at = write16(at, 0x0100); /* recursion desired */
	at = write16(at, 1);      /* one question */
	memset(at, 0, 6);
	at += 6;
	if (strlen(name) > 253) return 0;
	while (*name) {
		size_t length = strcspn(name, ".");
		if (length == 0 || length > 63) return 0;
		*at++ = (unsigned char)length;
		memcpy(at, name, length);
		at += length;
		name += length + (name[length] == '.');
	}
	*at++ = 0;
	at = write16(at, type);
	at = write16(at, CLASS_IN);
	return (size_t)(at - query);
}

/*
 * Reads a name at `offset` as text, and returns the offset after it, or 0 if the message is malformed. Each
 * pointer must point further back than the one before, so that there can be no loop.
 */
static size_t read_name(const unsigned char *message, size_t length, size_t offset, char *text) {
	size_t end = 0, limit = offset, used = 0;
	for (;;) {
		if (offset >= length) return 0;
		unsigned size = message[offset];
		if (size == 0) break;
		if ((size & 0xC0) == 0xC0) {
			if (offset + 2 > length) return 0;
			size_t target = read16(message + offset) & 0x3FFFu;
			if (!end) end = offset + 2;
			if (target >= limit) return 0;
			offset = limit = target;
			continue;
		}
		if (size > 63 || offset + 1 + size > length || used + size + 1 > 254) return 0;
		if (used) text[used++] = '.';
		for (unsigned i = 0; i < size; i++) {
			unsigned char byte = message[offset + 1 + i];
			text[used++] = byte > ' ' && byte < 127 && byte != '.' ? (char)byte : '?';
		}
		offset += 1 + size;
	}
	text[used] = 0;
	return end ? end : offset + 1;
}

/* Whether this is an answer to the question: anyone can send a datagram. */
static bool is_reply(const question *self) {
	char asked[NAME_MAX_TEXT], told[NAME_MAX_TEXT];
	const unsigned char *reply = self->reply;
	if (self->reply_length < HEADER || memcmp(reply, self->query, 2) != 0 || !(reply[2] & 0x80)) return false;
	if (read16(reply + 4) != 1) return false;
	size_t end = read_name(self->query, self->query_length, HEADER, asked);
	size_t reply_end = read_name(reply, self->reply_length, HEADER, told);
	return reply_end && reply_end + 4 <= self->reply_length && strcasecmp(asked, told) == 0 &&
	       memcmp(self->query + end, reply + reply_end, 4) == 0;
}

/* Prints one record; returns false if its data are malformed. */
static bool print_record(const question *self, size_t at, size_t length, uint16_t type, const char *owner) {
	char text[NAME_MAX_TEXT] = "";
	const unsigned char *data = self->reply + at;
	if (type == TYPE_A || type == TYPE_AAAA) {
		if (length != (type == TYPE_A ? 4 : 16)) return false;
		inet_ntop(type == TYPE_A ? AF_INET : AF_INET6, data, text, sizeof text);
		printf("%s %s %s\n", owner, type == TYPE_A ? "A" : "AAAA", text);
	} else if (type == TYPE_MX) {
		if (length < 3 || read_name(self->reply, self->reply_length, at + 2, text) != at + length)
			return false;
		printf("%s MX %u %s\n", owner, read16(data), *text ? text : ".");
	} else if (type == TYPE_CNAME) {
		if (read_name(self->reply, self->reply_length, at, text) != at + length) return false;
		printf("%s CNAME %s\n", owner, text);
	}
	return true;
}

static aw_status print_answers(const question *self) {
	char owner[NAME_MAX_TEXT];
	unsigned rcode = self->reply[3] & 15;
	if (rcode)
		return aw_raisef(EIO, "%s: %s", self->name,
		                 rcode < sizeof rcodes / sizeof *rcodes ? rcodes[rcode] : "an unknown error");
	size_t offset = read_name(self->reply, self->reply_length, HEADER, owner) + 4;
	for (unsigned left = read16(self->reply + 6); left; left--) {
		offset = read_name(self->reply, self->reply_length, offset, owner);
		if (!offset || offset + 10 > self->reply_length) return aw_raise(EBADMSG, "a malformed answer");
		uint16_t type = read16(self->reply + offset), length = read16(self->reply + offset + 8);
		offset += 10;
		if (offset + length > self->reply_length || !print_record(self, offset, length, type, owner))
			return aw_raise(EBADMSG, "a malformed answer");
		offset += length;
	}
	if (self->reply[2] & 2) printf("%s: the answer was too long for a datagram\n", self->name);
	return 0;
}

/* --- asking --- */

/* Sends the query and waits for its answer, for as long as it takes. */
static aw_status ask_once(void *ud) {
	question *self = ud;
	AW_TRY(aw_datagram_send(self->datagram, self->query, self->query_length, NULL, 0));
	for (;;) {
		aw_status count = aw_datagram_recv(self->datagram, self->reply, sizeof self->reply, NULL, NULL);
		if (count == -EMSGSIZE) continue;
		AW_TRY(count);
		self->reply_length = (size_t)count;
		if (is_reply(self)) return 0;
	}
}

static aw_status ask(void *ud) {
	question *self = ud;
	aw_datagram_options options = {
		.size = sizeof options, .remote_host = self->server, .remote_service = self->port};
	AW_AUTO(aw_datagram) datagram = NULL;
	AW_TRY(aw_datagram_open(&options, &datagram));
	self->datagram = datagram;
	aw_status status = AW_ETIMEOUT;
	for (int i = 0; i < ATTEMPTS && status == AW_ETIMEOUT; i++) {
		self->query_length = make_query(self->query, self->name, self->type);
		if (!self->query_length) return aw_raisef(EINVAL, "not a name: %s", self->name);
		status = aw_timeout_run(self->timeout << i, ask_once, self);
	}
	if (status == AW_ETIMEOUT) status = aw_raisef(AW_ETIMEOUT, "%s does not answer", self->server);
	if (status >= 0) status = print_answers(self);
	aw_datagram_close(datagram);
	return status;
}

typedef struct request {
	const char *server, *port, *name, *type;
	int64_t timeout;
} request;

static aw_status run(void *ud) {
	const request *self = ud;
	static const struct {
		const char *name;
		uint16_t type;
	} types[] = {{"A", TYPE_A}, {"AAAA", TYPE_AAAA}, {"MX", TYPE_MX}};
	static question questions[3];
	void *inputs[3];
	size_t count = 0;
	for (size_t i = 0; i < 3; i++) {
		if (self->type && strcasecmp(self->type, types[i].name) != 0) continue;
		questions[count] = (question){.server = self->server,
		                              .port = self->port,
		                              .name = self->name,
		                              .timeout = self->timeout,
		                              .type = types[i].type};
		inputs[count] = &questions[count];
		count++;
	}
	if (!count) return aw_raisef(EINVAL, "unknown type: %s", self->type);
	AW_TRY(aw_gather_run(ask, inputs, count, 0, NULL));
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : aw_raise(EIO, "cannot write the answers");
}

/* The first name server of the system. */
static const char *system_server(char *text, size_t size) {
	char line[256];
	FILE *file = fopen("/etc/resolv.conf", "re");
	const char *found = "127.0.0.1";
	while (file && fgets(line, sizeof line, file)) {
		char *word = NULL, *value = strtok_r(line, " \t\n", &word);
		if (!value || strcmp(value, "nameserver") != 0) continue;
		value = strtok_r(NULL, " \t\n", &word);
		if (!value) continue;
		snprintf(text, size, "%s", value);
		found = text;
		break;
	}
	if (file) fclose(file);
	return found;
}

int main(int count, char **arguments) {
	char server[64];
	request self = {.port = "53", .timeout = AW_SECOND};
	for (int option; (option = getopt(count, arguments, "s:p:t:")) != -1;) {
		if (option == 's')
			self.server = optarg;
		else if (option == 'p')
			self.port = optarg;
		else if (option == 't')
			self.timeout = (int64_t)(strtod(optarg, NULL) * (double)AW_SECOND);
		else
			return 2;
	}
	if (optind >= count) {
		fprintf(stderr, "usage: dns_client [-s SERVER] [-p PORT] [-t SECONDS] NAME [A|AAAA|MX]\n");
		return 2;
	}
	self.name = arguments[optind];
	self.type = optind + 1 < count ? arguments[optind + 1] : NULL;
	if (!self.server) self.server = system_server(server, sizeof server);
	return aw_main(NULL, run, &self, NULL);
}
