-- Versions that were retired: they stay playable, marked, and are never approved again.
CREATE TABLE retired (
    version TEXT NOT NULL PRIMARY KEY
) STRICT;
