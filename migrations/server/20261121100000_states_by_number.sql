-- Which catalogue state made a row state, and which one removed a row: every state of the past can be read again.

alter table row_state add column number bigint;
alter table row_state disable trigger row_state_is_written_once;
-- A state and its head were written by one transaction, so they carry the same time.
update row_state s set number = h.number from catalogue_head h where h.project = s.project and h.created_at = s.created_at;
alter table row_state enable trigger row_state_is_written_once;
alter table row_state alter column number set not null;
create index row_state_number on row_state (project, row, number desc);

create table row_gone (
    project text not null,
    row     text not null,
    number  bigint not null,
    -- The place the row had in the order of approval; 0 where it was not kept.
    place   bigint not null,
    constraint row_gone_pkey primary key (project, row, number)
);
insert into row_gone (project, row, number, place)
select c.project, item ->> 'row', c.applied_number, 0
from change_set c cross join lateral jsonb_array_elements(c.effect) as item
where c.applied_number is not null and item ->> 'field' = '_row' and item -> 'to' = 'null'::jsonb;
create trigger row_gone_is_written_once before update on row_gone for each row execute function refuse_change();
