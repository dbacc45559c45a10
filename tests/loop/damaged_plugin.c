/* SPDX-License-Identifier: MIT */
/*
 * A plug-in with one damaged number in its headers or its dynamic section is refused with a reason, and not
 * passed to the dynamic linker, which would crash.
 */
#include <await/error.h>
#include <await/registry.h>
#include <elf.h>
#include <limits.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"

static char whole[1 << 17], damaged[1 << 17];
static size_t length;
static char folder[] = "/tmp/await-damaged-XXXXXX", path[PATH_MAX];

enum what { HEADER, PART, ENTRY };

/* `which` is a tag of the dynamic section, or a type of part, with how many of that type to skip (NTH). */
typedef struct damage {
	enum what what;
	uint64_t which;
	size_t offset, size; /* of the number */
	uint64_t value;
	enum { SET, ADD } how;
	const char *why;
} damage;

#define NTH(n, type)        ((uint64_t)(n) << 32 | (type))
#define FIELD(type, member) offsetof(type, member), sizeof(((type *)NULL)->member)
#define PART_FIELD(member)  FIELD(ElfW(Phdr), member)
#define VALUE               FIELD(ElfW(Dyn), d_un.d_val)
#define TAG                 FIELD(ElfW(Dyn), d_tag)

static const damage damages[] = {
	{HEADER, 0, FIELD(ElfW(Ehdr), e_ident[EI_DATA]), 3, ADD, "another machine"},
	{HEADER, 0, FIELD(ElfW(Ehdr), e_machine), EM_68K, SET, "another machine"},
	{HEADER, 0, FIELD(ElfW(Ehdr), e_phentsize), 1, ADD, "another machine"},
	{HEADER, 0, FIELD(ElfW(Ehdr), e_type), ET_REL, SET, "not a shared object"},
	{HEADER, 0, FIELD(ElfW(Ehdr), e_phnum), 0, SET, "no segment"},
	{HEADER, 0, FIELD(ElfW(Ehdr), e_phnum), 1000, SET, "too many program headers"},
	{HEADER, 0, FIELD(ElfW(Ehdr), e_phoff), sizeof whole, SET, "truncated"},
	{HEADER, 0, FIELD(ElfW(Ehdr), e_phoff), UINT64_MAX, SET, "truncated"},
	{PART, NTH(1, PT_LOAD), PART_FIELD(p_offset), 1 << 20, ADD, "truncated"},
	{PART, NTH(1, PT_LOAD), PART_FIELD(p_offset), UINT64_MAX - 4095, SET, "truncated"},
	{PART, NTH(1, PT_LOAD), PART_FIELD(p_filesz), 1 << 20, ADD, "truncated"},
	{PART, NTH(1, PT_LOAD), PART_FIELD(p_align), 3, SET, "not aligned"},
	{PART, NTH(1, PT_LOAD), PART_FIELD(p_align), 0, SET, "not aligned"},
	{PART, NTH(1, PT_LOAD), PART_FIELD(p_align), 16, SET, "not aligned"},
	{PART, NTH(1, PT_LOAD), PART_FIELD(p_vaddr), 1, ADD, "not aligned"},
	{PART, NTH(1, PT_LOAD), PART_FIELD(p_memsz), 1, SET, "no sane size"},
	{PART, NTH(1, PT_LOAD), PART_FIELD(p_memsz), UINT64_C(1) << 62, SET, "no sane size"},
	{PART, NTH(3, PT_LOAD), PART_FIELD(p_vaddr), UINT64_C(1) << 63, ADD, "no sane size"},
	{PART, NTH(0, PT_LOAD), PART_FIELD(p_vaddr), 1 << 20, ADD, "overlap or are out of order"},
	{PART, NTH(0, PT_LOAD), PART_FIELD(p_memsz), 1 << 20, ADD, "overlap or are out of order"},
	{PART, NTH(3, PT_LOAD), PART_FIELD(p_memsz), UINT64_C(1) << 30, SET, "too far apart"},
	{PART, NTH(0, PT_DYNAMIC), PART_FIELD(p_vaddr), 1 << 20, ADD, "outside its segments"},
	{PART, NTH(0, PT_DYNAMIC), PART_FIELD(p_offset), 1 << 12, ADD, "outside its segments"},
	{PART, NTH(0, PT_DYNAMIC), PART_FIELD(p_filesz), UINT64_MAX, SET, "outside its segments"},
	{PART, NTH(0, PT_DYNAMIC), PART_FIELD(p_memsz), UINT64_MAX, SET, "larger than its segment"},
	{PART, NTH(0, PT_DYNAMIC), PART_FIELD(p_filesz), 16, SET, "no end"},
	{PART, NTH(0, PT_DYNAMIC), PART_FIELD(p_type), PT_NULL, SET, "no dynamic section"},
	{PART, NTH(0, PT_NOTE), PART_FIELD(p_type), PT_DYNAMIC, SET, "dynamic section"},
	{PART, NTH(0, PT_GNU_EH_FRAME), PART_FIELD(p_vaddr), 1 << 20, ADD, "outside its segments"},
	{PART, NTH(0, PT_GNU_RELRO), PART_FIELD(p_vaddr), 1 << 20, ADD, "outside its segments"},
	{PART, NTH(0, PT_GNU_RELRO), PART_FIELD(p_memsz), 1 << 20, ADD, "larger than its segment"},
	{ENTRY, DT_STRTAB, VALUE, 1 << 20, ADD, "outside its segments"},
	{ENTRY, DT_STRSZ, VALUE, UINT64_MAX, SET, "outside its segments"},
	{ENTRY, DT_STRSZ, VALUE, UINT64_MAX, ADD, "strings have no end"},
	{ENTRY, DT_STRSZ, VALUE, 0, SET, "strings have no end"},
	{ENTRY, DT_NEEDED, VALUE, 1 << 20, SET, "outside its strings"},
	{ENTRY, DT_SYMTAB, VALUE, UINT64_MAX, SET, "outside its segments"},
	{ENTRY, DT_SYMTAB, TAG, DT_DEBUG, SET, "no table of symbols"},
	{ENTRY, DT_SYMENT, VALUE, 1, ADD, "another size"},
	{ENTRY, DT_GNU_HASH, VALUE, 1 << 20, ADD, "outside its segments"},
	{ENTRY, DT_GNU_HASH, TAG, DT_DEBUG, SET, "no table of symbols"},
	{ENTRY, DT_RELA, VALUE, 1 << 20, ADD, "outside its segments"},
	{ENTRY, DT_RELA, TAG, DT_DEBUG, SET, "without a size or a place"},
	{ENTRY, DT_RELASZ, VALUE, 1 << 20, SET, "outside its segments"},
	{ENTRY, DT_RELASZ, VALUE, 1, ADD, "outside its segments"},
	{ENTRY, DT_RELASZ, TAG, DT_DEBUG, SET, "without a size or a place"},
	{ENTRY, DT_RELAENT, VALUE, 1, ADD, "another size"},
	{ENTRY, DT_INIT_ARRAY, VALUE, 1 << 20, ADD, "outside its segments"},
	{ENTRY, DT_INIT_ARRAYSZ, VALUE, 1 << 20, SET, "outside its segments"},
	{ENTRY, DT_FINI_ARRAY, VALUE, UINT64_MAX, SET, "outside its segments"},
	{ENTRY, DT_INIT, VALUE, 1, SET, "outside its segments"},
};

static char *part_of(uint64_t which) {
	ElfW(Ehdr) *header = (ElfW(Ehdr) *)damaged;
	ElfW(Phdr) *parts = (ElfW(Phdr) *)(damaged + header->e_phoff);
	uint64_t skip = which >> 32;
	for (unsigned i = 0; i < header->e_phnum; i++)
		if (parts[i].p_type == (uint32_t)which && skip-- == 0) return (char *)&parts[i];
	return NULL;
}

/* The entry with this tag in the object's dynamic section; NULL if it has none. */
static char *entry_of(uint64_t tag) {
	ElfW(Phdr) *dynamic = (ElfW(Phdr) *)part_of(PT_DYNAMIC);
	if (!dynamic) return NULL;
	for (ElfW(Dyn) *at = (ElfW(Dyn) *)(damaged + dynamic->p_offset); at->d_tag != DT_NULL; at++)
		if ((uint64_t)at->d_tag == tag) return (char *)at;
	return NULL;
}

/* False if this machine's objects have nothing of that kind. */
static bool carry_out(const damage *self) {
	memcpy(damaged, whole, length);
	char *at = self->what == HEADER ? damaged
	           : self->what == PART ? part_of(self->which)
	                                : entry_of(self->which);
	if (!at) return false;
	uint64_t value = 0;
	memcpy(&value, at + self->offset, self->size);
	value = self->how == ADD ? value + self->value : self->value;
	memcpy(at + self->offset, &value, self->size);
	return true;
}

static aw_status ask(char *said, size_t size) {
	FILE *file = fopen(path, "wb");
	if (!file || fwrite(damaged, 1, length, file) != length || fclose(file)) return -EIO;
	return aw_backend_explain(path, said, size);
}

static void each_damage_is_refused_with_a_reason(void) {
	int tried = 0;
	for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
		const damage *one = &damages[i];
		char said[1024] = "";
		if (!carry_out(one)) continue;
		tried++;
		aw_status status = ask(said, sizeof said);
		if (status != AW_ENOBACKEND || !strstr(said, one->why))
			printf("\n    damage %zu: %d, %s; not: %s\n", i, status, said, one->why);
		EXPECT_INT(status, AW_ENOBACKEND);
		EXPECT(strstr(said, one->why) != NULL);
	}
	EXPECT(tried > 45);
}

/* The table is within the file, but its content is wrong. */
static void a_damaged_table_of_symbols_is_refused(void) {
	static const struct {
		size_t word;
		uint32_t value;
	} wrong[] = {{0, 0}, {0, UINT32_MAX}, {2, 0}, {2, 3}, {2, 1U << 31}};
	char said[1024];
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		memcpy(damaged, whole, length);
		ElfW(Dyn) *hash = (ElfW(Dyn) *)entry_of(DT_GNU_HASH);
		if (!hash) SKIP("the linker makes another kind of table");
		/* The first segment is at the start of the file and of the memory. */
		memcpy(damaged + hash->d_un.d_val + wrong[i].word * 4, &wrong[i].value, 4);
		EXPECT_INT(ask(said, sizeof said), AW_ENOBACKEND);
		EXPECT(strstr(said, "table of symbols") != NULL);
	}
}

static void the_whole_one_is_loaded(void) {
	char said[1024];
	memcpy(damaged, whole, length);
	EXPECT_INT(ask(said, sizeof said), 0);
}

int main(void) {
	static const check_case cases[] = {TEST(each_damage_is_refused_with_a_reason),
	                                   TEST(a_damaged_table_of_symbols_is_refused),
	                                   TEST(the_whole_one_is_loaded)};
	const char *given = getenv("AWAIT_TEST_PLUGINS");
	snprintf(path, sizeof path, "%s/libawait-backend-good.so", given ? given : "");
	FILE *file = fopen(path, "rb");
	if (file) length = fread(whole, 1, sizeof whole, file);
	if (!file || length < 4096 || length == sizeof whole || fclose(file) || !mkdtemp(folder)) {
		fprintf(stderr, "AWAIT_TEST_PLUGINS has to be the folder of the plug-ins of tests/plugins\n");
		return 2;
	}
	snprintf(path, sizeof path, "%s/libawait-backend-damaged.so", folder);
	int status = check_run("damaged_plugin", cases, sizeof cases / sizeof *cases);
	unlink(path);
	rmdir(folder);
	return status;
}
