/* SPDX-License-Identifier: MIT */
/*
 * Intrusive doubly linked lists. An item has `next` and `previous`, so it can be in one list at a time and
 * linking it allocates nothing. Outside a list the links are undefined.
 */
#ifndef CORE_LIST_H
#define CORE_LIST_H

#include <stddef.h>

/* A list type, for a variable or a member: LIST(aw_task) tasks. Zero-initialized means empty. */
#define LIST(type)          \
	struct {                \
		type *first, *last; \
	}

#define list_append(list, item)              \
	do {                                     \
		__typeof__(list) list_at = (list);   \
		__typeof__(item) list_item = (item); \
		list_item->next = NULL;              \
		list_item->previous = list_at->last; \
		if (list_at->last)                   \
			list_at->last->next = list_item; \
		else                                 \
			list_at->first = list_item;      \
		list_at->last = list_item;           \
	} while (0)

#define list_prepend(list, item)                  \
	do {                                          \
		__typeof__(list) list_at = (list);        \
		__typeof__(item) list_item = (item);      \
		list_item->previous = NULL;               \
		list_item->next = list_at->first;         \
		if (list_at->first)                       \
			list_at->first->previous = list_item; \
		else                                      \
			list_at->last = list_item;            \
		list_at->first = list_item;               \
	} while (0)

#define list_remove(list, item)                              \
	do {                                                     \
		__typeof__(list) list_at = (list);                   \
		__typeof__(item) list_item = (item);                 \
		if (list_item->next)                                 \
			list_item->next->previous = list_item->previous; \
		else                                                 \
			list_at->last = list_item->previous;             \
		if (list_item->previous)                             \
			list_item->previous->next = list_item->next;     \
		else                                                 \
			list_at->first = list_item->next;                \
	} while (0)

#endif
