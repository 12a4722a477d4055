-- Accounts, their sessions, and the counters that slow down guessing. Times leave the database as RFC 3339 text in UTC.

create function rfc3339(moment timestamptz) returns text
    language sql immutable strict parallel safe
    return to_char(moment at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');

create table account (
    id            text primary key check (id ~ '^acc_[a-z2-7]{26}$'),
    email         text not null,
    -- The address as it counts for uniqueness: lower case, domain in ASCII.
    email_key     text not null constraint account_email_key unique,
    name          text not null check (name <> ''),
    password_hash text not null check (password_hash like '$argon2id$%'),
    created_at    timestamptz not null default now()
);

create table session (
    id           bytea primary key check (octet_length(id) = 16),
    account      text not null references account on delete cascade,
    -- SHA-256 of the token; the token itself is nowhere.
    token_hash   bytea not null constraint session_token_key unique check (octet_length(token_hash) = 32),
    device_name  text not null,
    created_at   timestamptz not null default now(),
    last_used_at timestamptz not null default now(),
    expires_at   timestamptz not null
);
create index session_account on session (account);

create table throttle (
    -- SHA-256 of what is counted, so that no address of a stranger is kept.
    key           bytea primary key check (octet_length(key) = 32),
    failures      integer not null,
    since         timestamptz not null,
    blocked_until timestamptz not null
);
