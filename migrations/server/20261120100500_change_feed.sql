-- The change feed of each project: numbered from the locked project row, so its order is the order in which readers see it.

create table change (
    project    text not null references project,
    seq        bigint not null check (seq > 0),
    id         text not null,
    kind       text not null,
    body       jsonb not null,
    created_at timestamptz not null default now(),
    constraint change_pkey primary key (project, seq)
);

-- One hint per transaction: the trigger runs at its end, and Postgres drops the equal ones.
create function hint_at_project() returns trigger
    language plpgsql
as $$
begin
    perform pg_notify('collabtrack_project', new.id || ' ' || (select head_seq from project where id = new.id));
    return null;
end
$$;
create constraint trigger project_has_news after update of head_seq on project
    deferrable initially deferred for each row execute function hint_at_project();
