/* SPDX-License-Identifier: MIT */
/* A line on standard error that names the owner of a stack that overflowed, before the program dies of it. */
#ifndef CORE_OVERFLOW_H
#define CORE_OVERFLOW_H

/*
 * Installs the SIGSEGV handler, once per process, and an alternate stack for the calling thread unless it has
 * one. 0, or a negative errno. The handler reports and hands over to the one found before.
 */
int overflow_report_install(void);

#endif
