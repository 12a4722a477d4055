-- The local library: projects, watched folders, tracks, versions, how their files are stored, and what still has to go to the server.

-- Facts about this library as a whole: device id, server, account, paused.
CREATE TABLE setting (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE project (
    id               TEXT    NOT NULL PRIMARY KEY,
    name             TEXT    NOT NULL,
    created_at       TEXT    NOT NULL,
    -- Server the project belongs to; null while it is only on this computer.
    server           TEXT,
    -- Whether the server has confirmed that it knows the project.
    on_server        INTEGER NOT NULL DEFAULT 0 CHECK (on_server IN (0, 1)),
    role             TEXT,
    epoch            TEXT,
    cursor           INTEGER NOT NULL DEFAULT 0 CHECK (cursor >= 0),
    last_change      TEXT,
    catalogue_head   TEXT,
    catalogue_number INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE root (
    id         INTEGER NOT NULL PRIMARY KEY,
    project    TEXT    NOT NULL REFERENCES project (id),
    path       BLOB    NOT NULL UNIQUE,
    path_text  TEXT    NOT NULL,
    -- Whether the folder holds a marker file; a read-only folder is known by device and inode instead.
    has_marker INTEGER NOT NULL CHECK (has_marker IN (0, 1)),
    device     INTEGER NOT NULL,
    inode      INTEGER NOT NULL,
    added_at   TEXT    NOT NULL
) STRICT;
CREATE INDEX root_of_project ON root (project);

CREATE TABLE track (
    id               TEXT    NOT NULL PRIMARY KEY,
    project          TEXT    NOT NULL REFERENCES project (id),
    name             TEXT    NOT NULL,
    key              TEXT    NOT NULL,
    -- Made by grouping, not named by a person.
    auto             INTEGER NOT NULL CHECK (auto IN (0, 1)),
    please_check     INTEGER NOT NULL DEFAULT 0 CHECK (please_check IN (0, 1)),
    -- The track this one became part of.
    absorbed_by      TEXT REFERENCES track (id),
    approved_version TEXT,
    in_catalogue     INTEGER NOT NULL DEFAULT 0 CHECK (in_catalogue IN (0, 1)),
    created_at       TEXT    NOT NULL
) STRICT;
CREATE INDEX track_of_project ON track (project, key);

CREATE TABLE version (
    id                TEXT    NOT NULL PRIMARY KEY,
    project           TEXT    NOT NULL REFERENCES project (id),
    track             TEXT    NOT NULL REFERENCES track (id),
    number            INTEGER NOT NULL CHECK (number > 0),
    -- Whether the number came from the server.
    numbered          INTEGER NOT NULL DEFAULT 0 CHECK (numbered IN (0, 1)),
    kind              TEXT    NOT NULL,
    note              TEXT    NOT NULL DEFAULT '',
    content_id        TEXT    NOT NULL,
    parent            TEXT,
    same_as           TEXT,
    state             TEXT    NOT NULL CHECK (state IN ('local', 'announced', 'complete', 'damaged', 'trashed', 'purged', 'unknown')),
    author_id         TEXT,
    author_name       TEXT    NOT NULL,
    captured_at       TEXT    NOT NULL,
    recorded_at       TEXT,
    seq               INTEGER,
    -- Order of capture on this computer; null for versions of others.
    capture_order     INTEGER,
    summary           TEXT    NOT NULL,
    overview          BLOB    NOT NULL,
    preview_sha256    TEXT,
    preview_length    INTEGER,
    no_preview_reason TEXT
) STRICT;
CREATE UNIQUE INDEX version_number ON version (track, number) WHERE numbered = 1;
CREATE INDEX version_of_track ON version (track, number);
CREATE INDEX version_of_content ON version (content_id);

-- Ids of versions of this computer that the server answered with another id.
CREATE TABLE version_alias (
    alias   TEXT NOT NULL PRIMARY KEY,
    version TEXT NOT NULL REFERENCES version (id)
) STRICT;

CREATE TABLE version_file (
    version      TEXT    NOT NULL REFERENCES version (id),
    idx          INTEGER NOT NULL CHECK (idx >= 0),
    path         TEXT    NOT NULL,
    length       INTEGER NOT NULL CHECK (length >= 0),
    sha256       TEXT    NOT NULL,
    -- Key of the object in the server's store that is exactly this file.
    plain_object TEXT,
    PRIMARY KEY (version, idx)
) STRICT;
CREATE INDEX version_file_of_content ON version_file (sha256);

-- An object in the server's store.
CREATE TABLE object (
    key       TEXT    NOT NULL PRIMARY KEY,
    project   TEXT    NOT NULL REFERENCES project (id),
    format    TEXT    NOT NULL,
    length    INTEGER NOT NULL CHECK (length > 0),
    composite TEXT,
    state     TEXT    NOT NULL
) STRICT;

-- A run of raw bytes stored in one object with one codec.
CREATE TABLE extent (
    id         INTEGER NOT NULL PRIMARY KEY,
    object     TEXT    NOT NULL REFERENCES object (key),
    idx        INTEGER NOT NULL CHECK (idx >= 0),
    offset     INTEGER NOT NULL CHECK (offset >= 0),
    stored_len INTEGER NOT NULL CHECK (stored_len > 0),
    raw_len    INTEGER NOT NULL CHECK (raw_len > 0),
    sha256     TEXT    NOT NULL,
    codec      TEXT    NOT NULL,
    params     TEXT    NOT NULL DEFAULT 'null',
    UNIQUE (object, idx)
) STRICT;
CREATE INDEX extent_of_content ON extent (sha256);

-- A run of file bytes taken from an extent.
CREATE TABLE span (
    version TEXT    NOT NULL,
    file    INTEGER NOT NULL,
    at      INTEGER NOT NULL CHECK (at >= 0),
    len     INTEGER NOT NULL CHECK (len > 0),
    extent  INTEGER NOT NULL REFERENCES extent (id),
    "from"  INTEGER NOT NULL CHECK ("from" >= 0),
    PRIMARY KEY (version, file, at),
    FOREIGN KEY (version, file) REFERENCES version_file (version, idx)
) STRICT;

-- A file of the content store of this computer.
CREATE TABLE blob (
    sha256    TEXT    NOT NULL PRIMARY KEY,
    length    INTEGER NOT NULL CHECK (length >= 0),
    stored_at TEXT    NOT NULL,
    state     TEXT    NOT NULL CHECK (state IN ('ok', 'damaged'))
) STRICT;

-- SHA-256 of the parts of a stored file, as an upload names them.
CREATE TABLE part (
    blob      TEXT    NOT NULL,
    part_size INTEGER NOT NULL CHECK (part_size > 0),
    idx       INTEGER NOT NULL CHECK (idx >= 0),
    sha256    TEXT    NOT NULL,
    PRIMARY KEY (blob, part_size, idx)
) STRICT;

-- Files of watched folders as last looked at, so that an unchanged file is not read again.
CREATE TABLE seen (
    root     INTEGER NOT NULL REFERENCES root (id),
    path     BLOB    NOT NULL,
    size     INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL,
    inode    INTEGER NOT NULL,
    outcome  TEXT    NOT NULL CHECK (outcome IN ('captured', 'identical', 'not_readable')),
    message  TEXT    NOT NULL DEFAULT '',
    track    TEXT REFERENCES track (id),
    version  TEXT,
    PRIMARY KEY (root, path)
) STRICT;

-- Versions of this computer that the server has not confirmed: the step names what is already done, durably.
CREATE TABLE outbox (
    version  TEXT    NOT NULL PRIMARY KEY REFERENCES version (id),
    step     TEXT    NOT NULL CHECK (step IN ('captured', 'preview_ready', 'preview_sent', 'announced', 'original_sending')),
    attempts INTEGER NOT NULL DEFAULT 0,
    because  TEXT,
    -- What only the user can mend; nothing is tried until then.
    held     TEXT
) STRICT;

-- Upload sessions, written before their first byte goes out.
CREATE TABLE upload (
    id        TEXT    NOT NULL PRIMARY KEY,
    project   TEXT    NOT NULL REFERENCES project (id),
    version   TEXT    NOT NULL REFERENCES version (id),
    format    TEXT    NOT NULL,
    file      INTEGER NOT NULL,
    blob      TEXT    NOT NULL,
    length    INTEGER NOT NULL CHECK (length > 0),
    part_size INTEGER NOT NULL CHECK (part_size > 0),
    object    TEXT,
    verified  INTEGER NOT NULL DEFAULT 0 CHECK (verified IN (0, 1)),
    UNIQUE (version, format, file)
) STRICT;

CREATE TABLE upload_part (
    upload TEXT    NOT NULL REFERENCES upload (id) ON DELETE CASCADE,
    number INTEGER NOT NULL CHECK (number > 0),
    sha256 TEXT    NOT NULL,
    stored INTEGER NOT NULL DEFAULT 0 CHECK (stored IN (0, 1)),
    PRIMARY KEY (upload, number)
) STRICT;

CREATE TABLE member (
    project TEXT NOT NULL REFERENCES project (id),
    account TEXT NOT NULL,
    name    TEXT NOT NULL,
    role    TEXT NOT NULL,
    since   TEXT NOT NULL,
    PRIMARY KEY (project, account)
) STRICT;

-- Change sets as last told by the server; `fresh` is 0 until their detail was read after the last change.
CREATE TABLE change_set (
    id       TEXT    NOT NULL PRIMARY KEY,
    project  TEXT    NOT NULL REFERENCES project (id),
    status   TEXT    NOT NULL,
    revision INTEGER NOT NULL,
    fresh    INTEGER NOT NULL DEFAULT 0 CHECK (fresh IN (0, 1)),
    summary  TEXT
) STRICT;

CREATE TABLE change_set_version (
    change_set TEXT NOT NULL REFERENCES change_set (id) ON DELETE CASCADE,
    version    TEXT NOT NULL,
    PRIMARY KEY (change_set, version)
) STRICT;
CREATE INDEX change_set_of_version ON change_set_version (version);

-- Versions that were approved once.
CREATE TABLE approved_before (
    version TEXT NOT NULL PRIMARY KEY
) STRICT;

-- Answers kept for reading without the server.
CREATE TABLE kept_answer (
    key  TEXT NOT NULL PRIMARY KEY,
    body TEXT NOT NULL,
    at   TEXT NOT NULL
) STRICT;
