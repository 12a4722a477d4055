-- Projects, who is in them, and invitations by single-use code. The project row is the lock that every change of a project takes first.

create table project (
    id               text primary key check (id ~ '^prj_[a-z2-7]{26}$'),
    name             text not null check (name <> ''),
    created_by       text not null references account,
    created_at       timestamptz not null default now(),
    -- Changes with each restore of the server.
    epoch            text not null,
    head_seq         bigint not null default 0 check (head_seq >= 0),
    -- No coding: the first storage stage keeps every file as one plain object.
    plain            boolean not null default true,
    self_approval    text not null default 'when_sole_approver' check (self_approval in ('when_sole_approver', 'never')),
    catalogue_head   bytea not null check (octet_length(catalogue_head) = 32),
    catalogue_number bigint not null default 0,
    catalogue_schema bytea not null check (octet_length(catalogue_schema) = 32),
    next_row_place   bigint not null default 1
);

create table member (
    project text not null references project on delete cascade,
    account text not null references account on delete cascade,
    role    text not null check (role in ('listener', 'member', 'admin', 'owner')),
    since   timestamptz not null default now(),
    constraint member_pkey primary key (project, account)
);
create index member_account on member (account);

create table invitation (
    id          text primary key check (id ~ '^inv_[a-z2-7]{26}$'),
    project     text not null references project on delete cascade,
    role        text not null check (role in ('listener', 'member', 'admin', 'owner')),
    code_hash   bytea not null constraint invitation_code_key unique check (octet_length(code_hash) = 32),
    inviter     text not null references account,
    created_at  timestamptz not null default now(),
    expires_at  timestamptz not null,
    accepted_by text references account,
    accepted_at timestamptz,
    check ((accepted_by is null) = (accepted_at is null))
);
create index invitation_project on invitation (project);
