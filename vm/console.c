/* SPDX-License-Identifier: BSD-2-Clause */
/* Scroll-back of each machine, and the way between its COM1 and the shell. */
#include "vm/console.h"

#include <errno.h>

#include "arch/mem.h"
#include "vm/dev/vuart.h"
#include "vm/vm.h"

void (*vm_console_sink)(struct vm *vm, const char *s, size_t n);
void (*vm_console_ended)(struct vm *vm);

int vconsole_create(struct vm *vm)
{
	struct vconsole *c = kzalloc(sizeof(*c));

	if (!c)
		return -ENOMEM;
	spin_init(&c->lock, RANK_CONSOLE);
	c->ring.buf = c->buf;
	c->ring.size = sizeof(c->buf);
	vm->console = c;
	return 0;
}

void vconsole_destroy(struct vm *vm)
{
	if (vm->console)
		kfree(vm->console, sizeof(*vm->console));
	vm->console = NULL;
}

void vm_console_put(struct vm *vm, const char *s, size_t n)
{
	struct vconsole *c = vm->console;

	spin_lock(&c->lock);
	for (size_t i = 0; i < n; i++)
		ring_force(&c->ring, (u8)s[i]);
	c->total += n;
	spin_unlock(&c->lock);
	if (vm_console_sink)
		vm_console_sink(vm, s, n);
}

size_t vm_console_read(struct vm *vm, u64 *pos, char *buf, size_t n)
{
	struct vconsole *c = vm->console;
	size_t got;
	u64 oldest;

	spin_lock(&c->lock);
	oldest = c->total - ring_used(&c->ring);
	if (*pos < oldest)
		*pos = oldest;
	for (got = 0; got < n && *pos < c->total; got++, (*pos)++)
		buf[got] = (char)ring_peek(&c->ring, (u32)(*pos - oldest));
	spin_unlock(&c->lock);
	return got;
}

void vm_console_input(struct vm *vm, const char *s, size_t n)
{
	vuart_input(vm, s, n);
}
