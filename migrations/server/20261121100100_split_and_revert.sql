-- Where a change set came from: the one it was split off, or the one it takes back; and who settled the conflicts of a revision.

alter table change_set add column split_from text references change_set;
alter table change_set add column reverts text references change_set;
create index change_set_split_from on change_set (split_from) where split_from is not null;
alter table change_set_revision add column resolver text references account;
