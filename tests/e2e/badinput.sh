#!/usr/bin/env bash
# What bad input gets: one clear line on standard error, the exit status of convention, nothing run that cannot be
# measured, nothing overwritten and nothing lost.
. "$top_srcdir/tests/e2e/lib.sh"
# Runs that are left behind are looked for here and nowhere else.
mkdir "$work/spools" "$work/elsewhere"
export ASSAY_SPOOL_DIR=$work/spools
ulimit -c 0
compile hot.c

# refused WHAT STATUS PATTERN COMMAND...: one line that begins with "assay", nothing on standard output, and no program
# ran (they all make the file `ran`).
refused()
{
	local what=$1 wanted=$2 pattern=$3 status complaint=
	shift 3
	rm -f ran
	{ "$@" >refused.out 2>refused.err </dev/null; } 2>/dev/null
	status=$?
	[ $status = "$wanted" ] || complaint+=" status $status;"
	[ "$(wc -l <refused.err)" = 1 ] || complaint+=" $(wc -l <refused.err) lines;"
	# shellcheck disable=SC2053
	[[ $(cat refused.err) == assay*$pattern ]] || complaint+=" said: $(cat refused.err);"
	[ ! -s refused.out ] || complaint+=' wrote to standard output;'
	[ ! -e ran ] || complaint+=' and it ran;'
	[ -z "$complaint" ]
	result $? "$what$complaint"
}

run() { "$ASSAY" run "$@"; }

# as_user COMMAND...: as somebody who may not do everything. In words why not, or nothing.
no_user=
if [ "$(id -u)" = 0 ]; then
	if ! command -v setpriv >/dev/null || ! setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$ASSAY" -a -r "$ASSAY_LIBRARY"; then
		no_user='no other user can run this build'
	fi
	as_user() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
else
	as_user() { "$@"; }
fi

# ---- programs that cannot be run or measured ----

refused 'no such program' 127 '*no-such-program*' run no-such-program
refused 'no such file' 127 './no-such-file*' run ./no-such-file argument
refused 'an empty name' 127 '*' run ''
echo text >text
refused 'not executable' 126 './text*ermission*' run ./text
refused 'a folder' 126 '*directory*' run ./elsewhere
printf 'text\n\001\002\n' >nonsense
chmod +x nonsense
printf '#!%s/no-such-interpreter\n' "$work" >orphan
chmod +x orphan
refused 'a script whose interpreter is not there' 126 '*orphan*' run ./orphan
if $CC -static -o static "$programs/hot.c" 2>static.log; then
	refused 'a static program' 126 './static*static*' run ./static
	# What it starts is measured all the same; the rest of the run is not lost.
	under around -- sh -c './static; ./hot 100; exit 3'
	same 'a static program among others: exit status' "$(cat around.status)" 3
	same 'a static program among others: it ran' "$(grep -c output around.out)" 2
	same 'a static program among others: the others are measured' "$(ask around "SELECT count(*) > 0 FROM process p JOIN thread t
		ON t.process = p.id WHERE p.name = 'hot' AND t.samples > 0")" 1
else
	skip 'a static program' "$CC -static does not work here"
fi

# patch FROM TO EDIT: a copy of a program, changed by a line of Python that has its bytes as b.
patch_elf()
{
	"$python" - "$@" <<'END' && chmod +x "$2"
import re, sys
b = bytearray(open(sys.argv[1], "rb").read())
exec(sys.argv[3])
open(sys.argv[2], "wb").write(b)
END
}

patch_elf hot other32 'b[4] = 1'
refused 'a 32-bit program' 126 './other32*32-bit*' run ./other32
patch_elf hot other_machine 'b[18:20] = bytes([243, 0])'
refused 'a program for another processor' 126 './other_machine*processor*' run ./other_machine
patch_elf hot musl 'm = re.search(rb"/[\w/.-]*ld-linux[\w.-]*", b); b[m.start():m.end()] = b"/lib/ld-musl-x.so.1".ljust(m.end() - m.start(), b"\0")[:m.end() - m.start()]'
refused 'a program that uses musl' 126 './musl*musl*' run ./musl
patch_elf hot cut 'del b[100:]'
refused 'a program cut off in its headers' 126 '*cut*' run ./cut
setuid=
if [ "$(id -u)" = 0 ]; then
	cp hot setuid && chown 65534 setuid && chmod u+s setuid && setuid=./setuid
else
	setuid=$(find /usr/bin /bin -perm -4001 ! -user "$(id -un)" 2>/dev/null | head -n 1)
fi
if [ -n "$setuid" ]; then
	refused 'a setuid program of another user' 126 "$setuid*setuid*" run "$setuid"
else
	skip 'a setuid program of another user' 'there is none'
fi

# ---- words ----

refused 'an option that is not known' 2 '*--rtae*--rate*' run --rtae=5 ./hot
refused 'a clock that is not known' 2 '*prf*perf*' run --clock=prf ./hot
refused 'an unwinder that is not known' 2 '*libunwnd*libunwind*' run --unwinder=libunwnd ./hot
for rate in 0 10001 -5 1e3 '' 99999999999999999999; do
	refused "a rate of '$rate'" 2 '*rate*' run --rate="$rate" ./hot
done
for limit in 0 1 12X 999999999999G K ''; do
	refused "a limit of '$limit'" 2 '*limit*' run --limit="$limit" ./hot
done
refused 'an option without its argument' 2 '*-o*' run -o
refused 'no program' 2 '*' run
refused 'no profile' 1 '*profile*' env -C elsewhere "$ASSAY" report
refused 'a profile that is not there' 1 '*nothing.assay*' "$ASSAY" report nothing.assay
refused 'a folder for a profile' 1 '*elsewhere*' "$ASSAY" report elsewhere
refused 'a run directory that is not there' 1 '*nowhere*' "$ASSAY" digest nowhere
refused 'a folder that is no run directory' 1 '*elsewhere*' "$ASSAY" digest elsewhere

# ---- where the profile goes ----

under plain -- ./hot 200
same 'a plain run: exit status' "$(cat plain.status)" 5
cp plain.assay before.assay
refused 'a profile that exists' 1 '*plain.assay*--force*' run -o plain.assay ./hot
check '... is left as it was' cmp plain.assay before.assay
"$ASSAY" run -q --force -o plain.assay ./hot 100 >/dev/null 2>&1
check '... is replaced by --force' test "$(ask plain "SELECT value LIKE '%hot 100' FROM run WHERE key = 'command'")" = 1
for _ in 1 2 3; do "$ASSAY" run -q ./hot >/dev/null 2>&1; done
same 'default names are numbered' "$(echo hot*.assay)" 'hot.2.assay hot.3.assay hot.assay'
"$ASSAY" run -q -o taken.assay sh -c 'echo mine >taken.assay; exit 4' 2>taken.err
same 'a file that appears under the name meanwhile: exit status' $? 4
same '... is left as it was' "$(cat taken.assay)" mine
like '... and what was measured is kept' "$(cat taken.err)" '*taken.assay*exists*assay digest */spools/*'
"$ASSAY" digest -o rescued.assay "$(grep -o "$work/spools/[^ ]*" taken.err | head -n 1)" 2>/dev/null
check '... and can be digested' test -s rescued.assay
refused 'a folder for the profile that is not there' 1 '*nowhere*' run -o nowhere/x.assay ./hot
refused 'a folder as the profile' 1 '*elsewhere*' run -o elsewhere ./hot
refused 'a folder as the profile, with --force' 1 '*elsewhere*' run --force -o elsewhere ./hot
refused 'a folder for the spools that is not there' 1 '*nowhere*' run --spool-dir=nowhere ./hot
refused 'a library that is not there' 1 '*libassay*' env ASSAY_LIBRARY=/nonexistent "$ASSAY" run ./hot
if [ -z "$no_user" ]; then
	mkdir -m 555 readonly
	refused 'a folder that cannot be written to' 1 '*readonly*ermission*' as_user "$ASSAY" run -o readonly/x.assay "$work/hot"
	mkdir -m 777 open
	refused 'a folder for spools that cannot be written to' 1 '*readonly*' as_user "$ASSAY" run -o open/x.assay --spool-dir=readonly "$work/hot"
	cp hot unreadable && chmod 111 unreadable
	as_user env -C open ASSAY_SPOOL_DIR="$work/open" "$ASSAY" run -q -o unreadable.assay ../unreadable >unreadable.out 2>&1 </dev/null
	same 'a program that can be executed and not read runs' $? 5
else
	skip 'a folder that cannot be written to' "$no_user"
fi

# ---- no space ----

# on_small SIZE COMMAND: runs bash's COMMAND with a file system of that size at ./small.
mkdir small
on_small()
{
	local unshare=(unshare -m)
	[ "$(id -u)" = 0 ] || unshare=(unshare -rm)
	"${unshare[@]}" bash -c "mount -t tmpfs -o size=$1 none small && $2"
}
if ! on_small 64k true 2>small.err; then
	skip 'no space for the profile' "no small file system can be made: $(tail -n 1 small.err)"
	skip 'no space for the spools' "no small file system can be made: $(tail -n 1 small.err)"
else
	on_small 12k '"$ASSAY" run -q -o small/x.assay ./hot 100 >small.out 2>small.err; echo $? >small.status; ls -A small >small.ls'
	same 'no space for the profile: exit status' "$(cat small.status)" 5
	like '... says so' "$(cat small.err)" "*small/x.assay*assay digest $work/spools/*"
	same '... leaves nothing half written' "$(cat small.ls)" ''
	"$ASSAY" digest -o space.assay "$(grep -o "$work/spools/[^ ]*" small.err | head -n 1)" 2>/dev/null
	same '... and keeps what was measured' "$(ask space "SELECT count(*) FROM hot_functions WHERE name LIKE 'hot\\___%' ESCAPE '\\' AND samples > 0")" 2

	for size in 4k 8k 12k 16k 20k 32k; do
		rm -f spoolless.assay
		on_small $size '"$ASSAY" run -q -o spoolless.assay --spool-dir=small ./hot 100 >small.out 2>small.err; echo $? >small.status'
		if [ -s spoolless.assay ]; then
			same "spools in $size: the program's own status and output" "$(cat small.status small.out)" "5"$'\n'output
		else
			like "spools in $size: the program's own status, or none of it" "$(cat small.status small.out)" "@(5${nl-$'\n'}output|1)"
			like '... and in words why not' "$(cat small.err)" '*assay: *'
		fi
	done
	# Room for the first process and not for the many that follow: all of them run.
	on_small 28k '"$ASSAY" run -q -o crowd.assay --spool-dir=small sh -c "for i in 1 2 3 4 5 6 7 8 9 10; do ./hot; done" >small.out 2>small.err; echo $? >small.status'
	same 'spools for many processes in 28k: all of them ran' "$(cat small.status; sort small.out | uniq -c | xargs)" $'5\n10 output'
	like '... and each that is not measured says why, once' "$(grep -c '^assay: not measuring' small.err) $(grep -c '^error' small.err)" '[1-9]* 10'
fi

# ---- damaged profiles ----

# tell WHAT FILE PATTERN: the report refuses it in one line; so does --json.
tell()
{
	refused "$1" 1 "$3" "$ASSAY" report "$2"
	refused "$1, --json" 1 "$3" "$ASSAY" report --json "$2"
}
: >empty.assay
tell 'an empty profile' empty.assay '*empty.assay*'
tell 'a text as a profile' text '*text*'
sqlite3 foreign.assay 'CREATE TABLE run (key TEXT)'
tell "another program's database" foreign.assay '*foreign.assay*'
cp before.assay older.assay && sqlite3 older.assay 'PRAGMA user_version = 0'
tell 'an older profile' older.assay '*older*'
cp before.assay newer.assay && sqlite3 newer.assay 'PRAGMA user_version = 1000'
tell 'a newer profile' newer.assay '*newer*'
size=$(stat -c %s before.assay)
for part in 1 50 100 1000 $((size / 4)) $((size / 2)) $((size - 4096)) $((size - 1)); do
	head -c "$part" before.assay >truncated.assay
	refused "a profile cut off after $part of $size bytes" 1 '*truncated.assay*' "$ASSAY" report truncated.assay
done
cp before.assay tables.assay && sqlite3 tables.assay 'DROP VIEW hot_functions; DROP TABLE node'
tell 'a profile without a table' tables.assay '*tables.assay*'

# Bytes changed anywhere, by a generator with a fixed seed: a report or an error in one line, never a crash or a hang.
cat >damage.py <<'END'
import random, subprocess, sys
source, target, where, times, command = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:]
whole = open(source, "rb").read()
bad = refused = 0
for seed in range(times):
    random.seed(seed)
    b = bytearray(whole)
    for _ in range(random.choice((1, 3, 20, 200))):
        b[random.randrange(min(where, len(b)))] = random.choice((0, 1, 255, random.randrange(256)))
    with open(target, "r+b" if where < len(b) else "wb") as f:
        f.write(b[:where] if where < len(b) else b)
    try:
        r = subprocess.run(command, capture_output=True, timeout=60)
    except subprocess.TimeoutExpired:
        print(f"seed {seed}: hangs"); bad += 1; continue
    lines = r.stderr.decode(errors="replace").splitlines()
    refused += r.returncode == 1
    if r.returncode not in (0, 1) or (r.returncode == 1 and not (lines and all(l.startswith("assay: ") for l in lines))):
        print(f"seed {seed}: status {r.returncode}, {lines[:3]}"); bad += 1
print(f"{times} times, {refused} refused, {bad} wrong")
sys.exit(bad > 0 or refused == times)
END
check 'a profile with changed bytes is refused or shown' "$python" damage.py before.assay bytes.assay 999999999 60 "$ASSAY" report --all bytes.assay

# ---- damaged spools ----

"$ASSAY" run -q --keep-spools -o kept.assay ./hot 300 >/dev/null 2>kept.err
dir=$(grep -o "$work/spools/[^ ]*" kept.err)
spool=$(echo "$dir"/*.spool)
head -c 65536 "$spool" >spool.good
digest() { "$ASSAY" digest --keep-spools --force -o digested.assay "$dir"; }
# put BYTES-FILE: makes that the spool.
put() { cp "$1" "$spool"; }
# kept WHAT PATTERN: the only spool cannot be read: an error that says why, and nothing is removed, nor a profile made.
kept()
{
	rm -f unmade.assay
	"$ASSAY" digest -o unmade.assay "$dir" >kept.out 2>kept.err
	same "$1: an error, and nothing lost" "$? $(ls -A "$dir" | wc -l) $(ls unmade.assay 2>/dev/null)" '1 2 '
	like '... and which and why is said' "$(cat kept.err)" "$2"
}
found() { ask digested "SELECT count(*) FROM hot_functions WHERE name LIKE 'hot\\___%' ESCAPE '\\' AND samples > 0"; }
digest 2>/dev/null
same 'a spool as it was' "$(found)" 2
for bad in text hot; do
	put $bad
	kept "a spool that is ${bad/hot/a program}" "*${spool##*/}*not a spool*"
done
# version: bytes 8 to 11
for version in 0 99; do
	cp spool.good other && printf "$(printf '\\%03o' $version)" | dd of=other bs=1 seek=8 conv=notrunc status=none
	put other
	kept "a spool of version $version" "*${spool##*/}*$([ $version = 0 ] && echo older || echo newer)*"
done
for part in 1 100; do
	head -c $part spool.good >other
	put other
	kept "a spool cut off after $part bytes" "*${spool##*/}*not a spool*"
done
for part in 1000 4096 6000; do
	head -c $part spool.good >other
	put other
	digest >other.out 2>other.err
	like "a spool cut off after $part bytes gives what it has, and it is said" "$? $(cat other.err)" "0 *${spool##*/}*cut off*"
done
put spool.good
check 'a spool with changed bytes is refused or read' "$python" damage.py spool.good "$spool" 12288 80 \
	"$ASSAY" digest --keep-spools --force -o bytes.assay "$dir"
put spool.good
# One bad spool among good ones: the others are not lost.
echo garbage >"$dir/99999-0.spool"
digest 2>good.err
same 'a bad spool beside a good one: the good one is digested' "$? $(found)" '0 2'
like '... and the bad one named' "$(cat good.err)" '*99999-0.spool*'
cp -r "$dir" "$dir-copy"
"$ASSAY" digest --force -o digested.assay "$dir-copy" 2>/dev/null
check '... and nothing is removed' test -s "$dir-copy/99999-0.spool" -a -s "$dir-copy/${spool##*/}"
rm -rf "$dir-copy"
rm -f "$dir/99999-0.spool"
mv "$dir/run" run.kept
refused 'a run directory without its run file' 1 '*run*' digest
head -c 20 run.kept >"$dir/run"
digest >other.out 2>&1
like 'a run file cut off' "$?" '[01]'
mv run.kept "$dir/run"

# ---- damaged modules ----

for name in first second; do
	$CC -O2 -g -shared -fPIC -DNAME=$name -o lib$name.so "$programs/module.c" || exit 1
done
compile modules.c -ldl
"$ASSAY" run -q --keep-spools -o modules.assay ./modules -k ./libfirst.so ./libsecond.so >/dev/null 2>modules.err
dir=$(grep -o "$work/spools/[^ ]*" modules.err)
cp libfirst.so good.so
# module WHAT EDIT: libfirst.so is made anew from the good one; the digest does without it.
module()
{
	rm -f libfirst.so
	[ "$2" = remove ] || patch_elf good.so libfirst.so "$2"
	timeout 60 "$ASSAY" digest --keep-spools --force -o module.assay "$dir" >module.out 2>&1
	same "$1: the profile is made, with the other library's names" "$? $(ask module "SELECT count(*) FROM hot_functions
		WHERE module = 'libsecond.so' AND name = 'burn_in_module' AND samples > 0")" '0 1'
	same "$1: no time is lost" "$(ask module "SELECT sum(samples) = (SELECT sum(samples) FROM thread) FROM hot_functions WHERE exclusive_s > 0")" 1
}
module 'a module as it was' 'pass'
same '... has its names' "$(ask module "SELECT count(*) FROM hot_functions WHERE module = 'libfirst.so' AND name = 'burn_in_module'")" 1
module 'a module that is gone' remove
like '... says so' "$(ask module "SELECT symbols || ' ' || note FROM module WHERE name = 'libfirst.so'")" 'none *'
module 'an empty module' 'b[:] = b""'
module 'a module that is a text' 'b[:] = b"text\n"'
module 'a module cut off' 'del b[len(b) // 2:]'
module 'a module cut off in its headers' 'del b[40:]'
module 'a module with a broken header' 'b[32:64] = bytes([255]) * 32'
module 'a module built anew' 'i = b.find(b"GNU\0", 100); b[i + 4:i + 24] = bytes(20)'
same '... is not used under a false name' "$(ask module "SELECT count(*) FROM hot_functions WHERE module = 'libfirst.so' AND name = 'burn_in_module'")" 0
# Symbols, strings, call-frame information and DWARF, damaged behind an intact build-id: anything but the loaded part's head.
damage='import random; random.seed(SEED); i = b.find(b"GNU\0", 100) + 24
for _ in range(COUNT): b[random.randrange(i, len(b))] = random.randrange(256)'
for seed in $(seq 12); do
	edit=${damage/SEED/$seed}
	module "a module with damage $seed" "${edit/COUNT/$((10 * seed * seed))}"
done

# ---- a launcher, or a digest, that is killed ----

mkfifo go ready
"$ASSAY" run -q -o orphan.assay sh -c './hot 200; echo >ready; read line <go; ./hot 200' >/dev/null 2>&1 &
launcher=$!
read -r _ <ready
dir=$("$ASSAY" digest | sed -n 's/^\([^ ]*\)  sh -c .*/\1/p')
refused 'a run that goes on is not digested' 1 '*goes on*' "$ASSAY" digest "$dir"
"$ASSAY" digest --keep-spools -o live.assay "$dir" 2>/dev/null
same '... but looked at with --keep-spools' "$(ask live "SELECT count(*) FROM hot_functions WHERE name LIKE 'hot\\___%' ESCAPE '\\' AND samples > 0")" 2
shell=$(tr '\0' '\n' <"$dir/run" | sed -n 's/^root_pid=//p')
{ kill -KILL $launcher; wait $launcher; } 2>/dev/null
echo >go
# the program is nobody's child now
tail --pid="$shell" -f /dev/null
like 'a killed launcher: its run is listed' "$("$ASSAY" digest)" "*$dir*sh -c*"
"$ASSAY" digest "$dir" 2>orphan.err
same '... and digested to where it was to go' "$? $(ask orphan "SELECT count(*) FROM process WHERE name = 'hot'")" '0 2'
check '... and removed' test ! -e "$dir"

"$ASSAY" run -q --keep-spools -o killed.assay "$python" -c 'for i in range(300000): str(i)' 2>killed.err
dir=$(grep -o "$work/spools/[^ ]*" killed.err)
killed=0 whole=0 half=0
for i in $(seq 40); do
	rm -f half.assay
	timeout -s KILL "0.0$((i / 10))$((i % 10))" "$ASSAY" digest --keep-spools -o half.assay "$dir" >/dev/null 2>&1
	[ $? = 137 ] && killed=$((killed + 1))
	[ -e half.assay ] || continue
	[ "$(ask half 'PRAGMA integrity_check; SELECT count(*) > 0 FROM value; SELECT count(*) > 0 FROM total')" = $'ok\n1\n1' ] &&
		whole=$((whole + 1)) || half=$((half + 1))
done 2>/dev/null
holds "a digest that is killed leaves no half profile ($killed of 40 were killed, $whole wrote one)" "$killed > 0 && $half == 0"
finish
