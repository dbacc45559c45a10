/* SPDX-License-Identifier: MIT */
/* X01: A line that does not end within the limit is an error, and readuntil keeps what has arrived. */
#include "streams.h"

static void feed(ends *streams, const char *text) {
	static const aw_stream_options options = {.size = sizeof options, .limit = 3};
	*streams = memory_pair(&options);
	write_text(streams->left, text);
}

static aw_status program(void *ud) {
	(void)ud;
	ends streams;
	const char *line = NULL;
	char text[21] = "";
	feed(&streams, "abcdef\nok\n");
	for (int i = 0; i < 2; i++)
		if (aw_stream_readuntil(streams.right, "\n", 1, &line) == AW_ELIMIT) trace("limit");
	must(aw_stream_readexactly(streams.right, text, 7));
	trace("%.6s", text);
	aw_status length = must(aw_stream_readline(streams.right, &line));
	trace("%.*s", length - 1, line);
	drop(&streams);

	feed(&streams, "abcdefgh");
	if (aw_stream_readuntil(streams.right, "\n", 1, &line) == AW_ELIMIT) trace("limit");
	must(aw_stream_read(streams.right, text, 20));
	trace("%.8s", text);
	drop(&streams);

	/* The separator does not count. */
	feed(&streams, "abc\nabcd\n");
	length = must(aw_stream_readline(streams.right, &line));
	trace("%.*s", length - 1, line);
	if (aw_stream_readline(streams.right, &line) == AW_ELIMIT) trace("limit");
	drop(&streams);
	return 0;
}

CASE(trap_X01, 0, CASE_ANY) {
	return aw_run(NULL, program, NULL, NULL, NULL);
}
