/* SPDX-License-Identifier: MIT */
/* Whether a file is a whole shared object, before the dynamic linker gets it. */
#ifndef CORE_ELF_CHECK_H
#define CORE_ELF_CHECK_H

/*
 * NULL if the file's headers and its dynamic section agree with each other and with its size; else why not,
 * as static text. This finds files that were cut short or damaged. It does not protect from a hostile file,
 * whose code would run anyway: trust.h does.
 */
const char *elf_check(int fd);

#endif
