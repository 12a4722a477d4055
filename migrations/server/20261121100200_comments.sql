-- Comments at a point or a range of a version.

create table comment (
    id          text primary key check (id ~ '^cmt_[a-z2-7]{26}$'),
    project     text not null references project,
    version     text not null,
    from_ms     bigint not null check (from_ms >= 0),
    to_ms       bigint check (to_ms > from_ms),
    text        text not null check (text <> ''),
    reply_to    text references comment,
    author      text not null references account,
    made_at     text not null,
    created_at  timestamptz not null default now(),
    resolved_by text references account,
    resolved_at timestamptz,
    -- SHA-256 of the request that made it: the same id with another body is refused.
    request_digest bytea not null check (octet_length(request_digest) = 32),
    foreign key (project, version) references version (project, id),
    check ((resolved_by is null) = (resolved_at is null))
);
create index comment_version on comment (version, from_ms);
