/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: shell/mux.c vm/console.c drivers/console.c drivers/uart16550.c lib/log.c */
/* SOURCES: tests/host/fake/clock.c tests/host/fake/mem.c tests/host/fake/bug.c */
/* Two guests and the shell take turns on a model of the serial port. */

#include "shell/mux.h"

#include <errno.h>
#include <stdio.h>

#include "lib/log.h"

#include "arch/irq.h"
#include "arch/thread.h"
#include "drivers/console.h"
#include "shell/shell.h"
#include "tests/host/fake/uart.h"
#include "tests/host/test.h"
#include "vm/console.h"
#include "vm/dev/vuart.h"
#include "vm/vm.h"

#define ESCAPE "\x1d"

struct vm *vms[CFG_MAX_VMS];
u32 nr_vms = 2;

static struct vm first, second;
static void (*irq_fn)(void *arg);
static char to_guest[64], to_shell[64];
static u32 nr_redraws, nr_wakes;

int irq_request(u32 isa_irq, void (*fn)(void *arg), void *arg)
{
	(void)isa_irq;
	(void)arg;
	irq_fn = fn;
	return 0;
}

void vuart_input(struct vm *vm, const char *s, size_t n)
{

	size_t at = strlen(to_guest);

	snprintf(to_guest + at, sizeof(to_guest) - at, "%s:%.*s ", vm->cfg.name, (int)n, s);
}

const char *vm_state_name(const struct vm *vm)
{
	(void)vm;
	return "stopped";
}

void shell_input(u8 c)
{
	size_t at = strlen(to_shell);

	snprintf(to_shell + at, sizeof(to_shell) - at, "%c", c);
}

void shell_redraw(void)
{
	nr_redraws++;
}

void shell_wake(void)
{
	nr_wakes++;
}

/* The shell waits for the line: a person presses the escape key. */
void thread_block(void)
{
	mux_input(0x1d);
}

static void press(const char *keys)
{
	while (*keys)
		mux_input((u8)*keys++);
}

static void line_empties(void)
{
	while (port.in_fifo > 0 || (port.ier & 2)) {
		port.in_fifo = 0;
		irq_fn(NULL);
	}
}

static const char *sent(void)
{
	if (!port.stuck)
		line_empties();
	port.sent[port.nr_sent] = '\0';
	port.nr_sent = 0;
	return (const char *)port.sent;
}

static int start(void **state)
{
	(void)state;
	memset(&port, 0, sizeof(port));
	port.present = true;
	vms[0] = &first;
	vms[1] = &second;
	for (u32 i = 0; i < 2; i++) {
		*vms[i] = (struct vm){ .id = i };
		snprintf(vms[i]->cfg.name, sizeof(vms[i]->cfg.name), i ? "second" : "first");
		assert_int_equal(vconsole_create(vms[i]), 0);
	}
	console_panic();
	console_init();
	mux_init(0x1d);
	console_start(mux_input, mux_ready);
	log_set_sink(console_log);
	mux_attach(&first); /* whatever a test before has left behind */
	mux_detach(NULL);
	mux_begin(NULL);
	port.nr_sent = 0;
	to_guest[0] = to_shell[0] = '\0';
	nr_redraws = nr_wakes = 0;
	return 0;
}

static int stop(void **state)
{
	(void)state;
	mux_detach(NULL);
	vconsole_destroy(&first);
	vconsole_destroy(&second);
	return 0;
}

static void guest_in_the_background_is_silent_but_remembered(void **state)
{
	(void)state;
	vm_console_put(&first, "hello\r\n", 7);
	assert_string_equal(sent(), "");
	assert_int_equal(first.console->total - first.console->shown, 7);
	mux_attach(&first);
	assert_string_equal(sent(),
			    "\r\n[console of first; Ctrl-] returns to the shell]\r\nhello\r\n");
	assert_int_equal(first.console->total, first.console->shown);
	vm_console_put(&first, "more", 4);
	vm_console_put(&second, "other", 5);
	assert_string_equal(sent(), "more");
}

static void keys_go_to_whoever_has_the_line(void **state)
{
	(void)state;
	press("a");
	mux_attach(&second);
	press("b");
	press(ESCAPE "c");
	assert_string_equal(to_shell, "ac");
	assert_string_equal(to_guest, "second:b ");
	assert_int_equal(nr_redraws, 1);
}

static void escape_key_goes_back_to_the_last_guest(void **state)
{
	(void)state;
	mux_attach(&second);
	press(ESCAPE);
	sent();
	press(ESCAPE);
	assert_non_null(strstr(sent(), "[console of second;"));
	press(ESCAPE);
	assert_string_equal(sent(), "\r\n[shell]\r\n");
}

static void last_lines_are_shown_again(void **state)
{
	char text[64];

	(void)state;
	for (u32 i = 0; i < 200; i++) {
		int n = snprintf(text, sizeof(text), "this is line %u\r\n", i);

		vm_console_put(&first, text, (size_t)n);
	}
	mux_attach(&first);
	line_empties();
	press(ESCAPE);
	sent();
	press(ESCAPE);
	snprintf(text, sizeof(text), "shell]\r\nthis is line 14");
	assert_non_null(strstr(sent(), text));
}

static void what_fell_out_of_the_scroll_back_is_announced(void **state)
{
	static char text[VCONSOLE_SIZE];

	(void)state;
	memset(text, 'x', sizeof(text));
	vm_console_put(&first, "start", 5);
	mux_attach(&first);
	press(ESCAPE);
	vm_console_put(&first, text, sizeof(text));
	vm_console_put(&first, "abc", 3);
	sent();
	press(ESCAPE);
	line_empties();
	assert_non_null(strstr(sent(), "\r\n[8 bytes lost]\r\nxxx"));
	vm_console_put(&second, text, sizeof(text));
	mux_attach(&second);
	line_empties();
	press(ESCAPE);
	vm_console_put(&second, text, sizeof(text));
	vm_console_put(&second, "abcd", 4);
	sent();
	press(ESCAPE);
	line_empties();
	assert_non_null(strstr(sent(), "\r\n[4 bytes lost]\r\nxxx"));
}

static void slow_line_holds_output_back_in_the_scroll_back(void **state)
{
	static char text[20000];

	(void)state;
	memset(text, 'y', sizeof(text));
	mux_attach(&first);
	port.stuck = true;
	vm_console_put(&first, text, sizeof(text));
	assert_in_range(first.console->total - first.console->shown, sizeof(text) - 5000,
			sizeof(text));
	line_empties();
	assert_int_equal(first.console->total, first.console->shown);
}

static void guest_that_ends_gives_the_line_back_with_the_reason(void **state)
{
	(void)state;
	snprintf(first.why, sizeof(first.why), "powered off: ACPI");
	mux_attach(&second);
	sent();
	vm_console_ended(&first);
	assert_string_equal(sent(), "");
	vm_console_ended(&second);
	assert_string_equal(sent(), "\r\n[shell: second is stopped: ]\r\n");
	press("k");
	assert_string_equal(to_shell, "k");
}

static void last_words_come_before_the_reason(void **state)
{
	static const char end[] = "\r\n[shell: first is stopped: ]\r\n";
	static char text[20000];
	const char *said;

	(void)state;
	memset(text, 'z', sizeof(text));
	mux_attach(&first);
	sent();
	port.stuck = true;
	vm_console_put(&first, text, sizeof(text));
	vm_console_ended(&first);
	assert_int_equal(first.console->total, first.console->shown);
	port.stuck = false;
	said = sent();
	assert_int_equal(strspn(said, "z"), sizeof(text));
	assert_string_equal(said + sizeof(text), end);
}

static void log_shows_only_trouble_while_a_guest_has_the_line(void **state)
{
	(void)state;
	pr_info("one");
	assert_non_null(strstr(sent(), "] one\r\n"));
	mux_attach(&first);
	mux_attach(&second);
	sent();
	pr_info("two");
	assert_string_equal(sent(), "");
	pr_warn("three");
	assert_non_null(strstr(sent(), "] three\r\n"));
	press(ESCAPE);
	sent();
	pr_info("four");
	assert_non_null(strstr(sent(), "] four\r\n"));
}

static void shell_text_waits_for_the_line(void **state)
{
	(void)state;
	mux_attach(&first);
	sent();
	mux_text("a\n", 2); /* thread_block() presses the escape key */
	assert_string_equal(sent(), "\r\n[shell]\r\na\r\n");
	mux_write("b\n", 2);
	assert_string_equal(sent(), "b\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(guest_in_the_background_is_silent_but_remembered,
						start, stop),
		cmocka_unit_test_setup_teardown(keys_go_to_whoever_has_the_line, start, stop),
		cmocka_unit_test_setup_teardown(escape_key_goes_back_to_the_last_guest, start,
						stop),
		cmocka_unit_test_setup_teardown(last_lines_are_shown_again, start, stop),
		cmocka_unit_test_setup_teardown(what_fell_out_of_the_scroll_back_is_announced,
						start, stop),
		cmocka_unit_test_setup_teardown(slow_line_holds_output_back_in_the_scroll_back,
						start, stop),
		cmocka_unit_test_setup_teardown(guest_that_ends_gives_the_line_back_with_the_reason,
						start, stop),
		cmocka_unit_test_setup_teardown(last_words_come_before_the_reason, start, stop),
		cmocka_unit_test_setup_teardown(log_shows_only_trouble_while_a_guest_has_the_line,
						start, stop),
		cmocka_unit_test_setup_teardown(shell_text_waits_for_the_line, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
