-- Tracks, versions, and how their files are rebuilt. This is the final shape: later storage stages only add writers.

create extension if not exists btree_gist;

create table track (
    id          text primary key check (id ~ '^trk_[a-z2-7]{26}$'),
    project     text not null references project,
    name        text not null check (name <> ''),
    key         text not null,
    auto        boolean not null,
    next_number bigint not null default 1 check (next_number > 0),
    created_at  timestamptz not null default now(),
    constraint track_in_project unique (project, id)
);
-- Automatic tracks of one key are one track.
create unique index track_auto_key on track (project, key) where auto;

-- Ids of automatic tracks that became another one.
create table track_alias (
    id      text primary key check (id ~ '^trk_[a-z2-7]{26}$'),
    project text not null,
    track   text not null,
    foreign key (project, track) references track (project, id)
);

create table version (
    id                text primary key check (id ~ '^ver_[a-z2-7]{26}$'),
    project           text not null references project,
    track             text not null,
    number            bigint not null check (number > 0),
    kind              text not null,
    note              text not null,
    content_id        bytea not null check (octet_length(content_id) = 32),
    parent            text,
    same_as           text references version,
    state             text not null check (state in ('announced', 'complete', 'damaged', 'trashed', 'purged')),
    preview_object    text references object,
    no_preview_reason text,
    tables_object     text references object,
    summary           jsonb not null,
    overview          text not null,
    author            text not null references account,
    captured_at       text not null,
    created_at        timestamptz not null default now(),
    seq               bigint not null,
    constraint version_in_project unique (project, id),
    constraint version_number unique (track, number),
    foreign key (project, track) references track (project, id),
    constraint version_preview_or_reason check ((preview_object is null) <> (no_preview_reason is null))
);
create index version_project on version (project);
create index version_content on version (project, content_id);

-- Ids under which devices announced bytes that were already the newest version of the track.
create table version_alias (
    id      text primary key check (id ~ '^ver_[a-z2-7]{26}$'),
    project text not null,
    version text not null,
    foreign key (project, version) references version (project, id)
);

create table version_file (
    id           bigint generated always as identity primary key,
    version      text not null references version,
    idx          integer not null check (idx >= 0),
    path         text not null check (path <> ''),
    length       bigint not null check (length >= 0),
    sha256       bytea not null check (octet_length(sha256) = 32),
    plain_object text references object,
    constraint version_file_place unique (version, idx)
);

create table extent (
    id         bigint generated always as identity primary key,
    object     text not null references object,
    idx        integer not null check (idx >= 0),
    "offset"   bigint not null check ("offset" >= 0),
    stored_len bigint not null check (stored_len > 0),
    raw_len    bigint not null check (raw_len > 0),
    sha256     bytea not null check (octet_length(sha256) = 32),
    codec      text not null check (codec in ('raw', 'flac', 'zstd', 'planes-zstd', 'flac-residual')),
    params     jsonb not null default 'null',
    constraint extent_place unique (object, idx),
    constraint extent_bytes unique (object, "offset", stored_len)
);

create table span (
    file   bigint not null references version_file on delete cascade,
    idx    integer not null check (idx >= 0),
    at     bigint not null check (at >= 0),
    len    bigint not null check (len > 0),
    extent bigint not null references extent,
    "from" bigint not null check ("from" >= 0),
    constraint span_place primary key (file, idx),
    constraint span_start unique (file, at),
    constraint span_no_overlap exclude using gist (file with =, int8range(at, at + len) with &&)
);
create index span_extent on span (extent);

-- A complete version covers every byte of every file: checked when the transaction that says so ends.
create function check_version_is_covered() returns trigger
    language plpgsql
as $$
begin
    if exists (
        select from version_file f
        where f.version = new.id and f.length <> (select coalesce(sum(s.len), 0) from span s where s.file = f.id)
    ) then
        raise exception 'the spans of version % do not cover its files', new.id using errcode = 'check_violation', constraint = 'version_is_covered';
    end if;
    return null;
end
$$;
create constraint trigger version_is_covered after insert or update of state on version
    deferrable initially deferred for each row when (new.state = 'complete') execute function check_version_is_covered();
