-- The trash: since when a version is there, and the state it comes back to where this computer put it there.
ALTER TABLE version ADD COLUMN trashed_at TEXT;
ALTER TABLE version ADD COLUMN trashed_from TEXT;

-- The server does not name this project to this account any more: it is in the trash, or somebody else's alone. Nothing of it is deleted
-- here, and nothing of it is sent or fetched until the server names it again.
ALTER TABLE project ADD COLUMN away INTEGER NOT NULL DEFAULT 0 CHECK (away IN (0, 1));

-- The kind a person chose for a file when its folder was taken over.
ALTER TABLE import_item ADD COLUMN kind TEXT;
