/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: shell/exec.c shell/parse.c shell/cmd_help.c lib/out.c */
/* LIBS: -Wl,--defsym=shell_cmds_start=__start_shell_cmds -Wl,--defsym=shell_cmds_end=__stop_shell_cmds */
/* Finding, running and completing commands, with a table of four beside help. */

#include "shell_type.h"

#include <stdlib.h>

#include "shell/mux.h"

static char ran[128];

const char *mux_escape_name(void)
{
	return "Ctrl-]";
}

static void note(const char *name, int argc, char **argv)
{
	size_t n = (size_t)snprintf(ran, sizeof(ran), "%s", name);

	for (int i = 0; i < argc; i++)
		n += (size_t)snprintf(ran + n, sizeof(ran) - n, " %s", argv[i]);
}

static void run_list(struct out *o, int argc, char **argv)
{
	(void)o;
	note("list", argc, argv);
}

static void run_walk(struct out *o, int argc, char **argv)
{
	(void)o;
	note("walk", argc, argv);
}

static void run_log(struct out *o, int argc, char **argv)
{
	out_text(o, "text");
	note("log", argc, argv);
}

static void names(int idx, void (*add)(void *arg, const char *word), void *arg)
{
	if (idx == 0) {
		add(arg, "linux");
		add(arg, "other");
	}
}

SHELL_CMD(cmd_vm_list, "vm", "list", "", "Lists machines", "vm list", run_list, NULL);
SHELL_CMD(cmd_mmu_walk, "mmu", "walk", "VM gva|gpa ADDR [r|w|x][u]", "Walks",
	  "mmu walk linux gpa 0", run_walk, names);
SHELL_CMD(cmd_log, "log", "", "[LEVEL]", "Shows the log", "log", run_log, names);
SHELL_CMD(cmd_log_level, "log", "level", "LEVEL", "Sets the level", "log level info", run_log,
	  NULL);

static void command_gets_its_arguments(void **state)
{
	(void)state;
	assert_string_equal(run("vm list"), "");
	assert_string_equal(ran, "list");
	run("mmu walk linux gva 0x10 w");
	assert_string_equal(ran, "walk linux gva 0x10 w");
	run("log -j info");
	assert_string_equal(ran, "log info");
	assert_string_equal(text, "{\"text\": \"text\"}\n");
	run("log level warn");
	assert_string_equal(ran, "log warn");
}

static void mistakes_get_one_sentence(void **state)
{
	(void)state;
	ran[0] = '\0';
	assert_string_equal(run("fro"), "error: no such command: fro; try help\n");
	assert_string_equal(run("vm fro"), "error: no such command: vm fro; try help vm\n");
	assert_string_equal(run("vm"), "error: vm needs one of: list\n");
	assert_string_equal(run("say \"x"), "error: a quote is not closed\n");
	assert_string_equal(run("fro -j"), "{\"error\": \"no such command: fro; try help\"}\n");
	assert_string_equal(ran, "");
}

static void number_of_arguments_is_checked_from_the_usage(void **state)
{
	static const char usage[] =
		"error: usage: mmu walk VM gva|gpa ADDR [r|w|x][u]; for example: "
		"mmu walk linux gpa 0\n";

	(void)state;
	ran[0] = '\0';
	assert_string_equal(run("mmu walk linux gva"), usage);
	assert_string_equal(run("mmu walk linux gva 1 r x"), usage);
	assert_string_equal(run("vm list x"), "error: usage: vm list; for example: vm list\n");
	assert_string_equal(ran, "");
}

static void empty_line_does_nothing(void **state)
{
	(void)state;
	assert_string_equal(run("   # nothing"), "");
}

static void help_lists_every_command_by_name(void **state)
{
	static const char *const order[] = { "help [NOUN]", "log [LEVEL]", "log level", "mmu walk",
					     "vm list" };
	const char *at;

	(void)state;
	at = run("help");
	for (u32 i = 0; i < ARRAY_SIZE(order); i++) {
		at = strstr(at, order[i]);
		assert_non_null(at);
	}
	assert_non_null(strstr(run("help mmu"), "Example: mmu walk linux gpa 0\n"));
	assert_non_null(strstr(run("help mmu walk -j"), "\"example\": \"mmu walk linux gpa 0\""));
	assert_string_equal(run("help fro"), "error: no such command: fro; try help\n");
}

static char offers[256];

static void add(void *arg, const char *word)
{
	(void)arg;
	strcat(offers, word);
	strcat(offers, " ");
}

static const char *complete(const char *head)
{
	offers[0] = '\0';
	shell_complete(NULL, head, add, NULL);
	return offers;
}

static void completion_offers_nouns_then_verbs_then_values(void **state)
{
	(void)state;
	assert_string_equal(complete(""), "help log mmu vm ");
	assert_string_equal(complete("m"), "help log mmu vm ");
	assert_string_equal(complete("vm "), "list ");
	assert_string_equal(complete("vm l"), "list ");
	assert_string_equal(complete("mmu walk "), "linux other ");
	assert_string_equal(complete("mmu -j walk li"), "linux other ");
	assert_string_equal(complete("mmu walk linux "), "");
	assert_string_equal(complete("log "), "level linux other ");
	assert_string_equal(complete("fro "), "");
	assert_string_equal(complete("help m"), "help log mmu vm ");
	assert_string_equal(complete("'open "), "");
}

static void random_lines_do_no_harm(void **state)
{
	static const char *const words[] = { "vm",    "list", "mmu", "walk", "log",
					     "level", "help", "\"",  "'",    "#",
					     " ",     " ",    "-j",  "x",    "\x7f" };
	u64 seed = 1181783497276652981ULL;

	(void)state;
	for (u32 i = 0; i < 100000; i++) {
		char line[200];
		size_t n = 0;

		for (u32 k = 0; k < 12; k++)
			n += (size_t)snprintf(line + n, sizeof(line) - n, "%s",
					      words[test_random(&seed) % ARRAY_SIZE(words)]);
		complete(line);
		run(line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(command_gets_its_arguments),
		cmocka_unit_test(mistakes_get_one_sentence),
		cmocka_unit_test(number_of_arguments_is_checked_from_the_usage),
		cmocka_unit_test(empty_line_does_nothing),
		cmocka_unit_test(help_lists_every_command_by_name),
		cmocka_unit_test(completion_offers_nouns_then_verbs_then_values),
		cmocka_unit_test(random_lines_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
