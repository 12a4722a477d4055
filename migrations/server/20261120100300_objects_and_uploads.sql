-- Objects in the S3 store, and the upload sessions that make them.

create table object (
    key       text primary key,
    project   text not null references project,
    format    text not null check (format in ('plain', 'packed', 'preview', 'tables', 'temp')),
    length    bigint not null check (length > 0),
    -- What the store must report as SHA-256: of the whole for one part, else of the joined part hashes with `-N` behind.
    composite text not null,
    -- SHA-256 of the bytes, known where there is one part.
    sha256    bytea check (octet_length(sha256) = 32),
    state     text not null check (state in ('pending', 'verified', 'condemned', 'deleting', 'deleted')),
    created_at timestamptz not null default now()
);
create index object_project on object (project);

create table upload (
    id           text primary key check (id ~ '^upl_[a-z2-7]{26}$'),
    project      text not null references project,
    account      text not null references account,
    object       text not null constraint upload_object_key unique references object,
    -- Id of the store's multipart upload; none for one part.
    multipart_id text,
    part_size    bigint not null check (part_size > 0),
    -- SHA-256 of every part, 32 bytes each, in order.
    part_hashes  bytea not null check (octet_length(part_hashes) > 0 and octet_length(part_hashes) % 32 = 0),
    state        text not null check (state in ('open', 'completing', 'verified', 'gone')),
    expires_at   timestamptz not null
);
create index upload_project on upload (project);
