-- Whole files of coded versions, put into the store by a member for somebody without the app; their objects live for a day.
create table temporary_copy (
    version text not null references version on delete cascade,
    idx     integer not null,
    object  text not null references object,
    made_at timestamptz not null default now(),
    primary key (version, idx)
);
