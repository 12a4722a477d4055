-- The role the service takes. It owns nothing: row-level security counts for it, and what the log holds it can read and add to, no more.
-- Runs after every migration, so that tables made since are its own to use. An operator whose login may not make roles makes it by hand
-- (`create role collabtrack_app nologin; grant collabtrack_app to LOGIN`) and migrates again; until then the service warns and goes on
-- as its login.
do $$
declare
    own_schema text := current_schema();
    usable     text := case when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end;
begin
    -- Two servers that start at once take turns.
    perform pg_advisory_xact_lock(hashtext('collabtrack_app'));
    begin
        if not exists (select from pg_roles where rolname = 'collabtrack_app') then
            begin
                create role collabtrack_app nologin;
            exception
                -- Roles belong to the whole cluster: another of its databases made it a moment ago.
                when duplicate_object or unique_violation then null;
            end;
        end if;
        if not pg_has_role(current_user, 'collabtrack_app', usable) then
            execute format('grant collabtrack_app to %I', current_user);
        end if;
    exception
        when insufficient_privilege then return;
    end;
    execute format('grant usage on schema %I to collabtrack_app', own_schema);
    execute format('grant select, insert, update, delete on all tables in schema %I to collabtrack_app', own_schema);
    execute format('grant usage on all sequences in schema %I to collabtrack_app', own_schema);
    revoke insert, update, delete on _sqlx_migrations from collabtrack_app;
    revoke update, delete on audit_entry from collabtrack_app;
    -- Erasing a detail is a deletion, which its trigger allows to one function only.
    revoke update on audit_detail from collabtrack_app;
end
$$;
