-- The extents a version's files are rebuilt from: those its spans name, and those these rest on.

create function extents_needed(wanted text) returns setof bigint
    language sql stable
as $$
    with recursive needed as (
        select distinct s.extent as id from version_file f join span s on s.file = f.id where f.version = wanted
        union
        select b.base from extent_base b join needed n on n.id = b.extent
    )
    select id from needed
$$;
