/* SPDX-License-Identifier: MIT */
/* Pseudo-terminals: two descriptors and a size. */
#include "failure.h"
#include "os.h"

#include <await/pty.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>

enum { CHARACTERS_MAX = 65535 };

static bool is_size(int32_t rows, int32_t columns) {
	return rows >= 0 && rows <= CHARACTERS_MAX && columns >= 0 && columns <= CHARACTERS_MAX;
}

static aw_status set_size(int fd, int32_t rows, int32_t columns) {
	struct winsize size = {0};
	/* Some programs keep the size in pixels there as well. */
	if (ioctl(fd, TIOCGWINSZ, &size) < 0) return -errno;
	size.ws_row = (unsigned short)rows;
	size.ws_col = (unsigned short)columns;
	return ioctl(fd, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

ENTRY(aw_pty_open, (int32_t rows, int32_t columns, int *out_master, int *out_terminal),
      (rows, columns, out_master, out_terminal)) {
	if (!out_master || !out_terminal || !is_size(rows, columns)) return -EINVAL;
	int master = -1, terminal = -1;
	aw_status status = os_pty(&master, &terminal);
	if (status == 0 && (rows || columns)) status = set_size(master, rows, columns);
	if (status < 0) {
		os_close(&master);
		os_close(&terminal);
		return status;
	}
	*out_master = master;
	*out_terminal = terminal;
	return 0;
}

ENTRY(aw_pty_name, (int master, char *text, size_t size), (master, text, size)) {
	if (!text) return -EINVAL;
	int saved = errno, error = ptsname_r(master, text, size);
	errno = saved;
	return -error;
}

ENTRY(aw_pty_set_size, (int fd, int32_t rows, int32_t columns), (fd, rows, columns)) {
	return is_size(rows, columns) ? set_size(fd, rows, columns) : -EINVAL;
}

ENTRY(aw_pty_size, (int fd, int32_t *out_rows, int32_t *out_columns), (fd, out_rows, out_columns)) {
	struct winsize size;
	if (ioctl(fd, TIOCGWINSZ, &size) < 0) return -errno;
	if (out_rows) *out_rows = size.ws_row;
	if (out_columns) *out_columns = size.ws_col;
	return 0;
}
