# interpose.awk: C source from a table of functions and a template: awk -f interpose.awk TEMPLATE TABLE >out.c
#
# For interposers, of which a plugin has many that differ in little. The table has a row a function, the template readable
# C once for each class of them. docs/PLUGINS.md (Many functions) shows both. Needs nothing that mawk has not.
#
# The table. Columns stand apart by a | with blanks around it; a line that ends in \ goes on in the next; # begins a
# comment line.
#
#   return type | function | parameters as in C | class | KEY=VALUE | KEY=VALUE ...
#
# The template is C, copied as it is but for
#
#   @@for CLASS...       to @@end: once for each row of these classes, in the table's order; `*` is all of them
#   @@# words            a remark: left out
#
# and in between
#
#   @NAME@ @RETURN@      the function's name, its return type
#   @PARAMETERS@         as in the table, or void
#   @ARGUMENTS@          their names, to hand them on ("..." is left out)
#   @COMMA_ARGUMENTS@    the same with ", " before, where there are any
#   @CLASS@ @LINE@       the row's class; where it is in the table: "TABLE:LINE"
#   @KEY@ @KEY:else@     a further column's value (the key in capitals); `else` for rows without it, else it is an error
#   @?KEY@ @!KEY@        at a line's begin: this line only for rows that have the column, or have it not. VOID is one
#                        that functions without a result have, NONE one that those without parameters have
#
# A class without a part in the template, a key that its part does not use, a parameter without a name, a function said
# twice: each is an error with file and line, and exit status 1.

function fail(file, line, words)
{
	printf "%s:%d: %s\n", file, line, words >"/dev/stderr"
	failed = 1
	exit 1
}

function trim(s)
{
	sub(/^[ \t]+/, "", s)
	sub(/[ \t]+$/, "", s)
	return s
}

# ---- the template ----

# Which keys a line of a part speaks of: so a key in the table that nobody uses is found.
function note_keys(line, class,    key)
{
	while (match(line, /@[?!]?[A-Z][A-Z0-9_]*(:[^@]*)?@/)) {
		key = substr(line, RSTART + 1, RLENGTH - 2)
		sub(/^[?!]/, "", key)
		sub(/:.*/, "", key)
		speaks_of[class, key] = 1
		line = substr(line, RSTART + RLENGTH)
	}
}

function read_template(line,    words, n, i)
{
	template_lines = FNR
	text[FNR] = line
	if (line ~ /^@@#/)
		return
	if (line ~ /^@@for[ \t]/) {
		if (in_part)
			fail(FILENAME, FNR, "@@for within @@for")
		in_part = FNR
		part_of[FNR] = trim(substr(line, 6))
		n = split(part_of[FNR], words, /[ \t]+/)
		for (i = 1; i <= n; i++)
			has_part[words[i]] = 1
	} else if (line ~ /^@@end[ \t]*$/) {
		if (!in_part)
			fail(FILENAME, FNR, "@@end without @@for")
		part_ends[in_part] = FNR
		in_part = 0
	} else if (line ~ /^@@/) {
		fail(FILENAME, FNR, "neither @@for CLASS, @@end nor @@#: " line)
	} else if (in_part) {
		n = split(part_of[in_part], words, /[ \t]+/)
		for (i = 1; i <= n; i++)
			note_keys(line, words[i])
	}
}

# ---- the table ----

# The name that a parameter has: "char *const argv[]", "void (*f)(int)".
function name_of(parameter, line,    p)
{
	p = parameter
	if (match(p, /\(\*[ \t]*[A-Za-z_][A-Za-z0-9_]*/)) {
		p = substr(p, RSTART, RLENGTH)
	} else {
		while (sub(/[ \t]*\[[^]]*\][ \t]*$/, "", p))
			;
		if (p !~ /[ \t*][A-Za-z_][A-Za-z0-9_]*$/)
			fail(FILENAME, line, "a parameter without a name: " parameter)
	}
	match(p, /[A-Za-z_][A-Za-z0-9_]*$/)
	p = substr(p, RSTART)
	if (p ~ /^(void|char|short|int|long|float|double|signed|unsigned|const|volatile|restrict|struct|union|enum|size_t|ssize_t)$/)
		fail(FILENAME, line, "a parameter without a name: " parameter)
	return p
}

function take_parameters(r, list, line,    i, c, depth, one, names, n)
{
	if (list == "" || list == "void") {
		column[r, "PARAMETERS"] = "void"
		column[r, "NONE"] = 1
		list = ""
	} else {
		column[r, "PARAMETERS"] = list
		list = list ","
	}
	depth = 0
	for (i = 1; i <= length(list); i++) {
		c = substr(list, i, 1)
		depth += c == "(" ? 1 : c == ")" ? -1 : 0
		if (depth < 0)
			fail(FILENAME, line, "unbalanced parentheses: " column[r, "PARAMETERS"])
		if (c != "," || depth) {
			one = one c
			continue
		}
		one = trim(one)
		if (one != "...")
			names = names (n++ ? ", " : "") name_of(one, line)
		one = ""
	}
	if (depth)
		fail(FILENAME, line, "unbalanced parentheses: " column[r, "PARAMETERS"])
	column[r, "ARGUMENTS"] = names
	column[r, "COMMA_ARGUMENTS"] = n ? ", " names : ""
}

function take_key(r, pair, line,    at, key)
{
	at = index(pair, "=")
	key = toupper(trim(substr(pair, 1, at ? at - 1 : length(pair))))
	if (!at || key !~ /^[A-Z][A-Z0-9_]*$/)
		fail(FILENAME, line, "neither empty nor KEY=VALUE: " pair)
	if ((r, key) in column)
		fail(FILENAME, line, tolower(key) "= is there already")
	if (!((column[r, "CLASS"], key) in speaks_of) && !(("*", key) in speaks_of))
		fail(FILENAME, line, "class " column[r, "CLASS"] " does not use " tolower(key) "=")
	column[r, key] = trim(substr(pair, at + 1))
}

function take_row(row, line,    c, n, i, r)
{
	gsub(/[ \t]/, "  ", row) # a blank on each side, of two columns' marks too
	n = split(row, c, / \|( |$)/)
	for (i = 1; i <= n; i++) {
		gsub(/  /, " ", c[i])
		c[i] = trim(c[i])
	}
	if (n < 4)
		fail(FILENAME, line, "not `return type | function | parameters | class`: " row)
	if (c[1] == "")
		fail(FILENAME, line, "no return type")
	if (c[2] !~ /^[A-Za-z_][A-Za-z0-9_]*$/)
		fail(FILENAME, line, "no name of a function: " c[2])
	if (c[2] in said)
		fail(FILENAME, line, c[2] " is there already, in line " said[c[2]])
	said[c[2]] = line
	r = ++rows
	row_line[r] = line
	column[r, "RETURN"] = c[1]
	column[r, "NAME"] = c[2]
	column[r, "CLASS"] = c[4]
	column[r, "LINE"] = FILENAME ":" line
	if (c[1] == "void")
		column[r, "VOID"] = 1
	if (c[4] !~ /^[A-Za-z_][A-Za-z0-9_]*$/ || !(c[4] in has_part))
		fail(FILENAME, line, "the template has no part for class `" c[4] "`")
	take_parameters(r, c[3], line)
	for (i = 5; i <= n; i++)
		if (c[i] != "")
			take_key(r, c[i], line)
}

# ---- what comes out ----

function value(r, key, at)
{
	if (match(key, /:/)) {
		if ((r, substr(key, 1, RSTART - 1)) in column)
			return column[r, substr(key, 1, RSTART - 1)]
		return substr(key, RSTART + 1)
	}
	if (!((r, key) in column))
		fail(table, row_line[r], column[r, "NAME"] ": class " column[r, "CLASS"] " needs " tolower(key) "= (" template ":" at ")")
	return column[r, key]
}

# A line of a part, filled in for a row.
function fill(r, line, at,    out, key, wanted)
{
	while (match(line, /^@[?!][A-Z][A-Z0-9_]*@/)) {
		wanted = substr(line, 2, 1) == "?"
		key = substr(line, 3, RLENGTH - 3)
		if (((r, key) in column) != wanted) {
			print "" # for #line's sake
			return
		}
		line = substr(line, RLENGTH + 1)
	}
	while (match(line, /@[A-Z][A-Z0-9_]*(:[^@]*)?@/)) {
		key = substr(line, RSTART + 1, RLENGTH - 2)
		out = out substr(line, 1, RSTART - 1)
		line = substr(line, RSTART + RLENGTH)
		out = out value(r, key, at)
	}
	print out line
}

function is_of(r, classes)
{
	return classes == "*" || index(" " classes " ", " " column[r, "CLASS"] " ")
}

function fill_part(begin,    classes, r, i)
{
	classes = part_of[begin]
	gsub(/[ \t]+/, " ", classes)
	for (r = 1; r <= rows; r++) {
		if (!is_of(r, classes))
			continue
		printf "#line %d \"%s\"\n", begin + 1, template
		for (i = begin + 1; i < part_ends[begin]; i++)
			if (text[i] !~ /^@@/)
				fill(r, text[i], i)
	}
	printf "#line %d \"%s\"\n", part_ends[begin] + 1, template
}

FNR == 1 { files++ }

files == 1 {
	template = FILENAME
	read_template($0)
	next
}

FNR == 1 {
	table = FILENAME
	if (in_part)
		fail(template, in_part, "@@for without @@end")
}

files == 2 && !begun && /^[ \t]*(#|$)/ { next }

files == 2 {
	if (!begun)
		begun = FNR
	whole = whole trim($0)
	if (sub(/[ \t]*\\$/, " ", whole))
		next
	take_row(whole, begun)
	whole = ""
	begun = 0
}

END {
	if (failed)
		exit 1
	if (files != 2)
		fail(files ? template : "interpose.awk", 0, "interpose.awk TEMPLATE TABLE, neither of them empty")
	if (begun)
		fail(table, begun, "the row goes on, but there is no more line")
	if (!rows)
		fail(table, 0, "no rows")
	printf "/* Made by interpose.awk from %s and %s: change these. */\n#line 1 \"%s\"\n", template, table, template
	for (at = 1; at <= template_lines; at++) {
		if (at in part_of) {
			fill_part(at)
			at = part_ends[at]
		} else if (text[at] !~ /^@@/) {
			print text[at]
		} else {
			print ""
		}
	}
}
