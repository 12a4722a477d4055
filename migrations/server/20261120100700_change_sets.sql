-- Change sets with the exact bytes of every revision, and the answers kept for repeated requests.

create table change_set (
    id              text primary key check (id ~ '^chg_[a-z2-7]{26}$'),
    project         text not null references project,
    title           text not null,
    status          text not null check (status in ('draft', 'open', 'changes_requested', 'approved', 'rejected', 'withdrawn', 'split')),
    -- Number of the newest revision.
    revision        bigint not null check (revision > 0),
    created_by      text not null references account,
    created_at      timestamptz not null default now(),
    -- SHA-256 of the request that made it: the same id with another body is refused.
    request_digest  bytea not null check (octet_length(request_digest) = 32),
    decided_by      text references account,
    decided_at      timestamptz,
    decision_reason text,
    -- What approving it did, and the catalogue state it made.
    effect          jsonb,
    effect_digest   bytea check (octet_length(effect_digest) = 32),
    applied_number  bigint,
    check ((status = 'approved') = (applied_number is not null))
);
create index change_set_project on change_set (project, status);

create table change_set_revision (
    change_set text not null references change_set,
    revision   bigint not null check (revision > 0),
    bytes      bytea not null,
    digest     bytea not null check (octet_length(digest) = 32),
    author     text not null references account,
    op_count   bigint not null check (op_count > 0),
    created_at timestamptz not null default now(),
    constraint change_set_revision_pkey primary key (change_set, revision)
);
create trigger change_set_revision_is_written_once before update or delete on change_set_revision for each row execute function refuse_change();

create table idempotent_answer (
    account     text not null references account on delete cascade,
    key         text not null,
    -- SHA-256 of method, path and body.
    request     bytea not null check (octet_length(request) = 32),
    answer      jsonb not null,
    created_at  timestamptz not null default now(),
    constraint idempotent_answer_pkey primary key (account, key)
);
