/* SPDX-License-Identifier: MIT */
/* A web server for the files of a folder: HTTP/1.1 with ranges, sendfile and TLS. usage: http_server [OPTION...] FOLDER */
#define _GNU_SOURCE /* scandirat, strptime */
#include <await/easy.h>
#include <await/tls.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <http_parser.h>
#include <linux/openat2.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
	HEAD_MAX = 16 * 1024,    /* of a request: its line and its headers */
	TARGET_MAX = 4 * 1024,   /* of what it asks for */
	SMALL_MAX = 16 * 1024,   /* of a file that is read, and sent together with its head */
	SEND_STEP = 256 * 1024,  /* what a client has to take within the time of `send` */
	LINGER_MAX = 1024 * 1024 /* what is read and dropped after a refusal */
};

typedef struct connection connection;

/* What all connections share. */
typedef struct site {
	const char *host, *port;
	int64_t idle, head, send, grace; /* how long a client may take, in nanoseconds */
	uint64_t max_connections;
	int root;            /* the folder */
	aw_tls_context *tls; /* or NULL: plain HTTP */
	aw_server *server;
	connection *connections;
	bool stopping;
	char small[SMALL_MAX]; /* a file, until it is written to the stream */
} site;

/* A piece of the request, in the stream's buffer. */
typedef struct text {
	const char *data;
	size_t length;
} text;

typedef struct request {
	text line, target;
	text range, if_range, if_modified_since, if_none_match;
	text *field; /* where the value of the header goes that is being read */
	bool is_complete, is_head, is_get, is_old, keeps_alive, has_host, has_body;
} request;

struct connection {
	connection *next, *previous;
	site *site;
	aw_stream *stream;
	char peer[NI_MAXHOST];
	bool is_idle; /* between two requests */
	bool closes;  /* after this response */
	bool lingers; /* the client may still be sending */
	request request;
	text head; /* a view, until the next read */
};

static bool text_is(text self, const char *word) {
	return self.length == strlen(word) && !strncasecmp(self.data, word, self.length);
}

/* --- the parser's callbacks: they get the whole head at once, and note where things are --- */

static int on_url(http_parser *parser, const char *data, size_t length) {
	((request *)parser->data)->target = (text){data, length};
	return 0;
}

static int on_field(http_parser *parser, const char *data, size_t length) {
	request *self = parser->data;
	text name = {data, length};
	self->field = text_is(name, "range")               ? &self->range
	              : text_is(name, "if-range")          ? &self->if_range
	              : text_is(name, "if-modified-since") ? &self->if_modified_since
	              : text_is(name, "if-none-match")     ? &self->if_none_match
	                                                   : NULL;
	if (text_is(name, "host")) self->has_host = true;
	return 0;
}

static int on_value(http_parser *parser, const char *data, size_t length) {
	request *self = parser->data;
	if (self->field) *self->field = (text){data, length};
	return 0;
}

static int on_head(http_parser *parser) {
	request *self = parser->data;
	self->is_complete = true;
	self->is_get = parser->method == HTTP_GET;
	self->is_head = parser->method == HTTP_HEAD;
	self->is_old = parser->http_major < 1 || (parser->http_major == 1 && parser->http_minor < 1);
	self->keeps_alive = http_should_keep_alive(parser);
	self->has_body =
		parser->flags & F_CHUNKED || (parser->content_length != UINT64_MAX && parser->content_length);
	return 1; /* a body is not read here */
}

/* Returns 0, or the code of the refusal. */
static int parse(request *self, text head) {
	static const http_parser_settings settings = {.on_url = on_url,
	                                              .on_header_field = on_field,
	                                              .on_header_value = on_value,
	                                              .on_headers_complete = on_head};
	http_parser parser;
	*self = (request){0};
	const char *line_end = memchr(head.data, '\n', head.length);
	self->line = (text){head.data, (size_t)(line_end - head.data)};
	if (self->line.length && self->line.data[self->line.length - 1] == '\r') self->line.length--;
	http_parser_init(&parser, HTTP_REQUEST);
	parser.data = self;
	size_t parsed = http_parser_execute(&parser, &settings, head.data, head.length);
	/* The parser knows a list of methods. */
	if (HTTP_PARSER_ERRNO(&parser) == HPE_INVALID_METHOD)
		return memmem(self->line.data, self->line.length, " HTTP/1.", 8) ? 405 : 400;
	if (HTTP_PARSER_ERRNO(&parser) != HPE_OK || parsed != head.length || !self->is_complete) return 400;
	if (self->target.length > TARGET_MAX) return 414;
	if (!self->is_get && !self->is_head) return 405;
	if (!self->is_old && !self->has_host) return 400;
	return 0;
}

/* --- what is sent --- */

static void format_date(time_t when, char out[static 32]) {
	struct tm parts;
	strftime(out, 32, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&when, &parts));
}

/* One line on stdout, in the form that most servers have. */
static void log_response(const connection *self, int code, uint64_t length) {
	char date[64], line[512];
	time_t now = time(NULL);
	struct tm parts;
	strftime(date, sizeof date, "%d/%b/%Y:%H:%M:%S +0000", gmtime_r(&now, &parts));
	size_t used = 0;
	for (size_t i = 0; i < self->request.line.length && used < sizeof line - 5; i++) {
		unsigned char c = (unsigned char)self->request.line.data[i];
		/* What a client sends must not look like another line. */
		bool is_plain = c >= ' ' && c < 127 && c != '"' && c != '\\';
		used += (size_t)snprintf(line + used, sizeof line - used, is_plain ? "%c" : "\\x%02x", c);
	}
	line[used] = 0;
	printf("%s - - [%s] \"%s\" %d %llu\n", self->peer, date, line, code, (unsigned long long)length);
}

/*
 * The status line and the headers; `format` is for more of them, each with its "\r\n". Then the body, unless that is
 * NULL: it is sent later.
 */
__attribute__((format(printf, 6, 7))) static aw_status send_head(connection *self, int code, const char *kind,
                                                                 uint64_t length, const void *body,
                                                                 const char *format, ...) {
	char head[TARGET_MAX + 1024], date[32];
	format_date(time(NULL), date);
	if (self->site->stopping || !self->request.keeps_alive || self->request.has_body) self->closes = true;
	int used =
		snprintf(head, sizeof head,
	             "HTTP/1.1 %d %s\r\nDate: %s\r\nServer: libawait\r\nConnection: %s\r\n"
	             "X-Content-Type-Options: nosniff\r\n",
	             code, http_status_str((enum http_status)code), date, self->closes ? "close" : "keep-alive");
	/* What is not changed has no content. */
	if (code != 304)
		used += snprintf(head + used, sizeof head - (size_t)used,
		                 "Content-Type: %s\r\nContent-Length: %llu\r\n", kind, (unsigned long long)length);
	va_list more;
	va_start(more, format);
	used += vsnprintf(head + used, sizeof head - (size_t)used, format, more);
	va_end(more);
	if (used > (int)sizeof head - 3) return aw_raisef(EMSGSIZE, "the headers are too long");
	memcpy(head + used, "\r\n", 2);
	log_response(self, code, self->request.is_head || code == 304 ? 0 : length);
	const struct iovec parts[] = {{head, (size_t)used + 2}, {(void *)(uintptr_t)body, (size_t)length}};
	return aw_stream_writelines(self->stream, parts, body && !self->request.is_head ? 2 : 1);
}

static aw_status drain(void *stream) {
	return aw_stream_drain(stream);
}

static aw_status send_page(connection *self, int code, const char *page, size_t length, const char *more) {
	AW_TRY(send_head(self, code, "text/html; charset=utf-8", length, page, "%s", more));
	return aw_timeout_run(self->site->send, drain, self->stream);
}

static aw_status send_error(connection *self, int code, const char *more) {
	char page[256];
	const char *name = http_status_str((enum http_status)code);
	int length = snprintf(page, sizeof page, "<!doctype html><title>%d %s</title><h1>%d %s</h1>\n", code,
	                      name, code, name);
	return send_page(self, code, page, (size_t)length, more);
}

/* The request was not understood, or has more to come that is not wanted: the connection ends. */
static aw_status refuse(connection *self, int code) {
	self->closes = self->lingers = true;
	return send_error(self, code, code == 405 ? "Allow: GET, HEAD\r\n" : "");
}

/* --- a file --- */

static const char *content_type(const char *name) {
	static const char *const kinds[][2] = {
		{".html", "text/html; charset=utf-8"},
		{".htm", "text/html; charset=utf-8"},
		{".css", "text/css; charset=utf-8"},
		{".js", "text/javascript; charset=utf-8"},
		{".json", "application/json"},
		{".txt", "text/plain; charset=utf-8"},
		{".md", "text/plain; charset=utf-8"},
		{".c", "text/plain; charset=utf-8"},
		{".h", "text/plain; charset=utf-8"},
		{".xml", "application/xml"},
		{".svg", "image/svg+xml"},
		{".png", "image/png"},
		{".jpg", "image/jpeg"},
		{".jpeg", "image/jpeg"},
		{".gif", "image/gif"},
		{".webp", "image/webp"},
		{".ico", "image/x-icon"},
		{".pdf", "application/pdf"},
		{".wasm", "application/wasm"},
		{".mp4", "video/mp4"},
		{".gz", "application/gzip"},
		{".zip", "application/zip"},
	};
	const char *dot = strrchr(name, '.');
	for (size_t i = 0; dot && i < sizeof kinds / sizeof *kinds; i++)
		if (!strcasecmp(dot, kinds[i][0])) return kinds[i][1];
	return "application/octet-stream";
}

/* Returns the time, or -1. */
static time_t parse_date(text self) {
	char copy[40];
	struct tm parts = {0};
	if (!self.length || self.length >= sizeof copy) return -1;
	memcpy(copy, self.data, self.length);
	copy[self.length] = 0;
	const char *rest = strptime(copy, "%a, %d %b %Y %H:%M:%S GMT", &parts);
	return rest && !*rest ? timegm(&parts) : -1;
}

static bool is_unchanged(const request *self, const char *tag, time_t changed) {
	if (self->if_none_match.data)
		return text_is(self->if_none_match, "*") ||
		       memmem(self->if_none_match.data, self->if_none_match.length, tag, strlen(tag));
	return parse_date(self->if_modified_since) >= changed;
}

typedef struct span {
	uint64_t offset, length;
} span;

static bool parse_number(text *self, uint64_t *out) {
	size_t digits = 0;
	for (*out = 0; digits < self->length && digits < 18; digits++) {
		if (self->data[digits] < '0' || self->data[digits] > '9') break;
		*out = *out * 10 + (uint64_t)(self->data[digits] - '0');
	}
	self->data += digits;
	self->length -= digits;
	return digits;
}

/* Returns 206 for one range that is there, 416 for one that is not, 200 for anything else. */
static int parse_range(text self, uint64_t size, span *out) {
	uint64_t first, last;
	*out = (span){0, size};
	if (self.length < 6 || strncasecmp(self.data, "bytes=", 6) != 0) return 200;
	self.data += 6;
	self.length -= 6;
	bool has_first = parse_number(&self, &first);
	if (!self.length || *self.data != '-') return 200;
	self.data++;
	self.length--;
	bool has_last = parse_number(&self, &last);
	if (self.length || (!has_first && !has_last)) return 200; /* several ranges get the whole */
	if (!has_first) {                                         /* the last bytes */
		if (!last || !size) return 416;
		first = last < size ? size - last : 0;
		last = size - 1;
	} else if (first >= size) {
		return 416;
	}
	if (has_first && has_last && last < first) return 200;
	if (!has_last || last >= size) last = size - 1;
	*out = (span){first, last - first + 1};
	return 206;
}

typedef struct sending {
	aw_stream *stream;
	int fd;
	span span;
	uint64_t sent;
} sending;

static aw_status send_step(void *ud) {
	sending *self = ud;
	uint64_t count = self->span.length < SEND_STEP ? self->span.length : SEND_STEP;
	return aw_stream_sendfile(self->stream, self->fd, (int64_t)self->span.offset, (int64_t)count,
	                          &self->sent);
}

static aw_status send_span(const connection *self, int fd, span part) {
	sending now = {self->stream, fd, part, 0};
	while (now.span.length) {
		/* A client that takes nothing for a while is left. */
		AW_TRY(aw_timeout_run(self->site->send, send_step, &now));
		if (!now.sent) return aw_raisef(EIO, "a file became shorter while it was sent");
		now.span.offset += now.sent;
		now.span.length -= now.sent;
	}
	return 0;
}

/* The head leaves in one packet with the beginning of the file. Under TLS it is a record that need not wait. */
static void cork(const connection *self, int on) {
	int fd = self->site->tls ? -1 : aw_stream_fd(self->stream);
	if (fd >= 0) (void)setsockopt(fd, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
}

static aw_status read_small(const connection *self, int fd, span part) {
	ssize_t count;
	do count = pread(fd, self->site->small, part.length, (off_t)part.offset);
	while (count < 0 && errno == EINTR);
	if (count < 0) return -errno;
	return (uint64_t)count == part.length ? 0 : aw_raisef(EIO, "a file became shorter while it was sent");
}

static aw_status send_file(connection *self, int fd, const struct stat *file, const char *name) {
	const request *asked = &self->request;
	char tag[64], date[32];
	uint64_t size = (uint64_t)file->st_size;
	snprintf(tag, sizeof tag, "\"%llx-%llx-%lx\"", (unsigned long long)size,
	         (unsigned long long)file->st_mtim.tv_sec, (unsigned long)file->st_mtim.tv_nsec);
	format_date(file->st_mtim.tv_sec, date);
	span part = {0, size};
	int code = 200;
	if (is_unchanged(asked, tag, file->st_mtim.tv_sec))
		return send_head(self, 304, NULL, 0, NULL, "ETag: %s\r\nLast-Modified: %s\r\n", tag, date);
	if (asked->range.data &&
	    (!asked->if_range.data || text_is(asked->if_range, tag) || text_is(asked->if_range, date)))
		code = parse_range(asked->range, size, &part);
	char range[96] = "";
	if (code == 206)
		snprintf(range, sizeof range, "Content-Range: bytes %llu-%llu/%llu\r\n",
		         (unsigned long long)part.offset, (unsigned long long)(part.offset + part.length - 1),
		         (unsigned long long)size);
	if (code == 416) {
		snprintf(range, sizeof range, "Content-Range: bytes */%llu\r\n", (unsigned long long)size);
		return send_error(self, 416, range);
	}
	bool at_once = asked->is_head || part.length <= SMALL_MAX;
	if (!at_once)
		cork(self, true);
	else if (!asked->is_head)
		AW_TRY(read_small(self, fd, part));
	AW_TRY(send_head(self, code, content_type(name), part.length, at_once ? self->site->small : NULL,
	                 "Accept-Ranges: bytes\r\nETag: %s\r\nLast-Modified: %s\r\n%s", tag, date, range));
	if (at_once)
		return aw_stream_write_buffer_size(self->stream)
		           ? aw_timeout_run(self->site->send, drain, self->stream)
		           : 0;
	AW_TRY(send_span(self, fd, part));
	cork(self, false);
	return 0;
}

/* --- a folder --- */

static void print_html(FILE *page, const char *words) {
	for (; *words; words++) {
		const char *safe = *words == '<'   ? "&lt;"
		                   : *words == '>' ? "&gt;"
		                   : *words == '&' ? "&amp;"
		                   : *words == '"' ? "&quot;"
		                                   : NULL;
		if (safe)
			fputs(safe, page);
		else
			fputc(*words, page);
	}
}

static void print_link(FILE *page, const char *name) {
	for (; *name; name++) {
		bool is_plain = strchr("-._~", *name) || (*name >= '0' && *name <= '9') ||
		                (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z');
		fprintf(page, is_plain ? "%c" : "%%%02X", (unsigned char)*name);
	}
}

static int is_shown(const struct dirent *entry) {
	return entry->d_name[0] != '.';
}

static void print_entry(FILE *page, int folder, const char *name) {
	struct stat file;
	char date[32];
	struct tm parts;
	if (fstatat(folder, name, &file, 0) < 0) return;
	const char *slash = S_ISDIR(file.st_mode) ? "/" : "";
	strftime(date, sizeof date, "%Y-%m-%d %H:%M", gmtime_r(&file.st_mtim.tv_sec, &parts));
	fputs("<tr><td><a href=\"./", page);
	print_link(page, name);
	fprintf(page, "%s\">", slash);
	print_html(page, name);
	fprintf(page, "%s</a><td>%s<td>", slash, date);
	if (S_ISREG(file.st_mode)) fprintf(page, "%lld", (long long)file.st_size);
	fputs("\n", page);
}

static aw_status send_folder(connection *self, int folder, const char *path) {
	char *html = NULL;
	size_t length = 0;
	struct dirent **entries = NULL;
	int count = scandirat(folder, ".", &entries, is_shown, alphasort);
	if (count < 0) return send_error(self, 403, "");
	FILE *page = open_memstream(&html, &length);
	if (page) {
		fputs("<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>/", page);
		print_html(page, path);
		fputs("</title><style>td{padding:0 2em 0 0}</style>\n<h1>/", page);
		print_html(page, path);
		fputs("</h1>\n<table>\n", page);
		if (*path) fputs("<tr><td><a href=\"../\">../</a><td><td>\n", page);
	}
	for (int i = 0; i < count; i++) {
		if (page) print_entry(page, folder, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	if (!page) return -ENOMEM;
	fputs("</table></html>\n", page);
	aw_status status = fclose(page) == 0 ? send_page(self, 200, html, length, "") : -ENOMEM;
	free(html);
	return status;
}

/* --- from a target to a file --- */

static int hex_digit(char c) {
	if (c >= '0' && c <= '9') return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The path below the folder, without "/" in front. False if it is none. */
static bool decode_path(text self, char out[static TARGET_MAX + 1]) {
	size_t used = 0;
	for (size_t i = 0; i < self.length; i++) {
		char c = self.data[i];
		if (c == '%') {
			if (self.length - i < 3) return false;
			int high = hex_digit(self.data[i + 1]), low = hex_digit(self.data[i + 2]);
			if (high < 0 || low < 0 || !(high | low)) return false;
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (used || c != '/') out[used++] = c;
	}
	out[used] = 0;
	for (const char *part = out; *part; part += strspn(part, "/")) {
		size_t length = strcspn(part, "/");
		if (length == 2 && !memcmp(part, "..", 2)) return false;
		part += length;
	}
	return true;
}

/* The kernel sees to it that neither ".." nor a symbolic link leads out of the folder. */
static int open_below(int folder, const char *path) {
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK, .resolve = RESOLVE_BENEATH};
	return (int)syscall(SYS_openat2, folder, *path ? path : ".", &how, sizeof how);
}

static int code_of_errno(void) {
	switch (errno) {
	case ENOENT:
	case ENOTDIR:
	case ELOOP:
	case EXDEV: return 404;
	case EACCES:
	case EPERM: return 403;
	case ENAMETOOLONG: return 414;
	case EMFILE:
	case ENFILE:
	case ENOMEM: return 503;
	default: return 500;
	}
}

static aw_status send_folder_or_index(connection *self, int folder, const char *path, text raw) {
	if (*path && path[strlen(path) - 1] != '/') {
		/* The links of the page are relative to it. */
		char where[TARGET_MAX + 32];
		while (raw.length && *raw.data == '/') raw.data++, raw.length--;
		snprintf(where, sizeof where, "Location: /%.*s/\r\n", (int)raw.length, raw.data);
		return send_error(self, 301, where);
	}
	struct stat file;
	int index = open_below(folder, "index.html");
	if (index < 0) return send_folder(self, folder, path);
	aw_status status = fstat(index, &file) == 0 && S_ISREG(file.st_mode)
	                       ? send_file(self, index, &file, "index.html")
	                       : send_folder(self, folder, path);
	close(index);
	return status;
}

static aw_status respond(connection *self) {
	char path[TARGET_MAX + 1];
	struct http_parser_url url;
	http_parser_url_init(&url);
	text target = self->request.target;
	if (http_parser_parse_url(target.data, target.length, 0, &url) || !(url.field_set & 1 << UF_PATH))
		return refuse(self, 400);
	text raw = {target.data + url.field_data[UF_PATH].off, url.field_data[UF_PATH].len};
	if (!decode_path(raw, path)) return refuse(self, 400);
	int fd = open_below(self->site->root, path);
	if (fd < 0) return send_error(self, code_of_errno(), "");
	struct stat file;
	aw_status status = fstat(fd, &file) < 0     ? send_error(self, 500, "")
	                   : S_ISDIR(file.st_mode)  ? send_folder_or_index(self, fd, path, raw)
	                   : !S_ISREG(file.st_mode) ? send_error(self, 403, "")
	                                            : send_file(self, fd, &file, path);
	close(fd);
	return status;
}

/* --- a connection --- */

static aw_status wait_for_request(void *ud) {
	const connection *self = ud;
	const char *data;
	return aw_stream_peek(self->stream, 1, &data);
}

static aw_status read_head(void *ud) {
	static struct iovec ends[] = {{"\n\r\n", 3}, {"\n\n", 2}};
	connection *self = ud;
	aw_status length = aw_stream_readuntil_any(self->stream, ends, 2, &self->head.data);
	if (length > 0) self->head.length = (size_t)length;
	return length;
}

static aw_status drop_the_rest(void *ud) {
	const connection *self = ud;
	char buffer[4096];
	aw_status count;
	for (size_t total = 0; total < LINGER_MAX; total += (size_t)count)
		if ((count = aw_stream_read(self->stream, buffer, sizeof buffer)) <= 0) return count;
	return 0;
}

/* The head did not come in time, or is too long. */
static aw_status refuse_head(connection *self, aw_status why) {
	const char *data = "";
	self->request = (request){0};
	if (why == AW_ETIMEOUT) return refuse(self, 408);
	if (why != AW_ELIMIT) return why;
	aw_status length = aw_stream_view(self->stream, &data);
	return refuse(self, length > 0 && memchr(data, '\n', (size_t)length) ? 431 : 414);
}

static aw_status serve_request(connection *self) {
	self->is_idle = true;
	aw_status status = aw_timeout_run(self->site->idle, wait_for_request, self);
	self->is_idle = false;
	if (status == AW_ETIMEOUT) {
		self->closes = true;
		return 0;
	}
	AW_TRY(status);
	status = aw_timeout_run(self->site->head, read_head, self);
	if (status < 0) return refuse_head(self, status);
	int refusal = parse(&self->request, self->head);
	return refusal ? refuse(self, refusal) : respond(self);
}

static aw_status serve_requests(connection *self) {
	aw_status status = 0;
	while (status >= 0 && !self->closes && !self->site->stopping) status = serve_request(self);
	if (status < 0 || !self->lingers || !aw_stream_can_write_eof(self->stream)) return status;
	/* Closing now would reset the connection, and the client might not see the response. */
	AW_TRY(aw_stream_write_eof(self->stream));
	return aw_timeout_run(2 * AW_SECOND, drop_the_rest, self);
}

/* Any stream will do: a TCP connection, one with TLS, or one in memory for a test. */
static aw_status serve_stream(aw_stream *stream, site *shared) {
	connection *self = calloc(1, sizeof *self);
	if (!self) return -ENOMEM;
	*self = (connection){.site = shared, .stream = stream, .next = shared->connections, .peer = "-"};
	shared->connections = self;
	if (self->next) self->next->previous = self;
	struct sockaddr_storage address;
	uint32_t length = sizeof address;
	if (aw_stream_getpeername(stream, (struct sockaddr *)&address, &length) == 0)
		(void)getnameinfo((struct sockaddr *)&address, length, self->peer, sizeof self->peer, NULL, 0,
		                  NI_NUMERICHOST);

	aw_status status = serve_requests(self);

	if (self->next) self->next->previous = self->previous;
	if (self->previous)
		self->previous->next = self->next;
	else
		shared->connections = self->next;
	free(self);
	switch (status) {
	case AW_EINCOMPLETE: /* between requests, or in the middle of one */
	case -ECONNRESET:
	case -ECONNABORTED:
	case AW_ETRUNCATED:
	case AW_ETLS:
	case -EPIPE: return 0; /* a client that goes away, or breaks the rules, is nothing to report */
	case AW_ETIMEOUT:
	case -EIO: return aw_stream_abort(stream); /* it must not look like a complete response */
	default: return status;
	}
}

static aw_status serve(aw_stream *stream, void *ud) {
	site *shared = ud;
	if (!shared->tls) return serve_stream(stream, shared);
	/* The handshake takes over a reference, and gives one to the stream that encrypts. */
	AW_AUTO(aw_stream) secure = aw_stream_ref(stream);
	aw_status status = aw_tls_accept(secure, shared->tls, NULL, &secure);
	/* A client that does not agree is nothing to report. */
	if (status < 0) return status == AW_ECANCELLED || status == -ENOMEM ? status : 0;
	status = serve_stream(secure, shared);
	aw_stream_close(secure);
	return status;
}

/* --- the server --- */

static aw_status load_certificate(site *self, const char *certificate, const char *key) {
	AW_TRY(aw_tls_context_new(AW_TLS_SERVER, &self->tls));
	return aw_tls_context_load_cert_chain(self->tls, certificate, key, NULL);
}

/* What was asked is answered; a second signal ends that too. */
static aw_status stop(aw_loop *loop, void *ud) {
	(void)loop;
	site *self = ud;
	if (self->stopping) return aw_server_abort_clients(self->server);
	self->stopping = true;
	for (connection *at = self->connections; at; at = at->next)
		if (at->is_idle) AW_TRY(aw_stream_close(at->stream));
	return aw_server_close(self->server);
}

static aw_status wait_closed(void *server) {
	return aw_server_wait_closed(server);
}

static aw_status run(void *ud) {
	site *self = ud;
	AW_AUTO(aw_server) server = NULL;
	const aw_stream_options stream = {.size = sizeof stream, .limit = HEAD_MAX};
	const aw_server_options options = {
		.size = sizeof options, .max_connections = self->max_connections, .stream = &stream};
	AW_TRY(aw_start_server(serve, self, NULL, self->host, self->port, &options, &server));
	self->server = server;
	AW_TRY(aw_loop_add_signal_handler(aw_loop_current(), SIGINT, stop, self, NULL));
	AW_TRY(aw_loop_add_signal_handler(aw_loop_current(), SIGTERM, stop, self, NULL));
	printf("serving on %s://%s:%d/\n", self->tls ? "https" : "http", self->host, aw_server_port(server, 0));
	AW_TRY(aw_server_serve_forever(server)); /* until stop() closes it */
	aw_status status = aw_timeout_run(self->grace, wait_closed, server);
	if (status != AW_ETIMEOUT) return status;
	AW_TRY(aw_server_abort_clients(server));
	return aw_server_wait_closed(server);
}

static int64_t seconds(const char *number) {
	return (int64_t)(atof(number) * AW_SECOND);
}

static int usage(const char *name) {
	fprintf(stderr,
	        "usage: %s [OPTION...] FOLDER\n"
	        "  -a HOST     the address to listen on (localhost)\n"
	        "  -p PORT     the port (8080)\n"
	        "  -c COUNT    the most connections at a time (1000)\n"
	        "  -i SECONDS  for a client to begin its next request (60)\n"
	        "  -r SECONDS  for it to send the request's head (10)\n"
	        "  -s SECONDS  for it to take 256 KiB (60)\n"
	        "  -g SECONDS  for requests to end after SIGTERM (30)\n"
	        "  -t FILE     a certificate chain, for HTTPS\n"
	        "  -k FILE     its private key\n",
	        name);
	return 2;
}

int main(int count, char **arguments) {
	site self = {.host = "localhost",
	             .port = "8080",
	             .idle = 60 * AW_SECOND,
	             .head = 10 * AW_SECOND,
	             .send = 60 * AW_SECOND,
	             .grace = 30 * AW_SECOND,
	             .max_connections = 1000};
	const char *certificate = NULL, *key = NULL;
	for (int option; (option = getopt(count, arguments, "a:p:c:i:r:s:g:t:k:")) != -1;) {
		switch (option) {
		case 'a': self.host = optarg; break;
		case 'p': self.port = optarg; break;
		case 'c': self.max_connections = strtoull(optarg, NULL, 10); break;
		case 'i': self.idle = seconds(optarg); break;
		case 'r': self.head = seconds(optarg); break;
		case 's': self.send = seconds(optarg); break;
		case 'g': self.grace = seconds(optarg); break;
		case 't': certificate = optarg; break;
		case 'k': key = optarg; break;
		default: return usage(arguments[0]);
		}
	}
	if (optind + 1 != count || !certificate != !key) return usage(arguments[0]);
	if (certificate && load_certificate(&self, certificate, key) < 0) {
		fprintf(stderr, "%s: this certificate or its key cannot be used\n", certificate);
		return 1;
	}
	self.root = open(arguments[optind], O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (self.root < 0) {
		perror(arguments[optind]);
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0); /* the log, a line at a time */
	int code = aw_main(NULL, run, &self, NULL);
	aw_tls_context_unref(self.tls);
	close(self.root);
	return code;
}
