-- Corrections of grouping as rules, what a project keeps and leaves out, taking over a folder, edits on their way, and which originals stay.

-- What a person decided about files of one grouping key: they belong to this track.
CREATE TABLE grouping_rule (
    project TEXT NOT NULL REFERENCES project (id),
    key     TEXT NOT NULL,
    track   TEXT NOT NULL REFERENCES track (id),
    made_at TEXT NOT NULL,
    PRIMARY KEY (project, key)
) STRICT;

-- Files and folders that are passed over: a name, or a path with `*` and `?`, inside any folder of the project.
CREATE TABLE ignore_rule (
    project TEXT NOT NULL REFERENCES project (id),
    pattern TEXT NOT NULL,
    PRIMARY KEY (project, pattern)
) STRICT;

-- Whether DAW sessions become versions too.
ALTER TABLE project ADD COLUMN sessions INTEGER NOT NULL DEFAULT 0 CHECK (sessions IN (0, 1));
-- Which originals stay on this computer: `all`, `on_demand`, or `latest:N`.
ALTER TABLE project ADD COLUMN originals TEXT NOT NULL DEFAULT 'all';

-- Originals that stay whatever the project says.
CREATE TABLE pinned (
    version TEXT NOT NULL PRIMARY KEY
) STRICT;

-- The order and tracks that a person chose for the files a folder held when it was taken over.
CREATE TABLE import_item (
    root     INTEGER NOT NULL REFERENCES root (id),
    path     BLOB    NOT NULL,
    position INTEGER NOT NULL,
    track    TEXT    NOT NULL REFERENCES track (id),
    PRIMARY KEY (root, path)
) STRICT;

-- Edits of things the server knows already, in the order they were made.
CREATE TABLE edit (
    id       INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    project  TEXT    NOT NULL REFERENCES project (id),
    subject  TEXT    NOT NULL,
    body     TEXT    NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    held     TEXT
) STRICT;
CREATE INDEX edit_of_subject ON edit (subject);

-- Files of watched folders may also be left out by a person.
CREATE TABLE seen_with_left_out (
    root     INTEGER NOT NULL REFERENCES root (id),
    path     BLOB    NOT NULL,
    size     INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL,
    inode    INTEGER NOT NULL,
    outcome  TEXT    NOT NULL CHECK (outcome IN ('captured', 'identical', 'not_readable', 'left_out')),
    message  TEXT    NOT NULL DEFAULT '',
    track    TEXT REFERENCES track (id),
    version  TEXT,
    PRIMARY KEY (root, path)
) STRICT;
INSERT INTO seen_with_left_out SELECT root, path, size, mtime_ns, ctime_ns, inode, outcome, message, track, version FROM seen;
DROP TABLE seen;
ALTER TABLE seen_with_left_out RENAME TO seen;

-- BLAKE3 of the sound itself, the same for every lossless container of it; only on this computer.
ALTER TABLE version ADD COLUMN pcm_hash BLOB;
CREATE INDEX version_of_sound ON version (pcm_hash);
