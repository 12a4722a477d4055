-- Public halves of the keys that people's computers sign with. A revoked one stays: what it signed before is still looked at with it.
create table device_key (
    -- The first half of the SHA-256 of the public bytes.
    id         bytea primary key check (octet_length(id) = 16 and id = substring(sha256(public_key) for 16)),
    account    text not null references account on delete cascade,
    public_key bytea not null constraint device_key_public_key unique check (octet_length(public_key) = 32),
    name       text not null,
    created_at timestamptz not null default now(),
    revoked_at timestamptz
);
create index device_key_account on device_key (account);
