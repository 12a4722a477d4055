-- A CSV that is being looked at, with what was answered about it, so that a restart loses neither. One for each table of a project.
CREATE TABLE csv_draft (
    import     TEXT NOT NULL PRIMARY KEY,
    project    TEXT NOT NULL,
    table_name TEXT NOT NULL CHECK (table_name IN ('tracks', 'splits')),
    file_name  TEXT NOT NULL,
    bytes      BLOB NOT NULL,
    answers    TEXT NOT NULL,
    UNIQUE (project, table_name)
) STRICT;
