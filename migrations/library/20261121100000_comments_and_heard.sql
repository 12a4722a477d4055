-- Comments at a point or a range of a version, those of this computer before the server has them too; and which parts of a version were
-- heard here.

CREATE TABLE comment (
    id          TEXT    NOT NULL PRIMARY KEY,
    project     TEXT    NOT NULL REFERENCES project (id),
    -- May be an alias: of a version of this computer that the server answered with another id.
    version     TEXT    NOT NULL,
    from_ms     INTEGER NOT NULL CHECK (from_ms >= 0),
    to_ms       INTEGER CHECK (to_ms > from_ms),
    text        TEXT    NOT NULL,
    reply_to    TEXT,
    -- Null while its author is not signed in anywhere.
    author_id   TEXT,
    author_name TEXT    NOT NULL,
    made_at     TEXT    NOT NULL,
    resolved    INTEGER NOT NULL DEFAULT 0 CHECK (resolved IN (0, 1)),
    resolved_by TEXT,
    -- Whether the server still has to be told of the comment itself, and of its being settled or opened again.
    unsent      INTEGER NOT NULL DEFAULT 0 CHECK (unsent IN (0, 1)),
    unsettled   INTEGER NOT NULL DEFAULT 0 CHECK (unsettled IN (0, 1)),
    -- Why the server refused it; nothing is tried until the user acts.
    held        TEXT
) STRICT;
CREATE INDEX comment_of_version ON comment (version, from_ms);
CREATE INDEX comment_to_send ON comment (project) WHERE unsent = 1 OR unsettled = 1;

CREATE TABLE heard (
    version TEXT    NOT NULL,
    from_ms INTEGER NOT NULL CHECK (from_ms >= 0),
    to_ms   INTEGER NOT NULL CHECK (to_ms > from_ms),
    -- Whether a preview was heard, not the original.
    preview INTEGER NOT NULL CHECK (preview IN (0, 1)),
    PRIMARY KEY (version, preview, from_ms)
) STRICT;
