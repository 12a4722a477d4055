-- A database restored from a backup knows less than the bucket: from the moment this is seen until it was rebuilt, it takes no changes.

alter table server_state add column recovering_since timestamptz;

-- Up to which place of a project's feed a rebuild has looked through the bucket: what it could not bring back (sidecars of a newer program,
-- and those nobody can read) is no reason to wait once more.
create table bucket_seen (
    project text primary key,
    seq     bigint not null
);
call fence_in('bucket_seen', 'in_project_scope(project)');

-- Sidecars tell of the tracks their version was moved out of, too.
create or replace function want_sidecars_of_track() returns trigger
    language plpgsql
as $$
begin
    update sidecar set wanted = wanted + 1
        where version in (select id from version where track = new.id union select version from version_moved where track = new.id);
    return null;
end
$$;

-- Those in the bucket lack what was moved and what is in the trash.
update sidecar set wanted = wanted + 1
    where version in (select version from version_moved union select id from version where state = 'trashed');
