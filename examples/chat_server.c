/* SPDX-License-Identifier: MIT */
/* A chat, line by line: names, comings and goings; who reads too slowly is dropped. usage: chat_server [HOST [PORT]] */
#include <await/easy.h>
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum {
	NAME_MAX_LENGTH = 20,
	LINE_MAX_LENGTH = 1000,
	QUEUE_MAX = 256 * 1024 /* bytes that wait for one member */
};

typedef struct member member;

/* On the stack of the member's task. */
struct member {
	member *next;
	aw_stream *stream;
	char name[NAME_MAX_LENGTH + 1];
	bool was_slow;
};

typedef struct room {
	member *first;
	aw_server *server;
} room;

/* Never waits: what a member does not take at once is queued for it. */
static void send_to(member *self, const char *text, size_t length) {
	if (aw_stream_is_closing(self->stream)) return;
	aw_status status = aw_stream_write(self->stream, text, length);
	if (status >= 0 && aw_stream_write_buffer_size(self->stream) <= QUEUE_MAX) return;
	self->was_slow = status >= 0;
	aw_stream_abort(self->stream); /* its task finds out */
}

/* Sends a line to everybody but one. */
__attribute__((format(printf, 3, 4))) static void tell(room *self, const member *but, const char *format,
                                                       ...) {
	char text[LINE_MAX_LENGTH + 100];
	va_list values;
	va_start(values, format);
	int length = vsnprintf(text, sizeof text, format, values);
	va_end(values);
	for (member *at = self->first; at; at = at->next)
		if (at != but) send_to(at, text, (size_t)length);
}

/* Reads a line without its end; control characters become "?". Returns its length, or AW_EINCOMPLETE at the end. */
static aw_status read_line(aw_stream *stream, char out[static LINE_MAX_LENGTH + 1]) {
	const char *line;
	aw_status count = aw_stream_readline(stream, &line);
	if (count <= 0) return count < 0 ? count : AW_EINCOMPLETE;
	if (line[count - 1] == '\n') count--;
	if (count && line[count - 1] == '\r') count--;
	if (count > LINE_MAX_LENGTH) return AW_ELIMIT;
	for (int i = 0; i < count; i++) out[i] = iscntrl((unsigned char)line[i]) ? '?' : line[i];
	out[count] = 0;
	return count;
}

static bool name_is_free(const room *self, const char *name) {
	for (const member *at = self->first; at; at = at->next)
		if (!strcmp(at->name, name)) return false;
	return true;
}

static bool name_is_valid(const char *name) {
	for (const char *at = name; *at; at++)
		if (!isalnum((unsigned char)*at) && *at != '-' && *at != '_') return false;
	return *name && strlen(name) <= NAME_MAX_LENGTH;
}

static aw_status say(aw_stream *stream, const char *text) {
	return aw_stream_write(stream, text, strlen(text));
}

static aw_status ask_for_name(const room *self, member *who) {
	char line[LINE_MAX_LENGTH + 1];
	AW_TRY(say(who->stream, "Your name?\n"));
	for (;;) {
		AW_TRY(read_line(who->stream, line));
		if (!name_is_valid(line))
			AW_TRY(say(who->stream, "Up to 20 letters, digits, - and _, please.\n"));
		else if (!name_is_free(self, line))
			AW_TRY(say(who->stream, "That name is taken.\n"));
		else
			break;
	}
	strcpy(who->name, line);
	return 0;
}

static aw_status list_members(const room *self, const member *who) {
	for (const member *at = self->first; at; at = at->next) {
		AW_TRY(say(who->stream, at->name));
		AW_TRY(say(who->stream, at->next ? ", " : "\n"));
	}
	return 0;
}

static aw_status talk(room *self, member *who) {
	char line[LINE_MAX_LENGTH + 1];
	for (;;) {
		AW_TRY(read_line(who->stream, line));
		if (!strcmp(line, "/quit")) return 0;
		if (!strcmp(line, "/who"))
			AW_TRY(list_members(self, who));
		else if (*line)
			tell(self, who, "%s: %s\n", who->name, line);
		/* Who sends much has to read its answers. */
		AW_TRY(aw_stream_drain(who->stream));
	}
}

static aw_status serve(aw_stream *stream, void *ud) {
	room *self = ud;
	member who = {.stream = stream};
	aw_status status = ask_for_name(self, &who);
	if (status >= 0) {
		who.next = self->first;
		self->first = &who;
		tell(self, &who, "* %s has joined\n", who.name);
		status = talk(self, &who);
		member **at = &self->first;
		while (*at != &who) at = &(*at)->next;
		*at = who.next;
		tell(self, NULL, "* %s has left%s\n", who.name, who.was_slow ? ": too slow" : "");
	}
	if (status == AW_ELIMIT) return say(stream, "That line is too long.\n");
	/* Whatever else ends a connection is the member's affair. */
	return status == AW_ECANCELLED || status == -ENOMEM ? status : 0;
}

static aw_status stop(aw_loop *loop, void *ud) {
	(void)loop;
	room *self = ud;
	tell(self, NULL, "* the server stops\n");
	AW_TRY(aw_server_close(self->server));
	return aw_server_close_clients(self->server);
}

static aw_status wait_closed(void *server) {
	return aw_server_wait_closed(server);
}

static aw_status run(void *ud) {
	char **arguments = ud;
	const char *host = arguments[1] ? arguments[1] : "localhost";
	const char *port = arguments[1] && arguments[2] ? arguments[2] : "8008";
	room self = {NULL, NULL};
	AW_AUTO(aw_server) server = NULL;
	const aw_stream_options stream = {.size = sizeof stream, .limit = LINE_MAX_LENGTH};
	const aw_server_options options = {.size = sizeof options, .stream = &stream};
	AW_TRY(aw_start_server(serve, &self, NULL, host, port, &options, &server));
	self.server = server;
	AW_TRY(aw_loop_add_signal_handler(aw_loop_current(), SIGINT, stop, &self, NULL));
	AW_TRY(aw_loop_add_signal_handler(aw_loop_current(), SIGTERM, stop, &self, NULL));
	printf("chatting on %s port %d\n", host, aw_server_port(server, 0));
	fflush(stdout);
	AW_TRY(aw_server_serve_forever(server)); /* until stop() */
	aw_status status = aw_timeout_run(2 * AW_SECOND, wait_closed, server);
	if (status != AW_ETIMEOUT) return status;
	AW_TRY(aw_server_abort_clients(server));
	return aw_server_wait_closed(server);
}

int main(int count, char **arguments) {
	(void)count;
	return aw_main(NULL, run, arguments, NULL);
}
