-- The outbox of sidecars: what the bucket must be told of versions, filled by the database itself so that no writer can forget it.

create table sidecar (
    version       text primary key references version,
    -- Counts the changes; those up to `written` are in the bucket.
    wanted        bigint not null default 1,
    written       bigint not null default 0,
    claimed_until timestamptz,
    -- The bucket holds a sidecar of a newer program for this version: it is left as it is.
    held          boolean not null default false
);
create index sidecar_due on sidecar (claimed_until) where wanted > written;
insert into sidecar (version) select id from version;

create function want_sidecar_of_version() returns trigger
    language plpgsql
as $$
begin
    insert into sidecar (version, held) values (new.id, exists (select from foreign_sidecar f where f.version = new.id))
        on conflict (version) do update set wanted = sidecar.wanted + 1;
    return null;
end
$$;
create trigger version_wants_sidecar after insert or update on version for each row execute function want_sidecar_of_version();

create function want_sidecars_of_track() returns trigger
    language plpgsql
as $$
begin
    update sidecar set wanted = wanted + 1 where version in (select id from version where track = new.id);
    return null;
end
$$;
create trigger track_wants_sidecars after update of name, key, auto on track for each row
    when (old.name <> new.name or old.key <> new.key or old.auto <> new.auto) execute function want_sidecars_of_track();

create function want_sidecars_of_project() returns trigger
    language plpgsql
as $$
begin
    update sidecar set wanted = wanted + 1 where version in (select id from version where project = new.id);
    return null;
end
$$;
create trigger project_wants_sidecars after update of name on project for each row
    when (old.name <> new.name) execute function want_sidecars_of_project();

-- Sidecars of newer programs that a rebuild met: never overwritten, and nothing of their projects is swept.
create table foreign_sidecar (
    version text primary key,
    project text not null,
    format  bigint not null
);

-- When nothing may be collected yet: after a rebuild or a restore.
create table server_state (
    only_row       boolean primary key default true check (only_row),
    no_gc_until    timestamptz not null default '-infinity'
);
insert into server_state default values;
