-- The second fence around projects. Whoever may act in a project is let in by one question, which names the project for the rest of the
-- transaction (`access` in the server); from there on no statement of the service's role sees or writes rows of another project, also one
-- whose where-clause forgot it. Work for all projects (collecting, sidecars, rebuilding) names none and goes on as before.

create function in_project_scope(of_project text) returns boolean
    language sql stable parallel safe
    return coalesce(current_setting('collabtrack.project', true), '') in ('', of_project);

-- Fences a table in: every table with rows of projects calls this, and a test looks for those that do not. `scope` is an expression over
-- its columns.
create procedure fence_in(fenced regclass, scope text)
    language plpgsql
as $$
begin
    execute format('alter table %s enable row level security', fenced);
    execute format('create policy project_scope on %s using (%s) with check (%s)', fenced, scope, scope);
end
$$;

do $$
declare
    fenced regclass;
begin
    call fence_in('project', 'in_project_scope(id)');
    for fenced in
        select c.oid from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'project' and not a.attisdropped
        where c.relkind = 'r' and c.relnamespace = current_schema()::regnamespace
    loop
        call fence_in(fenced, 'in_project_scope(project)');
    end loop;
    -- Chains of accounts and of the site are not of a project.
    foreach fenced in array array['audit_chain', 'audit_entry', 'audit_detail', 'audit_pending']::regclass[] loop
        call fence_in(fenced, $scope$in_project_scope(chain) or chain not like 'prj\_%'$scope$);
    end loop;
end
$$;
