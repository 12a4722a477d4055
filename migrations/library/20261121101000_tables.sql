-- The measured tables (waveform, loudness) of originals that are not here: named by the server, fetched once, kept beside the content store.
ALTER TABLE version ADD COLUMN tables_sha256 TEXT;
ALTER TABLE version ADD COLUMN tables_length INTEGER;
-- Whether they were fetched, or turned out to be of no use.
ALTER TABLE version ADD COLUMN tables_fetched INTEGER NOT NULL DEFAULT 0 CHECK (tables_fetched IN (0, 1));
-- Whether the tables of a version on its way were sent, or need not or cannot be.
ALTER TABLE outbox ADD COLUMN tables_done INTEGER NOT NULL DEFAULT 0 CHECK (tables_done IN (0, 1));
