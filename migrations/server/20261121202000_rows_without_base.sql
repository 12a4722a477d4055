-- Rows of the CSV a proposal was made from that did not say which state they were exported from: what it changes may be newer than the file.

alter table change_set add column rows_without_base integer not null default 0 check (rows_without_base >= 0);
