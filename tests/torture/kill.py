"""kill.py target|launcher|digest TIMES SEED: kills that many of them at random moments, and looks at what is left.
Run by data.sh, in its folder. Says what is wrong and ends with 1."""
import glob
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time

what, times, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
random.seed(f"{what} {seed}")
ASSAY = os.environ["ASSAY"]
PERIOD = 1.5 / 200  # seconds: the longest distance between two deadlines, jitter included
LATE = 0.04         # a crowded machine's ticks seldom find a thread running
wrong = []
late = []


def profile(name):
    "The profile, checked to be whole."
    db = sqlite3.connect(f"file:{name}?mode=ro", uri=True)
    assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert subprocess.run([ASSAY, "report", name], stdout=subprocess.DEVNULL).returncode == 0, "cannot be shown"
    return db


def child_of(process):
    "The launched program's pid, as soon as there is one; None: the launcher has ended."
    while process.poll() is None:
        try:
            children = open(f"/proc/{process.pid}/task/{process.pid}/children").read().split()
        except OSError:
            return None
        if children:
            return int(children[0])
    return None


def start(name, *arguments):
    return subprocess.Popen([ASSAY, "run", "-q", "--force", "-o", name, *arguments], stdin=subprocess.DEVNULL)


def kill_target(i):
    run = start("target.assay", "./threads_burn")
    pid = child_of(run)
    time.sleep(random.choice([random.random() * 0.005, random.random() * 0.2]))
    os.kill(pid, signal.SIGKILL)
    status = run.wait()
    assert status == -signal.SIGKILL, f"the command ended with {status}"
    db = profile("target.assay")
    kernel = int(db.execute("SELECT value FROM run WHERE key = 'kernel_cpu_ns'").fetchone()[0]) / 1e9
    threads = db.execute("SELECT cpu_ns / 1e9, (sampled_ns + startup_ns) / 1e9 FROM thread").fetchall()
    for cpu, sampled in threads:
        assert abs(cpu - sampled) <= PERIOD, f"thread: {cpu:.6f} s of CPU time, samples weigh {sampled:.6f}"
    total = sum(sampled for _, sampled in threads)
    assert total <= kernel * 1.01 + 0.002, f"the samples weigh {total:.6f} s, the kernel counted {kernel:.6f}"
    if threads and kernel - total > 3 * (PERIOD + LATE):
        # Where the host takes cores away, ticks come later still. That is no fault if it is seldom.
        late.append(f"{i}: the kernel counted {kernel:.6f} s, the samples weigh {total:.6f}")


def kill_launcher(i):
    "Before the run directory, before the program, while it runs, while it is digested."
    run = start("launcher.assay", "./threads_burn", "60")
    pid = None
    if i % 4:
        pid = child_of(run)
        time.sleep(random.random() * 0.35)
    else:
        time.sleep(random.random() * 0.01)
    run.kill()
    run.wait()
    while pid and os.path.exists(f"/proc/{pid}"):
        time.sleep(0.005)  # the program is nobody's child now, and ends by itself
    if os.path.exists("launcher.assay"):
        profile("launcher.assay")
        os.remove("launcher.assay")
    for folder in glob.glob("spools/*"):
        # the program may still be in the making: until its pid is gone the digest is asked for what there is
        done = subprocess.run([ASSAY, "digest", folder, "-o", "rescued.assay", "--force"], stderr=subprocess.PIPE, text=True)
        if done.returncode == 0:
            profile("rescued.assay")
            os.remove("rescued.assay")
        else:
            assert "not a run directory" in done.stderr or "says nothing" in done.stderr, done.stderr
            subprocess.run(["rm", "-rf", folder])
        assert not os.path.exists(folder), f"{folder} is left"


def kill_digest(i):
    folder = glob.glob("spools/*")[0]
    digest = subprocess.Popen([ASSAY, "digest", folder, "-o", "digest.assay", "--keep-spools", "--force"],
                              stderr=subprocess.DEVNULL)
    time.sleep(random.random() * kill_digest.takes)
    digest.kill()
    kill_digest.finished += digest.wait() == 0
    if os.path.exists("digest.assay"):
        assert rows(profile("digest.assay")) == kill_digest.rows, "the profile is not the whole one"
        os.remove("digest.assay")


def rows(db):
    return [db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("process", "thread", "node", "value", "total", "function", "load")]


def prepare_digest():
    "A run of many processes, digested once without disturbance."
    subprocess.run([ASSAY, "run", "-q", "--keep-spools", "-o", "kept.assay", "sh", "-c",
                    "for i in $(seq 60); do ./threads_burn 3; done"], stderr=subprocess.DEVNULL, check=True)
    folder = glob.glob("spools/*")[0]
    began = time.monotonic()
    subprocess.run([ASSAY, "digest", folder, "-o", "whole.assay", "--keep-spools"], stderr=subprocess.DEVNULL, check=True)
    kill_digest.takes = 1.1 * (time.monotonic() - began)
    kill_digest.rows = rows(profile("whole.assay"))
    kill_digest.finished = 0


kill = {"target": kill_target, "launcher": kill_launcher, "digest": kill_digest}[what]
if what == "digest":
    prepare_digest()
for turn in range(times):
    try:
        kill(turn)
    except (AssertionError, sqlite3.Error) as error:
        wrong.append(f"{turn}: {error}")
if what == "digest":
    folder = glob.glob("spools/*")[0]
    last = subprocess.run([ASSAY, "digest", folder, "-o", "last.assay"], stderr=subprocess.PIPE, text=True)
    if last.returncode or rows(profile("last.assay")) != kill_digest.rows:
        wrong.append(f"afterwards: {last.stderr}")
    print(f"{kill_digest.finished} of {times} ended before they were killed")
    left = [f for f in os.listdir(".") if "digest.assay" in f]
    print("left behind:", left)
if len(late) > max(1, times // 20):
    wrong += late
print("\n".join(wrong[:10]))
sys.exit(bool(wrong))
