-- Extents that were packed anew into another object: recipes made before, on whatever computer, name them at their old place.

create table moved_extent (
    object   text not null references object,
    "offset" bigint not null,
    extent   bigint not null references extent,
    primary key (object, "offset")
);
create index moved_extent_extent on moved_extent (extent);
