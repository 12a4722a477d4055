-- The catalogue: column schemas, every state every row ever had, which states are current, and the heads in order.

create table catalogue_schema (
    project  text not null references project,
    hash     bytea not null check (octet_length(hash) = 32),
    document text not null,
    primary key (project, hash)
);

-- Bases of three-way merges: kept for ever, never changed.
create table row_state (
    project    text not null references project,
    row        text not null,
    rev        text not null,
    cells      jsonb not null,
    approved   jsonb not null,
    retired    jsonb not null,
    salt       bytea not null check (octet_length(salt) = 16),
    hash       bytea not null check (octet_length(hash) = 32),
    created_at timestamptz not null default now(),
    constraint row_state_pkey primary key (project, row, rev)
);

create table catalogue_row (
    project text not null,
    row     text not null,
    rev     text not null,
    -- Order of approval.
    place   bigint not null,
    -- Number of the catalogue state that added the row.
    added   bigint not null,
    constraint catalogue_row_pkey primary key (project, row),
    constraint catalogue_row_place unique (project, place),
    foreign key (project, row, rev) references row_state
);

create table catalogue_head (
    project    text not null references project,
    number     bigint not null check (number >= 0),
    head       bytea not null check (octet_length(head) = 32),
    parent     bytea not null check (octet_length(parent) = 32),
    state      bytea not null check (octet_length(state) = 32),
    schema     bytea not null check (octet_length(schema) = 32),
    change_set text,
    created_at timestamptz not null default now(),
    constraint catalogue_head_pkey primary key (project, number),
    constraint catalogue_head_once unique (project, head)
);

create trigger row_state_is_written_once before update on row_state for each row execute function refuse_change();
create trigger catalogue_head_is_written_once before update on catalogue_head for each row execute function refuse_change();
