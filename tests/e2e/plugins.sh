#!/usr/bin/env bash
# Plugins: docs/PLUGINS.md's own one, built by what is installed, is in the report with the right figures; the program
# behaves as ever, whatever its plugins do; and what is wrong with a plugin or its options is said and harms nobody.
. "$top_srcdir/tests/e2e/lib.sh"
unset ASSAY_PLUGIN_PATH ASSAY_PLUGINS PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
compile naps.c
compile yields.c

# query NAME SQL: rows in one line.
query() { ask "$1" "$2" | tr '\n' ' ' | sed 's/ $//'; }

# times NAME METRIC: its count in each process, in the order of their start.
times()
{
	query "$1" "SELECT sum(v.count) FROM value v JOIN metric k ON k.id = v.metric JOIN thread t ON t.id = v.thread
		JOIN process p ON p.id = t.process WHERE k.name = '$2' GROUP BY p.id ORDER BY p.start_ns, p.id"
}

# What its plugins were, and why one was left out.
plugins_of() { query "$1" "SELECT DISTINCT name || coalesce(': ' || left_out, '') FROM plugin ORDER BY 1"; }

# ---- an installed Assay, elsewhere than it was configured for ----

built=$ASSAY
if ! make -C "$top_builddir" install DESTDIR="$work/stage" >install.log 2>&1; then
	check 'make install DESTDIR=...' cat install.log
	finish
	exit 1
fi
stage=$work/stage$(sed -n 's/^prefix = //p' "$top_builddir/Makefile")
pc=$(find "$stage" -name assay.pc)
unset ASSAY_LIBRARY
ASSAY=$stage/bin/assay
like 'the header is installed, and found by pkg-config' \
	"$(PKG_CONFIG_PATH=${pc%/*} pkg-config --define-prefix --cflags assay 2>&1)" "-I$stage/include*"
like 'and the folder of the plugins' \
	"$(PKG_CONFIG_PATH=${pc%/*} pkg-config --define-prefix --variable=plugindir assay 2>&1)" "$stage/lib*/assay/plugins"

# ---- docs/PLUGINS.md's plugin ----

page=$top_srcdir/docs/PLUGINS.md
# block LANGUAGE: the page's code in it; the page has one.
block() { sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/p" "$page" | sed '/^```/d'; }
same 'docs/PLUGINS.md has one plugin and one query' "$(grep -c '^```c$' "$page") $(grep -c '^```sql$' "$page")" '1 1'
mkdir 'own plugins'
block c >naps_plugin.c
# shellcheck disable=SC2046
check '... it compiles without a warning' \
	"$CC" -shared -fPIC -O2 -Wall -Wextra -Werror $(PKG_CONFIG_PATH=${pc%/*} pkg-config --define-prefix --cflags assay) \
	-o 'own plugins/naps.so' naps_plugin.c
export ASSAY_PLUGIN_PATH=/nowhere:"$work/own plugins"

shown=$("$ASSAY" plugins 2>&1)
# what the page says that it prints
said=$(sed -n '/^`assay plugins` now lists it:$/,/^[^ ]*To install/p' "$page" | sed -n 's/^    //p')
like 'assay plugins says what the page says of it' "$shown" "*${said:?}*"
like '... and in which file it is' "$shown" "*file      $work/own plugins/naps.so*"
like '... and of the installed ones' "$shown" "*null: the template*measures  yields (ns): *option    greet (off): *file      $stage/lib*/assay/plugins/null.so*"
same 'a plugin found twice is the one that was found first' \
	"$(cp 'own plugins/naps.so' null.so; ASSAY_PLUGIN_PATH=$work "$ASSAY" plugins | grep -c '^null: ')" 1
rm -f null.so

both naps --plugins=naps -- ./naps
same 'naps are counted exactly' "$(query naps "SELECT name, times FROM measured WHERE metric = 'naps' ORDER BY name")" 'nanosleep|5 usleep|7'
amounts=$(query naps "SELECT amount FROM measured WHERE metric = 'naps' ORDER BY name")
holds "and took at least the time that was asked for ($amounts s)" "${amounts% *} >= 5 * 0.003 && ${amounts#* } >= 7 * 0.002"
holds '... and not more than the run' "$(query naps "SELECT sum(amount) FROM measured WHERE metric = 'naps'") < $(query naps 'SELECT wall_s FROM account')"
same "the page's query shows the call paths" "$(ask naps "$(block sql)" | grep '^naps|' | cut -d'|' -f3,4 | sort)" \
	"5|naps > main > rest > nanosleep
7|naps > main > doze > usleep"
same 'the metric is in the profile as the plugin describes it' "$(query naps "SELECT unit, kind, help FROM metric WHERE name = 'naps'")" \
	'ns|exact time|wall time in usleep and nanosleep, from call to return'
same 'so is the plugin' "$(plugins_of naps)" naps
report=$("$ASSAY" report --metrics naps.assay)
like 'the report has a table of it, with the help' "$report" '*naps: * in 12 times*wall time in usleep and nanosleep*'
like '... the sleeper, and who slept' "$report" '*5 *nanosleep *rest, in main*'
like '... in JSON too' "$("$ASSAY" report --metrics --json naps.assay)" '*"naps"*usleep*doze*'
account=$(query naps 'SELECT cpu_s + core_wait_s + located_wait_s + unlocated_wait_s - wall_s FROM account')
holds "the account closes as ever ($account s left)" "$account < 1e-9 && $account > -1e-9"
same 'no frame of the plugin itself is in the tree' "$(query naps "SELECT count(*) FROM node n JOIN function f ON f.id = n.function
	JOIN module m ON m.id = f.module WHERE m.name LIKE 'naps%.so%' OR m.name LIKE 'libassay%'")" 0

both threads --plugins=naps -- ./naps threads
same 'threads: each adds its own' "$(query threads "SELECT name, times FROM measured WHERE metric = 'naps' ORDER BY 1, 2")" \
	'nanosleep|5 usleep|7 usleep|12'
same '... in a row of its own' "$(query threads "SELECT sum(v.count) FROM value v JOIN metric k ON k.id = v.metric AND k.name = 'naps'
	JOIN thread t ON t.id = v.thread JOIN node n ON n.id = v.node JOIN function f ON f.id = n.function
	WHERE f.name = 'usleep' GROUP BY t.main ORDER BY t.main")" '12 7'

both child --plugins=naps -- ./naps child
same 'a forked child: has its own part' "$(times child naps)" '14 3'
same '... under the same names' "$(query child "SELECT DISTINCT k.name, n.kind, f.name FROM value v JOIN metric k ON k.id = v.metric
	JOIN node n ON n.id = v.node JOIN function f ON f.id = n.function JOIN thread t ON t.id = v.thread
	WHERE k.name <> 'cpu' AND t.process = (SELECT id FROM process WHERE parent IS NOT NULL)")" 'naps|nap|nanosleep'
same '... and the plugin' "$(query child 'SELECT count(*), count(left_out) FROM plugin')" '2|0'

both cut --plugins=naps -- ./naps cut
same 'a nap cut short by a signal: the program sees what it would' "$(head -n 1 cut.out)" '-1 EINTR, much left'
same '... and it is counted, without a path' "$(query cut "SELECT m.name, m.times, m.amount, f.name FROM measured m JOIN node n ON n.id = m.node
	JOIN node p ON p.id = n.parent JOIN function f ON f.id = p.function WHERE metric = 'interrupted'")" \
	'nanosleep|1|1|[short: no call path taken]'
both cancel --plugins=naps -- ./naps cancel
same 'a thread cancelled in a nap' "$(times cancel naps)" 12

both long --plugins=naps:threshold=1000s -- ./naps threads
same 'threshold: what is shorter has no path, and is all there' "$(query long "SELECT m.name, m.times, f.name FROM measured m
	JOIN node n ON n.id = m.node JOIN node p ON p.id = n.parent JOIN function f ON f.id = p.function ORDER BY 1")" \
	'nanosleep|5|[short: no call path taken] usleep|19|[short: no call path taken]'
both none_long --plugins=naps:shortest=1000s -- ./naps
same "an option of the plugin's own: naps that were not long enough" "$(query none_long 'SELECT count(*) FROM measured')" 0
both some --plugins=naps:shortest=2500us:threshold=0ns -- ./naps
same '... and those that were' "$(query some "SELECT name, times FROM measured WHERE name = 'nanosleep'")" 'nanosleep|5'

under bad --plugins=naps:shortest=soon -- ./naps
same 'a bad value: the plugin says so' "$(cat bad.err)" 'assay: naps: shortest= is no length of time, such as 50us or 1ms'
same '... is left out, and the program runs' "$(cat bad.status bad.out; plugins_of bad)" '5
awake
naps: Invalid argument'

both two --plugins=null,naps -- ./naps threads
same 'two plugins at once' "$(query two "SELECT metric, sum(times), sum(CASE WHEN unit = 'count' THEN amount ELSE 0 END) FROM measured
	GROUP BY metric ORDER BY metric")" 'naps|24|0 threads|4|4'
same '... in one process' "$(plugins_of two)" 'naps null'

cp -r "$stage" "$work/an other: place"
ASSAY="$work/an other: place/bin/assay" under moved --plugins=null,naps -- ./naps threads
same 'installed in a folder with a space and a colon in its name' "$(cat moved.status) $(times moved naps) $(query moved "SELECT amount FROM measured WHERE metric = 'threads'")" '5 24 4'

# ---- the program behaves as ever, and every call is counted ----

# yields WHAT THREADS TIMES CHILDREN LINKS: by its design, (1 + CHILDREN) * (1 + LINKS) images with THREADS + 1 threads.
yields()
{
	local what=$1 images=$(((1 + $4) * (1 + $5))) yields threads
	shift
	both "$what" --plugins=null --rate=2000 -- ./yields "$@"
	yields=$(yes $((($1 + 1) * $2)) | head -n $images | paste -sd' ')
	threads=$([ "$1" = 0 ] || yes "$1" | head -n $images | paste -sd' ')
	same "$what: every call of every process is counted" "$(times "$what" yields)" "$yields"
	same "$what: so is every thread" "$(query "$what" "SELECT sum(v.sum) FROM value v JOIN metric k ON k.id = v.metric AND k.name = 'threads'
		JOIN thread t ON t.id = v.thread JOIN process p ON p.id = t.process GROUP BY p.id ORDER BY p.start_ns, p.id")" "$threads"
	same "$what: nothing is lost" "$(query "$what" "SELECT count(*) FROM loss WHERE kind = 'failed' OR reason LIKE '%plugin%'")" 0
	[ "$4" != 0 ] || check "$what: the account's identities hold" identity "$what"
}

yields alone 0 20000 0 0
yields in_threads 8 5000 0 0
yields forked 0 1000 5 0
yields executed 0 1000 0 3
# An image that waits for nothing and lives for a millisecond: its clocks are not all read at the same moment.
holds 'executed: each image has at least the wall time that it computed' "$(query executed 'SELECT min(wall_ns >= 0.95 * cpu_ns) FROM thread') == 1"
yields everything 3 2000 2 2
for clock in cpu perf; do
	if [ $clock = perf ] && [ -n "$(perf_refused)" ]; then
		skip 'plugins with the perf clock' "$(perf_refused)"
		continue
	fi
	both clock_$clock --plugins=null,naps --rate=5000 --clock=$clock -- ./yields 4 20000 1 1
	same "$clock clock: every call is counted" "$(times clock_$clock yields)" '100000 100000 100000 100000'
done
both env --plugins=null,naps -- env -u _ env
both env_set --plugins=null,naps -- env -i A=1 LD_LIBRARY_PATH=/nonexistent env
both shell --plugins=null,naps -- sh -c 'env -i ./yields 1 10 0 0; printenv LD_PRELOAD ASSAY_RUN ASSAY_PLUGINS; echo $?; ./yields 1 20 0 0 | cat'
same 'shell: followed through the shell and an empty environment' "$(times shell yields)" '20 40'
cat >preloaded.c <<'EOF'
#include <sched.h>
#include <stdio.h>
int sched_yield(void) { static int n; if (!n++) puts("the user's own"); return 0; }
EOF
$CC -shared -fPIC -o preloaded.so preloaded.c
LD_PRELOAD=./preloaded.so ./yields 0 30 0 1 >preload.bare.out 2>&1
LD_PRELOAD=./preloaded.so "$ASSAY" run -q --force --plugins=null -o preload.assay ./yields 0 30 0 1 >preload.out 2>&1
same "the user's own preload comes behind the plugin, and is called" "$(cat preload.out)" "$(cat preload.bare.out)"
same '... and counted' "$(times preload yields)" '30 30'

both none --plugins=none -- ./naps
same '--plugins=none: nothing is measured but CPU time' "$(query none 'SELECT (SELECT count(*) FROM plugin), (SELECT count(*) FROM metric)')" '0|1'
both usual -- ./naps
same 'the usual ones: not those that have to be named' "$(query usual "SELECT count(*) FROM plugin WHERE name IN ('null', 'naps')")" 0
both auto --plugins=auto,naps:threshold=1000s -- ./naps
same 'auto and one more, with an option' "$(times auto naps) $(query auto "SELECT count(*) FROM measured m JOIN node n ON n.id = m.node
	JOIN node p ON p.id = n.parent AND p.kind = 'special'")" '12 2'
under greets --plugins=null:greet=on -- ./yields 0 1 0 0
same 'what a plugin has to say is on standard error' "$(cat greets.err)" 'assay: null: the template of a plugin is at work'

# ---- the command line ----

# refused WHAT LIST WORDS: one line, status 2, and the program is not run.
refused()
{
	"$ASSAY" run -o refused.assay --plugins="$2" touch ran >refused.out 2>refused.err
	same "$1" "$? $(cat refused.out refused.err) $([ -e ran ] && echo ran)" "2 assay: run: $3 "
	rm -f ran
}

refused 'an unknown plugin, with the nearest name' nul "there is no plugin 'nul' (did you mean 'null'?)"
refused 'an unknown plugin, near to none' elephants "there is no plugin 'elephants' ('assay plugins' lists them)"
refused 'a good and an unknown one' null,naaps "there is no plugin 'naaps' (did you mean 'naps'?)"
refused 'an unknown option' null:gret=on "plugin null has no option 'gret' (did you mean 'greet'?)"
refused 'an unknown option, near to none' null:x=1 "plugin null has no option 'x' ('assay plugins' lists them)"
refused 'an option without its value' null:greet 'plugin null: option greet wants a value: greet=VALUE'
refused '... the one that all have' naps:threshold 'plugin naps: option threshold wants a value: threshold=VALUE'
refused 'none is not part of a list' none,null '--plugins=none stands alone'
refused 'more than the library can be told' "null:greet=$(printf '%5000s' '' | tr ' ' x)" \
	'--plugins: too many, or too long: 16 plugins and 4095 characters at most'
refused 'auto has no options' auto:greet=on "--plugins=auto takes no options; a plugin's own do: auto,NAME:OPTION=VALUE"
like 'assay plugins takes no argument' "$("$ASSAY" plugins null 2>&1; echo $?)" $'assay: plugins: takes no argument\n2'
both again --plugins=naps,naps:threshold=1000s -- ./naps
same 'a plugin named twice has the options that were given' "$(times again naps) $(query again "SELECT count(*) FROM measured m
	JOIN node n ON n.id = m.node JOIN node p ON p.id = n.parent AND p.kind = 'special'")" '12 2'

for value in 5 5x ms -1ms 1e400s ''; do
	under threshold --plugins=null:threshold=$value -- ./yields 0 10 0 0
	same "threshold=$value is no length of time: the plugin is left out, and the program runs" \
		"$(cat threshold.status) $(plugins_of threshold) $(query threshold 'SELECT count(*) FROM measured')" \
		'3 null: threshold= is no length of time (20us, 1ms) 0'
done
like '... and the report says so' "$("$ASSAY" report threshold.assay)" '*Plugin null was left out: threshold= is no*length of time*'

# ---- plugins that something is wrong with ----

# wrong NAME FLAG...: makes wrong/NAME.so; `left_out NAME STDERR WHY`: it is left out, with these words.
mkdir wrong
wrong()
{
	local name=$1
	shift
	"$CC" -shared -fPIC -O2 -I"$stage/include" -DNAME="$name" "$@" -o "wrong/$name.so" "$programs/wrong_plugin.c" || exit 1
}
left_out()
{
	both "$1" --plugins="$1" -- ./none_of_it
	same "$1: is left out in both processes, with words" "$(query "$1" 'SELECT DISTINCT left_out FROM plugin') $(query "$1" 'SELECT count(*) FROM plugin')" "$2 2"
	like "$1: the report says so" "$("$ASSAY" report "$1.assay" | tr -s ' \n' ' ')" "*Plugin $1 was left out in all processes: *"
}
printf '#!/bin/sh\necho a program\n(echo its child; exit 1)\nexit 7\n' >none_of_it
chmod +x none_of_it
# what assay run says first is no difference
unusable()
{
	bare "$1" ./none_of_it
	under "$1" --plugins="$1" -- ./none_of_it
	like "$1: one line says why it is left out" "$(cat "$1.err")" "assay: plugin $1 is left out: $work/wrong/$1.so: $2"
	: >"$1.err"
	check "$1: and the program runs as ever" agrees "$1"
	like "$1: the profile says that it was not there" "$(plugins_of "$1")" "$1: ?*"
	like "$1: assay plugins says why" "$("$ASSAY" plugins)" "*$1: cannot be used: $2*"
}
ASSAY_PLUGIN_PATH="$work/wrong:$work/own plugins"
wrong fails -DFAILS
left_out fails 'Function not implemented'
wrong refuses -DREFUSES
left_out refuses 'there is nothing for it in this program'
wrong elsewhere -DNOT_HERE
left_out elsewhere 'this machine is not of that kind'
like 'elsewhere: assay plugins says it too' "$("$ASSAY" plugins)" '*elsewhere: *  does not apply here: this machine is not of that kind*'
wrong many -DMANY
left_out many 'there are too many metrics'
wrong later -DABI='ASSAY_PLUGIN_ABI + 1'
unusable later 'it was built for another version of Assay'
wrong smaller -DSIZE=8
unusable smaller 'it was built for another version of Assay'
wrong constant -DNO_CONSTANT
unusable constant 'it is no plugin: it does not export assay_plugin_NAME'
wrong undefined -DUNDEFINED -Wl,-z,now
unusable undefined '*undefined symbol: what_nobody_defines*'
echo 'no shared object' >wrong/text.so
unusable text '*file too short*'
wrong larger -DSIZE='sizeof(struct assay_plugin) + 64'
both larger --plugins=larger -- ./none_of_it
same 'larger: a plugin that has more than this Assay knows works' "$(plugins_of larger)" larger
both failing --plugins=fails,naps,refuses -- ./naps
same 'one that works among those that do not' "$(times failing naps) $(query failing 'SELECT name FROM plugin WHERE left_out IS NULL')" '12 naps'
rm -f 'own plugins/naps.so'
refused 'a plugin that was there is gone' naps "there is no plugin 'naps' ('assay plugins' lists them)"

same 'nothing is left behind where spools are made' "$("$built" digest | grep -c "$work")" 0
finish
