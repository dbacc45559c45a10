/* SPDX-License-Identifier: MIT */
/* A protocol of lines and lengths between two streams: reading, writing, the end of each direction, closing. */
#include <await/easy.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const char *find(const char *name, size_t length) {
	if (length == 4 && !memcmp(name, "poem", 4)) return "Roses are red,\nviolets are blue.\n";
	if (length == 5 && !memcmp(name, "empty", 5)) return "";
	return NULL;
}

/* Answers each line "NAME" with a line that holds a length, and so many bytes; or with "none". */
static aw_status answer(void *ud) {
	aw_stream *stream = ud;
	const char *name;
	aw_status length;
	/* The line is a view: it stays in the stream's buffer until the next read. */
	while ((length = aw_stream_readline(stream, &name)) > 0) {
		const char *text = find(name, (size_t)length - 1);
		char head[32] = "none\n";
		if (text) snprintf(head, sizeof head, "%zu\n", strlen(text));
		/* Neither call waits, and what one iteration writes is sent together. */
		AW_TRY(aw_stream_write(stream, head, strlen(head)));
		if (text) AW_TRY(aw_stream_write(stream, text, strlen(text)));
		/* Waits if the other side does not read. */
		AW_TRY(aw_stream_drain(stream));
	}
	AW_TRY(length);
	printf("no more questions\n");
	return aw_stream_close(stream);
}

static aw_status ask(aw_stream *stream, const char *name) {
	const char *line;
	char number[16] = "", *end;
	AW_TRY(aw_stream_write(stream, name, strlen(name)));
	AW_TRY(aw_stream_write(stream, "\n", 1));
	aw_status count = aw_stream_readline(stream, &line);
	AW_TRY(count);
	if ((size_t)count < sizeof number)
		memcpy(number, line, (size_t)count); /* a view has no zero at its end */
	long length = strtol(number, &end, 10);
	if (end == number) {
		printf("%s: there is none\n", name);
		return 0;
	}
	char text[256];
	if (length > (long)sizeof text) return aw_raisef(AW_ELIMIT, "%ld bytes", length);
	AW_TRY(aw_stream_readexactly(stream, text, (size_t)length));
	printf("%s: %ld bytes\n%.*s", name, length, (int)length, text);
	return 0;
}

AW_MAIN() {
	int fds[2];
	AW_AUTO(aw_stream) left = NULL;
	AW_AUTO(aw_stream) right = NULL;
	AW_AUTO(aw_future) answered = NULL;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) return aw_raise(-errno, "socketpair");
	AW_TRY(aw_stream_from_fd(NULL, fds[0], NULL, &left)); /* the descriptors are the streams' now */
	AW_TRY(aw_stream_from_fd(NULL, fds[1], NULL, &right));
	AW_TRY(aw_task_spawn_future(NULL, answer, right, NULL, &answered));

	AW_TRY(ask(left, "poem"));
	AW_TRY(ask(left, "essay"));
	AW_TRY(ask(left, "empty"));
	AW_TRY(aw_stream_write_eof(left)); /* we ask no more, and could still read */
	AW_TRY(aw_await(answered, NULL));

	char byte;
	aw_status count = aw_stream_read(left, &byte, 1);
	printf("a read at the end: %d\n", count);
	AW_TRY(aw_stream_close(left));
	AW_TRY(aw_stream_wait_closed(left, 10 * AW_SECOND));
	return aw_stream_wait_closed(right, 10 * AW_SECOND);
}
