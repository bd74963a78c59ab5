-- The profile: one SQLite file. docs/FORMAT.md describes it for readers.
-- application_id is 'ASSY'; user_version is the schema's version (PROFILE_VERSION in query.c).
PRAGMA application_id = 1095979865;
PRAGMA user_version = 3;

-- What was run, where and how: keys are listed in docs/FORMAT.md.
CREATE TABLE run (
  key   TEXT PRIMARY KEY,
  value ANY
) WITHOUT ROWID;

CREATE TABLE metric (
  id       INTEGER PRIMARY KEY,
  name     TEXT NOT NULL UNIQUE,      -- 'cpu'
  unit     TEXT NOT NULL,             -- 'ns', 'count', 'bytes'
  kind     TEXT NOT NULL,             -- 'sampled time', 'exact time', 'count', 'bytes', 'level', 'wait', 'blame', 'team time',
                                      -- 'team work', 'team longest': docs/FORMAT.md
  obtained TEXT NOT NULL,             -- 'sampled', 'counted', 'multiplexed', 'estimated', 'not counted: why'
  help     TEXT NOT NULL
);

-- One process image: a process between fork or exec and exit or exec. Images of one process share pid and host.
CREATE TABLE process (
  id       INTEGER PRIMARY KEY,
  parent   INTEGER REFERENCES process(id), -- the image that started it, NULL for the first or when unknown
  pid      INTEGER NOT NULL,
  host     TEXT NOT NULL,
  rank     INTEGER,                   -- MPI rank, NULL = none
  ranks    INTEGER,                   -- of how many
  job      TEXT,                      -- names the parallel program: equal in all its ranks; NULL = none, or not known
  name     TEXT NOT NULL,             -- last part of the executable's path
  exe      TEXT NOT NULL,
  command  TEXT NOT NULL,             -- arguments, quoted for a shell
  start_ns INTEGER NOT NULL,          -- since the run's start
  wall_ns  INTEGER NOT NULL,
  cpu_ns   INTEGER,                   -- the process's CPU clock at its end, NULL = its end was not seen
  ended    TEXT NOT NULL CHECK (ended IN ('exit','exec','signal','unseen')),
  status   INTEGER,                   -- exit status or signal number where known
  note     TEXT                       -- why Assay could not measure all of it, or NULL
);

CREATE TABLE module (
  id       INTEGER PRIMARY KEY,
  path     TEXT NOT NULL,
  name     TEXT NOT NULL,             -- last part of the path
  build_id TEXT NOT NULL DEFAULT '',  -- hex
  symbols  TEXT NOT NULL CHECK (symbols IN ('lines','functions','exports','none','unused')),
  note     TEXT                       -- why it is not resolved better, in words, or NULL
);

-- Where a module was in a process's memory, and when (since the run's start; unloaded_ns NULL = to the end).
CREATE TABLE load (
  process     INTEGER NOT NULL REFERENCES process(id),
  module      INTEGER NOT NULL REFERENCES module(id),
  start       INTEGER NOT NULL,
  end         INTEGER NOT NULL,
  bias        INTEGER NOT NULL,
  loaded_ns   INTEGER NOT NULL,
  unloaded_ns INTEGER
);

CREATE TABLE file (
  id   INTEGER PRIMARY KEY,
  path TEXT NOT NULL UNIQUE
);

-- Text of the source lines that appear in the profile, as it was when the profile was made.
CREATE TABLE source (
  file INTEGER NOT NULL REFERENCES file(id),
  line INTEGER NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (file, line)
) WITHOUT ROWID;

CREATE TABLE function (
  id      INTEGER PRIMARY KEY,
  name    TEXT NOT NULL,              -- demangled; 'libfoo.so+0x1234' where there is no name
  linkage TEXT,                       -- as in the symbol table, NULL when the same as name
  module  INTEGER REFERENCES module(id),
  file    INTEGER REFERENCES file(id),
  line    INTEGER,                    -- where it is defined
  named   INTEGER NOT NULL            -- 0: name stands for an address range without a symbol
);

CREATE TABLE thread (
  id           INTEGER PRIMARY KEY,
  process      INTEGER NOT NULL REFERENCES process(id),
  tid          INTEGER NOT NULL,
  name         TEXT NOT NULL,
  main         INTEGER NOT NULL,      -- 1: the process's first thread
  entry        INTEGER REFERENCES function(id), -- start routine
  threads      INTEGER NOT NULL,      -- how many short threads this row stands for (1 = itself)
  start_ns     INTEGER NOT NULL,
  -- the account: wall = cpu + core_wait + located + wait, in thread-nanoseconds
  wall_ns      INTEGER NOT NULL,
  cpu_ns       INTEGER NOT NULL,
  core_wait_ns INTEGER NOT NULL,      -- waiting for a core, where it was read
  located_ns   INTEGER NOT NULL,      -- waiting, and it is known for what: metrics of kind 'wait' say
  wait_ns      INTEGER NOT NULL,      -- the rest: waiting, not located
  spin_ns      INTEGER NOT NULL,      -- the part of cpu_ns that was spent waiting
  unread_ns    INTEGER NOT NULL,      -- the part of wait_ns in threads too short to read their core wait
  -- how well it was sampled: cpu = sampled + startup + unsampled
  sampled_ns   INTEGER NOT NULL,
  startup_ns   INTEGER NOT NULL,      -- CPU before measuring began: exec and the dynamic loader
  unsampled_ns INTEGER NOT NULL,      -- CPU that no sample stands for (may be slightly negative: see docs/FORMAT.md)
  samples      INTEGER NOT NULL,
  self_ns      INTEGER NOT NULL,      -- Assay's own time in this thread
  instrument_ns INTEGER NOT NULL      -- the part of sampled_ns in code of Assay's that the program called
);

-- What was to be measured by plugins, in each process.
CREATE TABLE plugin (
  process  INTEGER NOT NULL REFERENCES process(id),
  name     TEXT NOT NULL,
  summary  TEXT NOT NULL,
  left_out TEXT                       -- why it did not start there, in words; NULL: it did
);

-- Samples lost ('dropped') or with an incomplete call path ('truncated'), by reason in words.
CREATE TABLE loss (
  process INTEGER NOT NULL REFERENCES process(id),
  thread  INTEGER REFERENCES thread(id),
  kind    TEXT NOT NULL CHECK (kind IN ('dropped','truncated','failed','regions')),
  reason  TEXT NOT NULL,
  count   INTEGER NOT NULL
);

-- The calling-context tree, all threads and processes merged. Ids are in pre-order: the descendants of a
-- node are exactly the ids in (id, last].
CREATE TABLE node (
  id       INTEGER PRIMARY KEY,
  parent   INTEGER REFERENCES node(id), -- NULL: a root
  last     INTEGER NOT NULL,          -- id of its last descendant, or its own
  kind     TEXT NOT NULL,             -- 'program', 'native', 'inlined', 'special', or a plugin's word for what it is
  function INTEGER NOT NULL REFERENCES function(id),
  file     INTEGER REFERENCES file(id),
  line     INTEGER,                   -- the line executing: for a caller, that of the call
  -- 1 where no ancestor has the same function (file and line, module): summing inclusive values over
  -- these counts recursive calls once
  outer_function INTEGER NOT NULL,
  outer_line     INTEGER NOT NULL,
  outer_module   INTEGER NOT NULL
);

-- The measurements: exclusive, sparse.
CREATE TABLE value (
  node   INTEGER NOT NULL REFERENCES node(id),
  thread INTEGER NOT NULL REFERENCES thread(id),
  metric INTEGER NOT NULL REFERENCES metric(id),
  count  INTEGER NOT NULL,
  sum    INTEGER NOT NULL,
  sumsq  REAL NOT NULL,               -- sum of squares of the weights: gives the sampling error
  PRIMARY KEY (node, thread, metric)
) WITHOUT ROWID;

-- The same, summed over threads and with inclusive values: made from value and node, kept for speed.
CREATE TABLE total (
  node            INTEGER NOT NULL REFERENCES node(id),
  metric          INTEGER NOT NULL REFERENCES metric(id),
  exclusive       INTEGER NOT NULL,
  exclusive_count INTEGER NOT NULL,
  exclusive_sumsq REAL NOT NULL,
  inclusive       INTEGER NOT NULL,
  inclusive_count INTEGER NOT NULL,
  inclusive_sumsq REAL NOT NULL,
  PRIMARY KEY (node, metric)
) WITHOUT ROWID;

-- Optional: samples in time order (since the run's start).
CREATE TABLE timeline (
  thread    INTEGER NOT NULL REFERENCES thread(id),
  time_ns   INTEGER NOT NULL,
  node      INTEGER NOT NULL REFERENCES node(id),
  weight_ns INTEGER NOT NULL
);

-- Views, in seconds, for people and notebooks.

CREATE VIEW hot_functions AS
SELECT f.id AS function, f.name, m.name AS module, fi.path AS file, f.line,
       sum(t.exclusive) / 1e9 AS exclusive_s,
       sum(CASE WHEN n.outer_function THEN t.inclusive ELSE 0 END) / 1e9 AS inclusive_s,
       sum(t.exclusive_count) AS samples,
       sum(t.exclusive_sumsq) AS exclusive_sumsq,
       sum(CASE WHEN n.outer_function THEN t.inclusive_sumsq ELSE 0 END) AS inclusive_sumsq
FROM total t JOIN metric k ON k.id = t.metric AND k.name = 'cpu'
JOIN node n ON n.id = t.node
JOIN function f ON f.id = n.function
LEFT JOIN module m ON m.id = f.module
LEFT JOIN file fi ON fi.id = f.file
WHERE n.kind <> 'program'
GROUP BY f.id ORDER BY exclusive_s DESC, inclusive_s DESC;

CREATE VIEW hot_lines AS
SELECT fi.id AS file_id, fi.path AS file, n.line, f.name AS function, f.id AS function_id,
       sum(t.exclusive) / 1e9 AS exclusive_s,
       sum(CASE WHEN n.outer_line THEN t.inclusive ELSE 0 END) / 1e9 AS inclusive_s,
       sum(t.exclusive_count) AS samples,
       sum(t.exclusive_sumsq) AS exclusive_sumsq,
       (SELECT s.text FROM source s WHERE s.file = n.file AND s.line = n.line) AS text
FROM total t JOIN metric k ON k.id = t.metric AND k.name = 'cpu'
JOIN node n ON n.id = t.node
JOIN function f ON f.id = n.function
JOIN file fi ON fi.id = n.file
WHERE n.line > 0
GROUP BY n.file, n.line, n.function ORDER BY exclusive_s DESC, inclusive_s DESC;

CREATE VIEW call_tree AS
SELECT n.id AS node, n.parent, n.last, n.kind, f.name AS function, m.name AS module, fi.path AS file, n.line,
       t.exclusive / 1e9 AS exclusive_s, t.inclusive / 1e9 AS inclusive_s,
       t.exclusive_count AS samples, t.inclusive_count
FROM node n JOIN function f ON f.id = n.function
JOIN metric k ON k.name = 'cpu'
JOIN total t ON t.node = n.id AND t.metric = k.id
LEFT JOIN module m ON m.id = f.module
LEFT JOIN file fi ON fi.id = n.file
ORDER BY n.id;

CREATE VIEW hot_modules AS
SELECT coalesce(m.name, '(none)') AS module, m.path, m.build_id, m.symbols, m.note,
       sum(t.exclusive) / 1e9 AS exclusive_s,
       sum(CASE WHEN n.outer_module THEN t.inclusive ELSE 0 END) / 1e9 AS inclusive_s,
       sum(t.exclusive_count) AS samples
FROM total t JOIN metric k ON k.id = t.metric AND k.name = 'cpu'
JOIN node n ON n.id = t.node
JOIN function f ON f.id = n.function
LEFT JOIN module m ON m.id = f.module
GROUP BY f.module ORDER BY exclusive_s DESC;

-- What plugins measured: the nodes to which it belongs, by metric. Times in seconds, all else in the metric's unit.
CREATE VIEW measured AS
SELECT k.name AS metric, k.unit, k.kind, n.id AS node, n.kind AS what, f.name,
       CASE WHEN k.unit = 'ns' THEN t.exclusive / 1e9 ELSE t.exclusive END AS amount,
       t.exclusive_count AS times
FROM total t JOIN metric k ON k.id = t.metric AND k.name <> 'cpu'
JOIN node n ON n.id = t.node
JOIN function f ON f.id = n.function
WHERE (t.exclusive_count > 0 OR t.exclusive > 0)
ORDER BY k.id, t.exclusive DESC;

-- What threads waited for: kind and object, by thread. The sums are of the time from asking to having.
CREATE VIEW waits AS
SELECT k.name AS metric, n.kind AS what, f.name AS object, n.id AS node, v.thread, v.sum / 1e9 AS waited_s, v.count AS times
FROM value v JOIN metric k ON k.id = v.metric AND k.kind = 'wait'
JOIN node n ON n.id = v.node
JOIN function f ON f.id = n.function
ORDER BY v.sum DESC;

CREATE VIEW threads AS
SELECT t.id AS thread, t.process, p.pid, p.name AS program, t.tid, t.name, f.name AS entry, t.threads,
       t.start_ns / 1e9 AS start_s, t.wall_ns / 1e9 AS wall_s, t.cpu_ns / 1e9 AS cpu_s,
       t.core_wait_ns / 1e9 AS core_wait_s, t.located_ns / 1e9 AS located_wait_s, t.wait_ns / 1e9 AS wait_s,
       t.spin_ns / 1e9 AS spin_s, t.samples, t.self_ns / 1e9 AS assay_s
FROM thread t JOIN process p ON p.id = t.process
LEFT JOIN function f ON f.id = t.entry
ORDER BY t.cpu_ns DESC, t.id;

CREATE VIEW processes AS
SELECT p.id AS process, p.parent, p.pid, p.host, p.name, p.command, p.start_ns / 1e9 AS start_s,
       p.wall_ns / 1e9 AS wall_s, sum(t.cpu_ns) / 1e9 AS cpu_s, sum(t.core_wait_ns) / 1e9 AS core_wait_s,
       sum(t.located_ns) / 1e9 AS located_wait_s, sum(t.wait_ns) / 1e9 AS wait_s, sum(t.threads) AS threads, sum(t.samples) AS samples,
       p.ended, p.status, p.note
FROM process p LEFT JOIN thread t ON t.process = p.id
GROUP BY p.id ORDER BY cpu_s DESC, p.id;

-- Thread-seconds of the whole run: wall = cpu + core_wait + located_wait + unlocated_wait, and the remainder as it is.
CREATE VIEW account AS
SELECT sum(wall_ns) / 1e9 AS wall_s, sum(cpu_ns) / 1e9 AS cpu_s,
       sum(core_wait_ns) / 1e9 AS core_wait_s,
       sum(located_ns) / 1e9 AS located_wait_s, sum(wait_ns) / 1e9 AS unlocated_wait_s,
       (sum(wall_ns) - sum(cpu_ns) - sum(core_wait_ns) - sum(located_ns) - sum(wait_ns)) / 1e9 AS remainder_s,
       sum(spin_ns) / 1e9 AS spin_s,
       sum(unread_ns) / 1e9 AS core_wait_unread_s,
       sum(sampled_ns) / 1e9 AS sampled_s, sum(startup_ns) / 1e9 AS startup_s,
       sum(unsampled_ns) / 1e9 AS unsampled_s,
       sum(self_ns) / 1e9 AS assay_s, sum(samples) AS samples, sum(threads) AS threads,
       sum(instrument_ns) / 1e9 AS instrument_s
FROM thread;
