/* SPDX-License-Identifier: MIT */
/*
 * Plug-ins from outside: files, and the names and folders to look for them.
 *
 * A file is refused with the reason that elf_check() gives; or each byte that its headers and its dynamic
 * section name can be read once it is mapped, which the target does as the dynamic linker would. The dynamic
 * linker itself gets only the undamaged plug-in: what a changed one does that passes is up to its code.
 */
#include "bytes.h"
#include "elf_check.h"

#include <await/error.h>
#include <await/loop.h>
#include <await/registry.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef DT_RELR
#define DT_RELRSZ 35
#define DT_RELR   36
#endif

enum { FILE_MAX = 1 << 17, PAGE = 4096, LOADS_MAX = 16 };

static char whole[FILE_MAX], file[FILE_MAX];
static size_t whole_length, file_length;
static char folder[PATH_MAX - 64], path[PATH_MAX];

static void folder_remove(void) {
	unlink(path);
	rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
	(void)argc, (void)argv;
	FILE *from = fopen(PLUGIN_FILE, "rb");
	HOLDS(from);
	whole_length = fread(whole, 1, sizeof whole, from);
	fclose(from);
	const char *temporary = getenv("TMPDIR");
	snprintf(folder, sizeof folder, "%s/await-fuzz-XXXXXX", temporary ? temporary : "/tmp");
	HOLDS(whole_length > PAGE && whole_length < sizeof whole && mkdtemp(folder));
	snprintf(path, sizeof path, "%s/libawait-backend-fuzz.so", folder);
	atexit(folder_remove);
	unsetenv("AWAIT_BACKEND");
	unsetenv("AWAIT_BACKEND_PATH");
	return 0;
}

/* --- as the dynamic linker maps it --- */

typedef struct mapping {
	char *base; /* of address 0 */
	uint64_t first, span;
	const ElfW(Dyn) * dynamic;
} mapping;

static const ElfW(Phdr) * part_at(unsigned i) {
	const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)file;
	return (const ElfW(Phdr) *)(file + header->e_phoff) + i;
}

static unsigned part_count(void) {
	return ((const ElfW(Ehdr) *)file)->e_phnum;
}

static void read_range(const mapping *self, uint64_t at, uint64_t size) {
	const volatile char *from = (const char *)((uintptr_t)self->base + at); /* of nothing: anywhere */
	for (uint64_t i = 0; i < size; i += 64) (void)from[i];
	if (size) (void)from[size - 1];
}

static void map_segment(const mapping *self, int fd, const ElfW(Phdr) * part, uint64_t *end) {
	typedef __int128 wide; /* wide enough to never overflow */
	wide start = part->p_vaddr / PAGE * PAGE,
		 in_file = ((wide)part->p_vaddr + part->p_filesz + PAGE - 1) / PAGE * PAGE,
		 in_memory = ((wide)part->p_vaddr + part->p_memsz + PAGE - 1) / PAGE * PAGE;
	HOLDS(start >= (wide)*end && in_file <= in_memory);
	HOLDS(start >= (wide)self->first && in_memory <= (wide)self->first + (wide)self->span);
	HOLDS((wide)part->p_offset + part->p_filesz <= (wide)file_length);
	HOLDS(part->p_vaddr % PAGE == part->p_offset % PAGE);
	int access = (part->p_flags & PF_R ? PROT_READ : 0) | (part->p_flags & PF_W ? PROT_WRITE : 0);
	*end = (uint64_t)in_memory;
	if (in_file > start)
		HOLDS(mmap(self->base + (uint64_t)start, (size_t)(in_file - start), access, MAP_PRIVATE | MAP_FIXED,
		           fd, (off_t)(part->p_offset / PAGE * PAGE)) != MAP_FAILED);
	if (in_memory > in_file)
		HOLDS(mmap(self->base + (uint64_t)in_file, (size_t)(in_memory - in_file), access,
		           MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) != MAP_FAILED);
}

static void map_segments(mapping *self, int fd) {
	uint64_t end = 0;
	bool any = false;
	for (unsigned i = 0; i < part_count(); i++) {
		const ElfW(Phdr) *part = part_at(i);
		if (part->p_type != PT_LOAD) continue;
		if (!any) self->first = part->p_vaddr / PAGE * PAGE;
		any = true;
		self->span = part->p_vaddr + part->p_memsz + PAGE - self->first;
	}
	HOLDS(any && self->span <= (UINT64_C(1) << 30) + 2 * PAGE);
	char *at = mmap(NULL, self->span, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	HOLDS(at != MAP_FAILED);
	self->base = (char *)((uintptr_t)at - self->first);
	for (unsigned i = 0; i < part_count(); i++)
		if (part_at(i)->p_type == PT_LOAD) map_segment(self, fd, part_at(i), &end);
}

static void read_parts(mapping *self) {
	for (unsigned i = 0; i < part_count(); i++) {
		const ElfW(Phdr) *part = part_at(i);
		switch (part->p_type) {
		case PT_DYNAMIC:
			HOLDS(!self->dynamic);
			self->dynamic = (const ElfW(Dyn) *)(self->base + part->p_vaddr);
			break;
		case PT_TLS: HOLDS(part->p_memsz <= 1 << 20 && part->p_align <= PAGE); /* fall through */
		case PT_PHDR:
		case PT_NOTE:
		case PT_GNU_EH_FRAME: read_range(self, part->p_vaddr, part->p_filesz); break;
		case PT_GNU_RELRO:
			/* All of it can be made read-only. */
			HOLDS(mprotect(self->base + part->p_vaddr / PAGE * PAGE,
			               (part->p_vaddr % PAGE + part->p_memsz) / PAGE * PAGE, PROT_READ) == 0);
			break;
		default: break;
		}
	}
	HOLDS(self->dynamic);
}

static const ElfW(Dyn) * entry_of(const mapping *self, ElfW(Sxword) tag) {
	const ElfW(Dyn) *found = NULL;
	for (const ElfW(Dyn) *at = self->dynamic; at->d_tag != DT_NULL; at++)
		if (at->d_tag == tag) found = at;
	return found;
}

static void read_tables(const mapping *self) {
	static const ElfW(Sxword) tables[][2] = {{DT_STRTAB, DT_STRSZ},    {DT_RELA, DT_RELASZ},
	                                         {DT_REL, DT_RELSZ},       {DT_RELR, DT_RELRSZ},
	                                         {DT_JMPREL, DT_PLTRELSZ}, {DT_INIT_ARRAY, DT_INIT_ARRAYSZ},
	                                         {DT_SYMTAB, 0},           {DT_FINI_ARRAY, DT_FINI_ARRAYSZ}};
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		const ElfW(Dyn) *at = entry_of(self, tables[i][0]), *size = entry_of(self, tables[i][1]);
		HOLDS(!at || size || !tables[i][1]);
		if (at) read_range(self, at->d_un.d_ptr, tables[i][1] ? size->d_un.d_val : sizeof(ElfW(Sym)));
	}
	const char *strings = self->base + entry_of(self, DT_STRTAB)->d_un.d_ptr;
	for (const ElfW(Dyn) *at = self->dynamic; at->d_tag != DT_NULL; at++) {
		if (at->d_tag == DT_NEEDED || at->d_tag == DT_SONAME || at->d_tag == DT_RUNPATH)
			HOLDS(strlen(strings + at->d_un.d_val) < FILE_MAX);
		/* Asserted by the dynamic linker. */
		if (at->d_tag == DT_SYMENT) HOLDS(entry_of(self, DT_SYMENT)->d_un.d_val == sizeof(ElfW(Sym)));
		if (at->d_tag == DT_RELAENT) HOLDS(entry_of(self, DT_RELAENT)->d_un.d_val == sizeof(ElfW(Rela)));
	}
}

typedef uint32_t word __attribute__((aligned(1)));

/* Like a symbol lookup, which may use any bucket. */
static void read_symbols(const mapping *self) {
	const ElfW(Dyn) *gnu = entry_of(self, DT_GNU_HASH), *old = entry_of(self, DT_HASH);
	HOLDS(gnu || old);
	if (gnu) {
		const word *hash = (const word *)(self->base + gnu->d_un.d_ptr);
		uint64_t buckets = hash[0], words = hash[2];
		HOLDS(buckets && words && !(words & (words - 1)));
		read_range(self, gnu->d_un.d_ptr + 16, words * sizeof(ElfW(Addr)) + buckets * 4);
	}
	if (old) {
		const word *hash = (const word *)(self->base + old->d_un.d_ptr);
		uint64_t buckets = hash[0], chains = hash[1];
		HOLDS(buckets);
		read_range(self, old->d_un.d_ptr, (2 + buckets + chains) * 4);
	}
}

static void map_it(int fd) {
	mapping self = {0};
	map_segments(&self, fd);
	read_parts(&self);
	read_tables(&self);
	read_symbols(&self);
	munmap(self.base + self.first, self.span);
}

/* --- a file --- */

static void ask_for_it(aw_status want, const char *why) {
	char said[2048];
	aw_status status = aw_backend_explain(path, said, sizeof said);
	if (status != want || !strstr(said, why)) fprintf(stderr, "%s, not: %s\n", said, why);
	SAME(status, want);
	HOLDS(strstr(said, why));
}

/* Each under a new path, since a plug-in stays loaded; and only a few of them. */
static void load_it(void) {
	static int loads;
	if (loads++ >= LOADS_MAX) return;
	char first[PATH_MAX];
	memcpy(first, path, sizeof path);
	snprintf(path, sizeof path, "%s/loaded-%d.so", folder, loads);
	HOLDS(rename(first, path) == 0);
	ask_for_it(0, "fuzz: ");
	unlink(path);
	memcpy(path, first, sizeof path);
}

static void try_file(bool is_changed) {
	unlink(path);
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	HOLDS(fd >= 0 && write(fd, file, file_length) == (ssize_t)file_length);
	const char *flaw = elf_check(fd);
	if (flaw)
		ask_for_it(AW_ENOBACKEND, flaw);
	else
		map_it(fd);
	close(fd);
	if (!is_changed) HOLDS(!flaw);
	if (!is_changed) load_it();
	unlink(path); /* otherwise a name could load it, and it would stay loaded under this path */
}

/* --- damage --- */

static uint64_t number(bytes *in, uint64_t old) {
	static const uint64_t notable[] = {0,          1,          8,         4095,       4096,
	                                   1 << 20,    UINT32_MAX, INT64_MAX, UINT64_MAX, 1ULL << 32,
	                                   1ULL << 62, 1ULL << 63, -8ULL,     -4096ULL,   1ULL << 30};
	switch (bytes_below(in, 5)) {
	case 0: return old + (uint64_t)(int16_t)bytes_u16(in);
	case 1: return old + (uint64_t)(int8_t)bytes_u8(in) * PAGE;
	case 2: return bytes_u16(in);
	case 3: return notable[bytes_u8(in) % (sizeof notable / sizeof *notable)];
	default: return bytes_u64(in);
	}
}

static void change(char *at, size_t size, bytes *in) {
	uint64_t value = 0;
	if (at < file || at + size > file + file_length) return;
	memcpy(&value, at, size);
	value = number(in, value);
	memcpy(at, &value, size);
}

/* Segments and entries are located in the undamaged file, so that earlier changes don't move them. */
static void damage(bytes *in) {
	const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)whole;
	static const struct {
		size_t offset, size;
	} fields[] = {{offsetof(ElfW(Phdr), p_type), 4},   {offsetof(ElfW(Phdr), p_flags), 4},
	              {offsetof(ElfW(Phdr), p_offset), 8}, {offsetof(ElfW(Phdr), p_vaddr), 8},
	              {offsetof(ElfW(Phdr), p_filesz), 8}, {offsetof(ElfW(Phdr), p_memsz), 8},
	              {offsetof(ElfW(Phdr), p_align), 8}};
	size_t at, field;
	const ElfW(Phdr) *parts = (const ElfW(Phdr) *)(whole + header->e_phoff);
	switch (bytes_below(in, 5)) {
	case 0: /* the header */ change(file + bytes_below(in, sizeof *header) / 2 * 2, 2, in); return;
	case 1: /* a part */
	case 2:
		at = header->e_phoff + bytes_below(in, header->e_phnum) * sizeof *parts;
		field = bytes_below(in, sizeof fields / sizeof *fields);
		change(file + at + fields[field].offset, fields[field].size, in);
		return;
	case 3: /* an entry of the dynamic section */
		for (unsigned i = 0; i < header->e_phnum; i++) {
			if (parts[i].p_type != PT_DYNAMIC) continue;
			at = parts[i].p_offset + bytes_below(in, (unsigned)(parts[i].p_filesz / 8)) * 8;
			change(file + at, 8, in);
		}
		return;
	default: /* anything at the start, where the tables are */ change(file + bytes_u16(in) % PAGE, 4, in);
	}
}

static void damaged_plugin(bytes *in) {
	memcpy(file, whole, whole_length);
	file_length = whole_length;
	unsigned count = bytes_below(in, 8);
	for (unsigned i = 0; i < count; i++) damage(in);
	unsigned cut = bytes_u16(in);
	if (cut % 4 == 1) file_length = cut % whole_length;
	try_file(file_length != whole_length || memcmp(file, whole, whole_length) != 0);
}

static void any_file(bytes *in) {
	file_length = in->left < sizeof file ? in->left : sizeof file;
	memcpy(file, in->at, file_length);
	try_file(true);
}

/* --- names and folders --- */

static bool is_answer(aw_status status) {
	return status == 0 || status == AW_ENOBACKEND || status == -EINVAL || status == -EPERM;
}

static void names(bytes *in) {
	char said[512];
	size_t size = bytes_u16(in) % sizeof said;
	unsigned how = bytes_u8(in);
	char *text = bytes_text(in), *folders = bytes_text(in);
	memset(said, '#', sizeof said);
	if (how & 1) setenv("AWAIT_BACKEND_PATH", folders, 1);
	if (how & 2) setenv("AWAIT_BACKEND", text, 1);
	const char *asked = how & 2 ? NULL : text;
	aw_status status = aw_backend_explain(asked, said, size);
	HOLDS(is_answer(status));
	HOLDS(size == 0 || memchr(said, 0, size));
	HOLDS(said[size] == '#');
	aw_loop *loop = NULL;
	aw_status made = aw_loop_new(asked, &loop);
	/* Our plug-in, whose paths the fuzzer learns, may be accepted, but its open fails. */
	HOLDS(made == status || (status == 0 && made == -ENOTSUP));
	HOLDS(!loop == (made < 0));
	aw_loop_unref(loop);
	aw_backend_list *list;
	if (how & 4 && aw_backend_list_new(&list) == 0) {
		HOLDS(aw_backend_list_count(list) >= 2);
		aw_backend_list_unref(list);
	}
	unsetenv("AWAIT_BACKEND_PATH");
	unsetenv("AWAIT_BACKEND");
	free(text);
	free(folders);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	bytes in = {data, size};
	switch (bytes_below(&in, 4)) {
	case 0: any_file(&in); break;
	case 1: names(&in); break;
	default: damaged_plugin(&in);
	}
	return 0;
}
