-- Site admins, second factors, rotating sessions, known devices, one-time codes, bound invitations, and the switches of a project.

alter table account
    add column site_admin boolean not null default false,
    add column disabled_at timestamptz,
    -- The TOTP secret, sealed with the server's key; it counts from its confirmation on.
    add column totp_secret bytea,
    add column totp_confirmed_at timestamptz,
    -- The newest time step whose code was used: each counts once.
    add column totp_last_step bigint not null default 0;

create table recovery_code (
    account text not null references account on delete cascade,
    -- SHA-256 of the code.
    hash    bytea not null check (octet_length(hash) = 32),
    used_at timestamptz,
    primary key (account, hash)
);

alter table session
    -- When the password was last given in this session.
    add column stepped_up_at timestamptz not null default now(),
    -- When the current token began to count.
    add column rotated_at timestamptz not null default now(),
    -- The successor, which counts from its first use, and when the password was given for it.
    add column next_hash bytea constraint session_next_token_key unique check (octet_length(next_hash) = 32),
    add column next_stepped_up_at timestamptz;

-- Tokens that had a successor. One that is used after its grace was stolen: the session ends.
create table retired_token (
    token_hash  bytea primary key check (octet_length(token_hash) = 32),
    session     bytea not null references session on delete cascade,
    grace_until timestamptz not null
);
create index retired_token_session on retired_token (session);

create table known_device (
    id           bytea primary key check (octet_length(id) = 16),
    account      text not null references account on delete cascade,
    token_hash   bytea not null constraint known_device_token_key unique check (octet_length(token_hash) = 32),
    name         text not null,
    created_at   timestamptz not null default now(),
    last_used_at timestamptz not null default now(),
    expires_at   timestamptz not null default now() + interval '1 year'
);
create index known_device_account on known_device (account);

-- Codes for resetting a password and for becoming the first site admin: single use, stored as hashes.
create table one_time_code (
    hash       bytea primary key check (octet_length(hash) = 32),
    kind       text not null check (kind in ('reset', 'setup')),
    -- Whose password; for a setup code the address that may use it.
    account    text references account on delete cascade,
    email_key  text,
    -- Who made it; none for the operator's command line.
    issued_by  text references account,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    check ((kind = 'reset') = (account is not null)),
    check ((kind = 'setup') = (email_key is not null))
);

alter table invitation
    -- Only the account with this address may accept, where one is named.
    add column email_key text,
    add column revoked_at timestamptz,
    add constraint invitation_ends_once check (accepted_at is null or revoked_at is null);

alter table project
    add column listeners_fetch_originals boolean not null default false,
    add column listeners_comment boolean not null default false,
    add column members_share boolean not null default false;

-- What is written to the audit log as one entry with a count: failed sign-ins and refused acts, by chain and ten minutes.
create table audit_pending (
    chain  text not null,
    actor  text not null,
    action text not null,
    since  timestamptz not null default now(),
    count  bigint not null default 1,
    primary key (chain, actor, action)
);

insert into audit_chain (chain, hash) values ('site', decode(repeat('00', 32), 'hex'));
