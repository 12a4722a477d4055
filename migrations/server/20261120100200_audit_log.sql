-- The audit log: one hash chain per project, account or site. Entries and details are written once; nothing may change or remove them.

create table audit_chain (
    chain text primary key,
    seq   bigint not null default 0,
    hash  bytea not null check (octet_length(hash) = 32)
);

create table audit_entry (
    chain text not null references audit_chain,
    seq   bigint not null check (seq > 0),
    -- The exact canonical bytes that were hashed.
    entry bytea not null,
    hash  bytea not null check (octet_length(hash) = 32),
    actor text not null,
    constraint audit_entry_pkey primary key (chain, seq),
    constraint audit_entry_hash check (hash = sha256('\x00'::bytea || entry))
);

create table audit_detail (
    chain  text not null,
    seq    bigint not null,
    salt   bytea not null check (octet_length(salt) = 16),
    -- The exact canonical JSON that was hashed with the salt.
    detail text not null,
    primary key (chain, seq),
    foreign key (chain, seq) references audit_entry
);

create function refuse_change() returns trigger
    language plpgsql
as $$
begin
    raise exception '% is written once: % refused', tg_table_name, tg_op using errcode = 'restrict_violation';
end
$$;

create trigger audit_entry_is_written_once before update or delete on audit_entry for each row execute function refuse_change();
create trigger audit_entry_is_never_emptied before truncate on audit_entry for each statement execute function refuse_change();
create trigger audit_detail_is_written_once before update or delete on audit_detail for each row execute function refuse_change();
create trigger audit_detail_is_never_emptied before truncate on audit_detail for each statement execute function refuse_change();
