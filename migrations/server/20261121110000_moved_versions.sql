-- Numbers of versions that were moved to another track: never used again, and still known to have been theirs.

create table version_moved (
    project text not null,
    track   text not null,
    number  bigint not null check (number > 0),
    version text not null,
    at      timestamptz not null default now(),
    constraint version_moved_pkey primary key (track, number),
    foreign key (project, track) references track (project, id),
    foreign key (project, version) references version (project, id)
);
