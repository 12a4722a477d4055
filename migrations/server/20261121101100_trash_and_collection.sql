-- The trash, damage reports, and the marks of collection.

alter table version add column trashed_at timestamptz;
alter table version add column trashed_by text references account;
-- The state a trashed version comes back to.
alter table version add column trashed_from text check (trashed_from in ('announced', 'complete', 'damaged'));
alter table version add constraint version_trash_is_dated check (state <> 'trashed' or (trashed_at is not null and trashed_from is not null));
create index version_trashed on version (trashed_at) where state = 'trashed';
create index version_preview on version (preview_object);
create index version_tables on version (tables_object);
create index version_file_object on version_file (plain_object);

alter table object add column condemned_at timestamptz;
create index object_condemned on object (condemned_at) where state in ('condemned', 'deleting');

-- An extent that holds only the difference to another one: whoever needs the first needs the second.
create table extent_base (
    extent bigint not null references extent,
    base   bigint not null references extent,
    primary key (extent, base)
);
create index extent_base_base on extent_base (base);

-- Readers that found other bytes in an object than its recipe says.
create table damage_report (
    object  text not null references object,
    session text not null,
    account text not null references account,
    at      timestamptz not null default now(),
    primary key (object, session)
);

-- Keys in the bucket that no row names, since when: removed after a day, if still unknown.
create table unknown_key (
    key        text primary key,
    first_seen timestamptz not null default now()
);

-- Whether anything that can still be asked for needs an object: a recipe that is live or in the trash, a preview, tables.
create function object_is_needed(wanted text) returns boolean
    language sql stable
as $$
    with recursive needed as (
        select e.id from extent e where e.object = wanted
        union
        select b.extent from extent_base b join needed n on n.id = b.base
    )
    select exists (select from version where preview_object = wanted or tables_object = wanted)
        or exists (select from version_file where plain_object = wanted)
        or exists (select from span s join needed n on n.id = s.extent)
$$;
