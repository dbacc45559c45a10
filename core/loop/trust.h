/* SPDX-License-Identifier: MIT */
/* Which files may become code of this process, and where this library itself lies. */
#ifndef CORE_TRUST_H
#define CORE_TRUST_H

#include <await/base.h>

/*
 * Opens the plug-in at `path` (absolute) for reading, if nobody can have put it there or changed it but root,
 * the effective user, and the owner of the file that holds this library. Returns the descriptor; -EPERM if
 * somebody else can, another status if it is not there or not a file. Then `why` has the reason, terminated.
 */
int trust_open(const char *path, char *why, size_t length);

/*
 * The file that holds this library's code, absolute, without symbolic links; "" if the system does not tell.
 * Static.
 */
const char *trust_library_file(void);

#endif
