-- A whole project in the trash: nobody reaches it but its owners, who bring it back within 35 days; then its versions are purged.
alter table project add column trashed_at timestamptz;
alter table project add column trashed_by text references account;
-- Its versions are gone but for their records, and it does not come back.
alter table project add column purged_at timestamptz;
alter table project add constraint project_purged_from_trash check (purged_at is null or trashed_at is not null);
create index project_trashed on project (trashed_at) where trashed_at is not null and purged_at is null;
