-- Versions of those who do not approve are put up for review by themselves, one change set per author and track at a time.

alter table project add column review_new_versions boolean not null default true;
alter table change_set add column review_of text references track on delete set null;
create index change_set_review_of on change_set (review_of, created_by) where review_of is not null;
