/* SPDX-License-Identifier: BSD-2-Clause */
/* Intrusive doubly linked list with a head node. */
#pragma once

#include "lib/types.h"

struct list {
	struct list *next, *prev;
};

#define LIST_INIT(name)          \
	{                        \
		&(name), &(name) \
	}

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

static inline void list_add_between(struct list *n, struct list *prev, struct list *next)
{
	n->prev = prev;
	n->next = next;
	prev->next = n;
	next->prev = n;
}

/* Insert n before pos; with pos = head this appends. */
static inline void list_add_before(struct list *n, struct list *pos)
{
	list_add_between(n, pos->prev, pos);
}

static inline void list_add_tail(struct list *n, struct list *head)
{
	list_add_between(n, head->prev, head);
}

static inline void list_add_head(struct list *n, struct list *head)
{
	list_add_between(n, head, head->next);
}

/* Unlink n and leave it an empty list, so that a second list_del() is harmless. */
static inline void list_del(struct list *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	list_init(n);
}

#define list_entry(ptr, type, member)  container_of(ptr, type, member)
#define list_first(head, type, member) list_entry((head)->next, type, member)
#define list_for_each(pos, head) \
	for (struct list *pos = (head)->next; pos != (head); pos = pos->next)
#define list_for_each_safe(pos, tmp, head)                                     \
	for (struct list *pos = (head)->next, *tmp = pos->next; pos != (head); \
	     pos = tmp, tmp = pos->next)
