/* SPDX-License-Identifier: MIT */
/* Decides which files may be loaded as code, and locates this library's own file. */
#ifndef CORE_TRUST_H
#define CORE_TRUST_H

#include <await/base.h>

/*
 * Opens the plug-in at `path` (absolute) for reading, provided that only root, the effective user, and the
 * owner of this library's file can have placed or changed it. Returns the descriptor; -EPERM if another user
 * can; another error if it is missing or not a file. On failure `why` contains the reason, terminated.
 */
int trust_open(const char *path, char *why, size_t length);

/*
 * Returns the absolute path of this library's file, without symbolic links; "" if unknown. The string is
 * static.
 */
const char *trust_library_file(void);

#endif
