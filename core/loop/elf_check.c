/* SPDX-License-Identifier: MIT */
/*
 * The dynamic linker maps what the program headers say and follows the pointers of the dynamic section, and
 * checks little of it: in a damaged file it dies of a signal or of a failed assertion. So this is checked
 * first, in the order of reading. What linkers make passes.
 */
#include "elf_check.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PARTS_MAX = 64, ENTRIES_MAX = 256 };
#define SPAN_MAX (UINT64_C(1) << 30) /* of the memory of one object */
#define TLS_MAX  (UINT64_C(1) << 20)

#ifndef PT_GNU_PROPERTY
#define PT_GNU_PROPERTY 0x6474e553
#endif
#ifndef DT_RELR
#define DT_RELRSZ  35
#define DT_RELR    36
#define DT_RELRENT 37
#endif

#if defined __x86_64__
enum { MACHINE = EM_X86_64 };
#elif defined __aarch64__
enum { MACHINE = EM_AARCH64 };
#else
enum { MACHINE = EM_NONE }; /* left to the dynamic linker, which compares it as well */
#endif

typedef ElfW(Phdr) elf_part;
typedef ElfW(Dyn) elf_entry;

/* The file, and copies of what is read more than once. */
typedef struct image {
	int fd;
	uint64_t size, page;
	unsigned part_count, entry_count;
	elf_part parts[PARTS_MAX];
	elf_entry entries[ENTRIES_MAX];
} image;

static bool read_at(const image *self, void *out, size_t size, uint64_t at) {
	return at <= INT64_MAX && pread(self->fd, out, size, (off_t)at) == (ssize_t)size;
}

/* Whether `size` bytes at `at` lie within the `room` bytes at `start`. */
static bool is_within(uint64_t at, uint64_t size, uint64_t start, uint64_t room) {
	return at >= start && size <= room && at - start <= room - size;
}

static uint64_t page_start(const image *self, uint64_t address) {
	return address & ~(self->page - 1);
}

static uint64_t page_end(const image *self, uint64_t address) {
	return page_start(self, address + self->page - 1);
}

/* --- the headers --- */

static const char *header_flaw(image *self) {
	ElfW(Ehdr) header;
	if (!read_at(self, &header, sizeof header, 0) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
		return "not a shared object";
	if (header.e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) ||
	    header.e_ident[EI_DATA] != (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB) ||
	    header.e_phentsize != sizeof *self->parts || (MACHINE != EM_NONE && header.e_machine != MACHINE))
		return "a shared object for another machine";
	if (header.e_type != ET_DYN) return "not a shared object";
	if (header.e_phnum > PARTS_MAX) return "damaged: too many program headers";
	self->part_count = header.e_phnum;
	return read_at(self, self->parts, self->part_count * sizeof *self->parts, header.e_phoff) ? NULL
	                                                                                          : "truncated";
}

/* `end` is where the segment before ends, in whole pages. */
static const char *segment_flaw(const image *self, const elf_part *part, uint64_t end) {
	if (!is_within(part->p_offset, part->p_filesz, 0, self->size)) return "truncated";
	if (part->p_align & (part->p_align - 1) || part->p_align % self->page || !part->p_align ||
	    (part->p_vaddr - part->p_offset) % part->p_align)
		return "damaged: a segment is not aligned";
	if (part->p_memsz < part->p_filesz || part->p_memsz > SPAN_MAX ||
	    part->p_vaddr > UINT64_MAX / 2 - SPAN_MAX)
		return "damaged: a segment has no sane size";
	return page_start(self, part->p_vaddr) < end ? "damaged: its segments overlap or are out of order" : NULL;
}

static const char *segments_flaw(const image *self) {
	uint64_t first = UINT64_MAX, end = 0;
	for (unsigned i = 0; i < self->part_count; i++) {
		const elf_part *part = &self->parts[i];
		if (part->p_type != PT_LOAD) continue;
		const char *flaw = segment_flaw(self, part, end);
		if (flaw) return flaw;
		if (first == UINT64_MAX) first = page_start(self, part->p_vaddr);
		end = page_end(self, part->p_vaddr + part->p_memsz);
		if (end - first > SPAN_MAX) return "damaged: its segments lie too far apart";
	}
	return end ? NULL : "damaged: no segment";
}

/* The segment that has these bytes in the file, and each of `flags`; or NULL. */
static const elf_part *segment_of(const image *self, uint64_t at, uint64_t size, uint32_t flags) {
	for (unsigned i = 0; i < self->part_count; i++) {
		const elf_part *part = &self->parts[i];
		if (part->p_type == PT_LOAD && is_within(at, size, part->p_vaddr, part->p_filesz) &&
		    (part->p_flags & flags) == flags)
			return part;
	}
	return NULL;
}

/* A part that the dynamic linker or an unwinder finds by its address. */
static const char *part_flaw(const image *self, const elf_part *part) {
	uint32_t flags = PF_R;
	uint64_t size = part->p_filesz;
	switch (part->p_type) {
	case PT_GNU_RELRO:
		flags |= PF_W;
		size = 0; /* some linkers count zeros that the file does not have */
		break;
	case PT_DYNAMIC: flags |= part->p_flags & PF_W; break; /* if it says so it is written to */
	case PT_TLS:
		if (part->p_memsz < part->p_filesz || part->p_memsz > TLS_MAX || part->p_align > self->page ||
		    part->p_align & (part->p_align - 1))
			return "damaged: its thread-local part has no sane size";
		if (!part->p_filesz) return NULL; /* zeros alone */
		break;
	case PT_NOTE:
	case PT_PHDR:
	case PT_GNU_EH_FRAME:
	case PT_GNU_PROPERTY: break;
	default: return NULL;
	}
	const elf_part *segment = segment_of(self, part->p_vaddr, size, flags);
	if (!segment || part->p_offset - segment->p_offset != part->p_vaddr - segment->p_vaddr)
		return "damaged: a part lies outside its segments";
	/* The end of what is made read-only may be rounded up. */
	uint64_t end = page_end(self, segment->p_vaddr + segment->p_memsz);
	if (part->p_type != PT_TLS &&
	    !is_within(part->p_vaddr, part->p_memsz, segment->p_vaddr, end - segment->p_vaddr))
		return "damaged: a part is larger than its segment";
	return NULL;
}

/* --- the dynamic section --- */

static const char *entries_read(image *self) {
	const elf_part *dynamic = NULL;
	for (unsigned i = 0; i < self->part_count; i++) {
		if (self->parts[i].p_type != PT_DYNAMIC) continue;
		if (dynamic) return "damaged: two dynamic sections";
		dynamic = &self->parts[i];
	}
	if (!dynamic) return "damaged: no dynamic section";
	if (dynamic->p_vaddr % sizeof(ElfW(Addr))) return "damaged: its dynamic section is not aligned";
	size_t room = dynamic->p_filesz / sizeof *self->entries;
	if (room > ENTRIES_MAX) room = ENTRIES_MAX;
	if (!read_at(self, self->entries, room * sizeof *self->entries, dynamic->p_offset)) return "truncated";
	while (self->entry_count < room && self->entries[self->entry_count].d_tag != DT_NULL) self->entry_count++;
	return self->entry_count < room ? NULL : "damaged: its dynamic section has no end";
}

/* The value of a tag; of the last if there are several, as the dynamic linker has it. */
static bool value_of(const image *self, ElfW(Sxword) tag, uint64_t *out) {
	for (unsigned i = self->entry_count; i-- > 0;) {
		if (self->entries[i].d_tag != tag) continue;
		*out = self->entries[i].d_un.d_val;
		return true;
	}
	return false;
}

/* What is given by an address and a size, in whole entries. */
static const struct {
	ElfW(Sxword) address, size;
	size_t entry;
} tables[] = {
	{DT_STRTAB, DT_STRSZ, 1},
	{DT_RELA, DT_RELASZ, sizeof(ElfW(Rela))},
	{DT_REL, DT_RELSZ, sizeof(ElfW(Rel))},
	{DT_RELR, DT_RELRSZ, sizeof(ElfW(Addr))},
	{DT_JMPREL, DT_PLTRELSZ, sizeof(void *) == 8 ? sizeof(ElfW(Rela)) : 4},
	{DT_INIT_ARRAY, DT_INIT_ARRAYSZ, sizeof(ElfW(Addr))},
	{DT_FINI_ARRAY, DT_FINI_ARRAYSZ, sizeof(ElfW(Addr))},
};

/* What is given by an address: its least size, and what its segment must allow. */
static const struct {
	ElfW(Sxword) address;
	size_t least;
	uint32_t flags;
} places[] = {
	{DT_SYMTAB, sizeof(ElfW(Sym)), PF_R},
	{DT_VERSYM, sizeof(ElfW(Half)), PF_R},
	{DT_VERNEED, sizeof(ElfW(Verneed)), PF_R},
	{DT_VERDEF, sizeof(ElfW(Verdef)), PF_R},
	{DT_HASH, 2 * sizeof(uint32_t), PF_R},
	{DT_GNU_HASH, 4 * sizeof(uint32_t), PF_R},
	{DT_INIT, 1, PF_X},
	{DT_FINI, 1, PF_X},
};

/* What the dynamic linker asserts. */
static const struct {
	ElfW(Sxword) tag;
	uint64_t value;
} constants[] = {
	{DT_SYMENT, sizeof(ElfW(Sym))}, {DT_RELAENT, sizeof(ElfW(Rela))},
	{DT_RELENT, sizeof(ElfW(Rel))}, {DT_RELRENT, sizeof(ElfW(Addr))},
#if __SIZEOF_POINTER__ == 8
	{DT_PLTREL, DT_RELA},
#endif
};

static const char *tables_flaw(const image *self) {
	uint64_t at = 0, size = 0;
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		bool has = value_of(self, tables[i].address, &at);
		if (has != value_of(self, tables[i].size, &size)) return "damaged: a table without a size or a place";
		if (has && (size % tables[i].entry || !segment_of(self, at, size, PF_R)))
			return "damaged: a table lies outside its segments";
	}
	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		if (value_of(self, places[i].address, &at) && !segment_of(self, at, places[i].least, places[i].flags))
			return "damaged: a table lies outside its segments";
	for (size_t i = 0; i < sizeof constants / sizeof *constants; i++)
		if (value_of(self, constants[i].tag, &size) && size != constants[i].value)
			return "damaged: a table has entries of another size";
	return NULL;
}

/* Reads from the file what has an address. */
static bool read_address(const image *self, void *out, size_t size, uint64_t address) {
	const elf_part *segment = segment_of(self, address, size, PF_R);
	return segment && read_at(self, out, size, segment->p_offset + (address - segment->p_vaddr));
}

static const char *strings_flaw(const image *self) {
	uint64_t at, size;
	char last = 1;
	if (!value_of(self, DT_STRTAB, &at) || !value_of(self, DT_STRSZ, &size) || !size ||
	    !read_address(self, &last, 1, at + size - 1) || last)
		return "damaged: its strings have no end";
	for (unsigned i = 0; i < self->entry_count; i++) {
		ElfW(Sxword) tag = self->entries[i].d_tag;
		if ((tag == DT_NEEDED || tag == DT_SONAME || tag == DT_RPATH || tag == DT_RUNPATH) &&
		    self->entries[i].d_un.d_val >= size)
			return "damaged: a name lies outside its strings";
	}
	return NULL;
}

static bool hash_is_whole(const image *self, uint64_t at) {
	uint32_t count[2]; /* of buckets, and of symbols */
	uint64_t symbols;
	return read_address(self, count, sizeof count, at) && count[0] && value_of(self, DT_SYMTAB, &symbols) &&
	       segment_of(self, at, (2 + (uint64_t)count[0] + count[1]) * sizeof(uint32_t), PF_R) &&
	       segment_of(self, symbols, count[1] * sizeof(ElfW(Sym)), PF_R);
}

static bool gnu_hash_is_whole(const image *self, uint64_t at) {
	uint32_t count[4]; /* of buckets, of symbols left out, of words of the filter; its shift */
	return read_address(self, count, sizeof count, at) && count[0] && count[2] &&
	       !(count[2] & (count[2] - 1)) &&
	       segment_of(self, at,
	                  sizeof count + count[2] * sizeof(ElfW(Addr)) + (uint64_t)count[0] * sizeof(uint32_t),
	                  PF_R);
}

static const char *symbols_flaw(const image *self) {
	uint64_t at;
	bool has_hash = value_of(self, DT_HASH, &at);
	if (has_hash && !hash_is_whole(self, at)) return "damaged: its table of symbols";
	bool has_gnu_hash = value_of(self, DT_GNU_HASH, &at);
	if (has_gnu_hash && !gnu_hash_is_whole(self, at)) return "damaged: its table of symbols";
	return value_of(self, DT_SYMTAB, &at) && (has_hash || has_gnu_hash) ? NULL
	                                                                    : "damaged: no table of symbols";
}

/* --- all --- */

const char *elf_check(int fd) {
	struct stat st;
	if (fstat(fd, &st) < 0) return "not a file";
	image self = {.fd = fd, .size = (uint64_t)st.st_size, .page = (uint64_t)sysconf(_SC_PAGESIZE)};
	const char *flaw = header_flaw(&self);
	if (!flaw) flaw = segments_flaw(&self);
	for (unsigned i = 0; !flaw && i < self.part_count; i++) flaw = part_flaw(&self, &self.parts[i]);
	if (!flaw) flaw = entries_read(&self);
	if (!flaw) flaw = tables_flaw(&self);
	if (!flaw) flaw = strings_flaw(&self);
	return flaw ? flaw : symbols_flaw(&self);
}
