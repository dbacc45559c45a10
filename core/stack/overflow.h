/* SPDX-License-Identifier: MIT */
/* Prints a line to standard error that names the owner of an overflowed stack, before the process dies. */
#ifndef CORE_OVERFLOW_H
#define CORE_OVERFLOW_H

/*
 * Installs the SIGSEGV handler, once per process, and an alternate stack for the calling thread unless it has
 * one. Returns 0 or a negative errno. After its report, the handler calls the previous one.
 */
int overflow_report_install(void);

#endif
