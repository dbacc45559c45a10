/* SPDX-License-Identifier: MIT */
/* Reads programs, one statement a line. */
#include "program.h"

#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 16
#define MAX_WORDS 24

static const char *const op_names[OP_COUNT] = {
	"acquire",    "await",    "babort",   "block",   "breset",   "bwait",  "call",    "cancel",  "cancelling",
	"cancelself", "cwait",    "cwith",    "eager",   "eclear",   "eset",   "ewait",   "fail",    "finally",
	"future",     "gather",   "get",      "getnow",  "group",    "gspawn", "later",   "locked",  "notify",
	"notifyall",  "ondone",   "put",      "putnow",  "qjoin",    "qsize",  "raise",   "release", "resched",
	"return",     "sacquire", "set",      "shield",  "shutdown", "sleep",  "soon",    "spawn",   "srelease",
	"state",      "svalue",   "taskdone", "timeout", "uncancel", "wait",   "waitfor", "with",    "yield"};

static const char *const object_names[MADE_COUNT] = {"lock",      "event", "semaphore",
                                                     "condition", "queue", "barrier"};

static void fail(const char *what, const char *word) {
	fprintf(stderr, "program: %s: %s\n", what, word);
	exit(2);
}

static int find(const char *const *names, int count, const char *word) {
	for (int i = 0; i < count; i++)
		if (strcmp(names[i], word) == 0) return i;
	return -1;
}

static int number(const char *word, int limit) {
	char *end;
	long value = strtol(word, &end, 10);
	if (*end || end == word || value < -1 || value >= limit) fail("no number, or too large", word);
	return (int)value;
}

/* The number of a body or of an object. */
static int place(const char *word, int limit) {
	int value = number(word, limit);
	if (value < 0) fail("no number, or too large", word);
	return value;
}

/* Nodes are counted first: they point at each other and must not move. */
static node *node_make(program *self, char **words, int count) {
	if (self->node_count == self->node_room) fail("too many statements", words[0]);
	if (count < 3) fail("too short", words[0]);
	node *made = &self->nodes[self->node_count++];
	int op = find(op_names, OP_COUNT, words[2]), at = 3;
	if (op < 0) fail("no such operation", words[2]);
	*made =
		(node){.id = number(words[0], 1 << 20), .mode = words[1][0], .op = (enum op)op, .inner = OP_COUNT};
	for (; at < count; at++) {
		int inner = find(op_names, OP_COUNT, words[at]);
		if (inner >= 0) {
			made->inner = (enum op)inner;
			continue;
		}
		if (made->count == MAX_ARGS) fail("too many arguments", words[2]);
		made->args[made->count++] = number(words[at], MAX_SLOTS);
	}
	return made;
}

static void declare(program *self, char **words, int count) {
	int kind = find(object_names, MADE_COUNT, words[0]);
	if (kind < 0 || count < 2) fail("no such object", words[0]);
	declared *made = &self->objects[kind][place(words[1], MAX_OBJECTS)];
	made->present = true;
	if (kind == MADE_BARRIER && count == 3) made->value = number(words[2], 1000);
	if (count < 4) return;
	made->kind = strcmp(words[2], "lifo") == 0 || strcmp(words[2], "bounded") == 0 ? 1
	             : strcmp(words[2], "priority") == 0                               ? 2
	                                                                               : 0;
	made->value = number(words[3], 1000);
}

static int split(char *line, char **words) {
	int count = 0;
	for (char *save, *word = strtok_r(line, " \t\n", &save); word; word = strtok_r(NULL, " \t\n", &save)) {
		if (count == MAX_WORDS) fail("too many words", words[0]);
		words[count++] = word;
	}
	return count;
}

typedef struct reading {
	node *owners[MAX_DEPTH];
	node **ends[MAX_DEPTH]; /* where the next statement goes */
	bool second[MAX_DEPTH]; /* it is the owner's second block */
	int depth;
} reading;

static void statement(program *self, reading *at, char **words, int count) {
	bool opens = strcmp(words[count - 1], "{") == 0;
	if (strcmp(words[0], "body") == 0) {
		if (count != 3 || !opens || at->depth) fail("no number, no block, or one that is open", words[0]);
		at->ends[0] = &self->bodies[place(words[1], MAX_BODIES)];
		at->depth = 1;
	} else if (strcmp(words[0], "}") == 0) {
		at->depth--; /* a body is open: outside one, a brace is refused */
		if (!opens) return;
		if (!at->depth || at->second[at->depth]) fail("no second block", words[0]);
		at->second[at->depth] = true;
		at->ends[at->depth] = &at->owners[at->depth]->blocks[1];
		at->depth++;
	} else {
		node *made = node_make(self, words, opens ? count - 1 : count);
		*at->ends[at->depth - 1] = made;
		at->ends[at->depth - 1] = &made->next;
		made->is_block = opens;
		if (!opens) return;
		if (at->depth == MAX_DEPTH) fail("too deep", words[0]);
		at->owners[at->depth] = made;
		at->second[at->depth] = false;
		at->ends[at->depth] = &made->blocks[0];
		at->depth++;
	}
}

bool program_read(program *self, FILE *from) {
	node *nodes = self->nodes;
	*self = (program){.nodes = nodes, .node_room = 4096};
	if (!nodes) self->nodes = malloc(self->node_room * sizeof *self->nodes);
	if (!self->nodes) fail("no memory", "");
	reading at = {.depth = 0};
	bool begun = false;
	char line[512], *words[MAX_WORDS];
	while (fgets(line, sizeof line, from)) {
		if (strlen(line) == sizeof line - 1) fail("too long", line);
		int count = split(line, words);
		if (!count) continue;
		if (strcmp(words[0], "end") == 0) {
			if (!begun || at.depth) fail("no program, or a block is open", words[0]);
			return true;
		}
		if (strcmp(words[0], "program") == 0 && count == 2) {
			char *end;
			self->seed = strtoul(words[1], &end, 10);
			if (*end) fail("no number", words[1]);
			begun = true;
		} else if (at.depth || strcmp(words[0], "body") == 0)
			statement(self, &at, words, count);
		else
			declare(self, words, count);
	}
	if (begun) fail("no end", "");
	return false;
}

void program_free(program *self) {
	free(self->nodes);
	*self = (program){0};
}
