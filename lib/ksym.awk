# SPDX-License-Identifier: BSD-2-Clause
# From `nm -n` of the image to the assembly of its table of function names (lib/ksym.h): the low
# 32 bits of each address, and the names in the same order, each ended by a NUL.

BEGIN {
	print ".section .rodata.ksym, \"a\""
	print ".global ksym_addrs, ksym_names, ksym_nr"
	print ".balign 4"
	print "ksym_addrs:"
}

/^ffffffff[0-9a-f]+ [tT] / && $1 != last {
	gsub(/\.(isra|constprop|part)\.[0-9]+/, "", $3)
	print "\t.long 0x" substr($1, 9)
	names = names "\t.asciz \"" $3 "\"\n"
	last = $1
	nr++
}

END {
	print "ksym_nr:\n\t.long " nr + 0
	printf "ksym_names:\n%s\t.byte 0\n", names
}
