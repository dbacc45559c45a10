/* SPDX-License-Identifier: MIT */
/* A server that counts letters, three clients at once, a connection that fails, and an orderly end. */
#include <await/easy.h>
#include <stdio.h>
#include <string.h>

/* One connection, in a task. The stream is the server's, which closes it afterwards. */
static aw_status serve(aw_stream *stream, void *ud) {
	int *served = ud;
	const char *line;
	aw_status length;
	while ((length = aw_stream_readline(stream, &line)) > 0) {
		if (!memcmp(line, "crash\n", 6)) return aw_raise(AW_EUSER, "told to crash");
		char answer[32];
		int size = snprintf(answer, sizeof answer, "%d letters\n", length - 1);
		AW_TRY(aw_stream_write(stream, answer, (size_t)size));
		AW_TRY(aw_stream_drain(stream));
	}
	++*served;
	return length;
}

typedef struct client {
	const char *port, *word;
	char answer[64];
} client;

static aw_status ask(void *ud) {
	client *self = ud;
	const char *line;
	AW_AUTO(aw_stream) stream = NULL;
	const aw_connect_options options = {.size = sizeof options, .timeout_ns = 10 * AW_SECOND};
	AW_TRY(aw_open_connection("127.0.0.1", self->port, &options, &stream));
	aw_status status = aw_stream_write(stream, self->word, strlen(self->word));
	if (status >= 0) status = aw_stream_write(stream, "\n", 1);
	if (status >= 0) status = aw_stream_readline(stream, &line);
	if (status == 0) snprintf(self->answer, sizeof self->answer, "no answer\n");
	if (status > 0) snprintf(self->answer, sizeof self->answer, "%.*s", status, line);
	AW_TRY(aw_stream_close(stream));
	return status < 0 ? status : aw_stream_wait_closed(stream, 10 * AW_SECOND);
}

/* What a connection's task returns is reported, and ends no other. */
static aw_status on_report(aw_loop *loop, const aw_report *report, void *ud) {
	(void)loop, (void)ud;
	printf("reported: %s\n", aw_error_message(aw_report_error(report)));
	return 0;
}

AW_MAIN() {
	int served = 0;
	AW_AUTO(aw_server) server = NULL;
	const aw_server_options options = {.size = sizeof options, .max_connections = 100};
	AW_TRY(aw_loop_set_exception_handler(aw_loop_current(), on_report, NULL, NULL));
	/* Port 0: the system picks one. */
	AW_TRY(aw_start_server(serve, &served, NULL, "127.0.0.1", "0", &options, &server));

	char port[8];
	snprintf(port, sizeof port, "%d", aw_server_port(server, 0));
	client clients[] = {{port, "apple", ""}, {port, "crash", ""}, {port, "kiwi", ""}};
	void *const inputs[] = {&clients[0], &clients[1], &clients[2]};
	AW_TRY(aw_gather_run(ask, inputs, 3, 0, NULL));
	for (int i = 0; i < 3; i++) printf("%s: %s", clients[i].word, clients[i].answer);

	AW_TRY(aw_server_close(server));         /* no new connections */
	AW_TRY(aw_server_close_clients(server)); /* those that are open send what is queued */
	AW_TRY(aw_server_wait_closed(server));   /* and their tasks have ended */
	printf("%d connections ended well\n", served);
	return 0;
}
