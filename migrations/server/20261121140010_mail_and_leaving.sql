-- Addresses confirmed by mail; accounts deleted by those they belong to.

alter table account
    -- When a code mailed to the address came back; forgotten when the address changes.
    add column email_confirmed_at timestamptz,
    -- When the holder deleted it: name, address and password are gone, the id stays in versions and logs.
    add column deleted_at timestamptz;

-- Addresses that wait for the code mailed to them: of accounts to be made, and of accounts that move to another address.
create table pending_address (
    -- SHA-256 of the code.
    hash          bytea primary key check (octet_length(hash) = 32),
    email         text not null,
    email_key     text not null,
    -- The account that moves; a new one brings its name and password instead.
    account       text references account on delete cascade,
    name          text,
    password_hash text,
    expires_at    timestamptz not null default now() + interval '24 hours',
    check ((account is null) = (name is not null) and (account is null) = (password_hash is not null))
);

-- Erasing a detail is the one deletion the log allows: the entry stays and verifies, its text is gone. Only inside this function.
create or replace function refuse_change() returns trigger
    language plpgsql
as $$
begin
    if tg_table_name = 'audit_detail' and tg_op = 'DELETE' and current_setting('collabtrack.erasing', true) = 'yes' then
        return old;
    end if;
    raise exception '% is written once: % refused', tg_table_name, tg_op using errcode = 'restrict_violation';
end
$$;

create function erase_detail(of_chain text, of_seq bigint) returns boolean
    language plpgsql
as $$
declare
    erased boolean;
begin
    perform set_config('collabtrack.erasing', 'yes', true);
    delete from audit_detail where chain = of_chain and seq = of_seq;
    erased := found;
    perform set_config('collabtrack.erasing', '', true);
    return erased;
end
$$;
