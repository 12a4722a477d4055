-- How often each library was started, as it last said: one that was started less often is an older image of the same computer.
create table device_generation (
    account    text not null references account on delete cascade,
    device     text not null check (octet_length(device) between 1 and 64),
    generation bigint not null check (generation > 0),
    -- Random for each start: an older image that reaches the same count is another run.
    run        text not null check (octet_length(run) between 1 and 64),
    seen_at    timestamptz not null default now(),
    primary key (account, device)
);
