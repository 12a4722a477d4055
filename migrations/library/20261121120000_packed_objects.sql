-- Sending only what nobody has yet: the packed object of a version on its way, with the recipe that names it.
CREATE TABLE packed (
    version TEXT    NOT NULL PRIMARY KEY REFERENCES version (id),
    -- The packed object in the content store; null where nothing is new.
    blob    TEXT,
    length  INTEGER NOT NULL CHECK (length >= 0),
    recipe  TEXT    NOT NULL
) STRICT;

-- Whether the server keeps this project's originals as whole files.
ALTER TABLE project ADD COLUMN plain INTEGER NOT NULL DEFAULT 0 CHECK (plain IN (0, 1));
