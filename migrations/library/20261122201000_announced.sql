-- What a version was announced with: whatever differs when the answer comes was edited meanwhile, and the server hears of it.
ALTER TABLE outbox ADD COLUMN announced TEXT;
