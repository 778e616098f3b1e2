# SPDX-License-Identifier: BSD-2-Clause
# From the comment lines SOURCES, LIBS and CFLAGS at the head of each test program to make rules.
# A line may be repeated; tests/host/mutant.c belongs to all. Objects are shared between the programs
# of a folder unless a program has CFLAGS of its own.

function flush(	kind, prog, objs) {
	if (file == "")
		return
	kind = file
	sub(/^tests\//, "", kind)
	sub(/\/.*/, "", kind)
	prog = file
	sub(/^tests\//, build "/", prog)
	sub(/\.c$/, "", prog)
	objs = cflags == "" ? build "/" kind "/obj" : prog ".obj"
	if (!(objs in seen))
		printf "%s/%%.o: %% $(BUILD)/flags\n\t@mkdir -p $(@D)\n" \
			"\t@echo '  HOSTCC  $<'\n" \
			"\t$Q $(HOST_CC) $(FLAGS_%s) %s -MMD -MP -c -o $@ $<\n", objs, kind, cflags
	seen[objs] = 1
	printf "%s: $(addprefix %s/,$(addsuffix .o,%s tests/host/mutant.c $(filter-out %%.asl,$(wildcard %s))))\n",
		prog, objs, file, sources
	if (sources ~ /\.asl/) # data: the object of the image serves
		printf "%s: $(patsubst %%,$(BUILD)/obj/%%.o,$(filter %%.asl,%s))\n", prog, sources
	printf "\t$Q $(HOST_CC) $(FLAGS_%s) -o $@ $(filter %%.o,$^) %s -lcmocka\n", kind, libs
}

FNR == 1 { flush(); file = FILENAME; sources = libs = cflags = "" }
FNR > 20 { next }
/^\/\* (SOURCES|LIBS|CFLAGS): .* \*\/$/ {
	text = $0
	sub(/^\/\* [A-Z]+: */, "", text)
	sub(/ *\*\/$/, "", text)
	if ($2 == "SOURCES:")
		sources = sources " " text
	else if ($2 == "LIBS:")
		libs = libs " " text
	else
		cflags = cflags " " text
	next
}
/(SOURCES|LIBS|CFLAGS):/ {
	printf "%s:%d: this must be one comment on one line; repeat it for more\n", FILENAME, FNR \
		>"/dev/stderr"
	exit failed = 1
}
END { if (!failed) flush() }
