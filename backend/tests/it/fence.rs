//! The second fence around projects: whoever passed the gate of one sees and writes no row of another, whatever the statement says. And the
//! service's own role, which neither bypasses that nor rewrites the log.

use collabtrack_domain::role::{Action, Role};
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_server::config::{Environment, Registration};
use collabtrack_server::{access, db};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Row};

use super::support::music::claim;
use super::support::{Server, drop_database, fresh_database};

const OURS: &str = "prj_aaaaaaaaaaaaaaaaaaaaaaaaaa";
const THEIRS: &str = "prj_bbbbbbbbbbbbbbbbbbbbbbbbbb";

/// A table with rows of projects, and the column that says whose.
struct Fenced {
    table: String,
    column: String,
}

/// From the catalogue of the database, so that tables made tomorrow are among them.
async fn tables(db: &mut PgConnection) -> Vec<Fenced> {
    let rows = sqlx::query(
        "select c.relname::text as table, case when c.relname = 'project' then 'id' else a.attname::text end as column
         from pg_class c join pg_attribute a on a.attrelid = c.oid and not a.attisdropped
         where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace
           and (a.attname in ('project', 'chain') or (c.relname = 'project' and a.attname = 'id')) order by 1",
    )
    .fetch_all(db)
    .await
    .expect("listed");
    rows.iter().map(|row| Fenced { table: row.get("table"), column: row.get("column") }).collect()
}

async fn run(db: &mut PgConnection, statement: String) {
    let done = sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(db).await;
    done.unwrap_or_else(|error| panic!("{statement}: {error}"));
}

/// Takes away everything that wants more of a row than whose it is, so that one row of each project fits into every table.
async fn strip(db: &mut PgConnection, tables: &[Fenced]) {
    let names: Vec<&str> = tables.iter().map(|fenced| fenced.table.as_str()).collect();
    let steps = [
        "select format('alter table %I disable trigger all', t) from unnest($1) t",
        "select format('alter table %s drop constraint if exists %I cascade', conrelid::regclass, conname) from pg_constraint
         where conrelid::regclass::text = any($1) and contype <> 't'",
        "select format('alter table %s alter column %I drop not null', attrelid::regclass, attname) from pg_attribute
         where attrelid::regclass::text = any($1) and attnum > 0 and attnotnull and attidentity = ''",
    ];
    for step in steps {
        let statements: Vec<String> = sqlx::query_scalar(step).bind(&names).fetch_all(&mut *db).await.expect("planned");
        for statement in statements {
            run(db, statement).await;
        }
    }
}

async fn seen(db: &mut PgConnection, fenced: &Fenced) -> Vec<String> {
    let query = format!("select \"{column}\" from \"{table}\" order by 1", column = fenced.column, table = fenced.table);
    sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(db).await.unwrap_or_else(|error| panic!("{}: {error}", fenced.table))
}

fn adding(fenced: &Fenced, project: &str) -> String {
    format!("insert into \"{}\" (\"{}\") values ('{project}')", fenced.table, fenced.column)
}

#[tokio::test]
async fn in_every_table_of_projects_a_fenced_transaction_sees_and_adds_rows_of_its_project_only() {
    let server = Server::start().await;
    let mut owner = server.database().acquire().await.expect("a connection");
    let mut tx = owner.begin().await.expect("begun");
    let tables = tables(&mut tx).await;
    assert!(tables.len() > 20, "the catalogue lists the tables");
    strip(&mut tx, &tables).await;
    for fenced in &tables {
        run(&mut tx, format!("delete from \"{}\"", fenced.table)).await;
        run(&mut tx, adding(fenced, OURS)).await;
        run(&mut tx, adding(fenced, THEIRS)).await;
    }
    run(&mut tx, "set local role collabtrack_app".to_owned()).await;
    for fenced in &tables {
        assert_eq!(seen(&mut tx, fenced).await, [OURS, THEIRS], "{}: work for all projects sees all of them", fenced.table);
    }
    sqlx::query("select set_config('collabtrack.project', $1, true)").bind(OURS).execute(&mut *tx).await.expect("named");
    for fenced in &tables {
        let table = &fenced.table;
        assert_eq!(seen(&mut tx, fenced).await, [OURS], "{table} has no fence: call fence_in for it in a migration");
        run(&mut tx, adding(fenced, OURS)).await;
        let mut attempt = tx.begin().await.expect("begun");
        let refused = sqlx::query(AssertSqlSafe(adding(fenced, THEIRS))).execute(&mut *attempt).await.expect_err(table);
        assert!(refused.to_string().contains("row-level security"), "{table}: {refused}");
        attempt.rollback().await.expect("taken back");
        if !table.starts_with("audit_") {
            let all = format!("delete from \"{table}\"");
            let gone = sqlx::query(AssertSqlSafe(all)).execute(&mut *tx).await.unwrap_or_else(|error| panic!("{table}: {error}"));
            assert_eq!(gone.rows_affected(), 2, "{table}: a deletion of everything takes what is ours");
        }
    }
    tx.rollback().await.expect("taken back");
    drop(owner);
    server.stop().await;
}

#[tokio::test]
async fn passing_the_gate_of_a_project_hides_all_others_until_the_transaction_ends() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let (ours, theirs) = (ann.project("Ours").await, ann.project("Theirs").await);
    let kept = ann.bounce(&ours, &claim("Night Drive"), b"ours").await;
    ann.bounce(&theirs, &claim("Night Drive"), b"theirs").await;
    let db = server.service_database();

    let mut tx = db.begin().await.expect("begun");
    let all: i64 = sqlx::query_scalar("select count(*) from version").fetch_one(&mut *tx).await.expect("counted");
    assert_eq!(all, 2, "nobody passed a gate yet");
    assert_eq!(access::check(&mut tx, &ann.id, &ours, Action::SeeProject).await.expect("ann is in it"), Role::Owner);
    // Not one of these names a project.
    let versions: Vec<String> = sqlx::query_scalar("select id from version").fetch_all(&mut *tx).await.expect("listed");
    assert_eq!(versions, [kept.id.to_string()]);
    for table in ["project", "member", "track", "version", "object", "upload", "change", "catalogue_head", "audit_entry"] {
        let column = if table == "audit_entry" { "chain" } else { "project" };
        let column = if table == "project" { "id" } else { column };
        let query = format!("select count(*) from {table} where {column} = '{theirs}'");
        let others: i64 = sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(&mut *tx).await.expect("counted");
        assert_eq!(others, 0, "{table}");
    }
    let renamed = sqlx::query("update project set name = 'Mine now'").execute(&mut *tx).await.expect("updated");
    assert_eq!(renamed.rows_affected(), 1);
    let gate = access::check(&mut tx, &ann.id, &theirs, Action::SeeProject).await.expect_err("one transaction, one project");
    assert!(gate.is(ErrorCode::NotFound));
    tx.rollback().await.expect("taken back");

    // The connection is anybody's again.
    let mut tx = db.begin().await.expect("begun");
    assert_eq!(access::check(&mut tx, &ann.id, &theirs, Action::SeeProject).await.expect("ann is in it"), Role::Owner);
    tx.rollback().await.expect("taken back");
    server.stop().await;
}

#[tokio::test]
async fn the_role_of_the_service_owns_nothing_and_only_reads_and_adds_to_the_log() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    ann.project("EP").await;
    let mut db = server.service_database().acquire().await.expect("a connection");
    let role = sqlx::query(
        "select current_user::text as name, rolsuper or rolbypassrls or rolcanlogin as mighty,
                exists (select from pg_class where relowner = r.oid) as owner
         from pg_roles r where rolname = current_user",
    )
    .fetch_one(&mut *db)
    .await
    .expect("read");
    assert_eq!((role.get("name"), role.get("mighty"), role.get("owner")), ("collabtrack_app", false, false));
    for statement in [
        "update audit_entry set actor = 'acc_x'",
        "delete from audit_entry",
        "truncate audit_entry cascade",
        "update audit_detail set detail = '{}'",
        "truncate audit_detail",
        "alter table audit_entry disable trigger user",
        "alter table version disable row level security",
        "drop policy project_scope on version",
        "update _sqlx_migrations set success = false",
        "call fence_in('account', 'true')",
    ] {
        let refused = sqlx::query(statement).execute(&mut *db).await.expect_err(statement).to_string();
        assert!(refused.contains("permission denied") || refused.contains("must be owner"), "{statement}: {refused}");
    }
    drop(db);
    server.stop().await;
}

#[tokio::test]
async fn a_database_whose_rights_were_lost_is_told_and_served_until_the_next_migration() {
    let name = fresh_database().await;
    let url = super::support::database_url(&name).into();
    assert!(db::has_service_role(&url).await.expect("it answers"));
    let owner = db::connect(&url, 1).await.expect("it answers");
    // As a dump leaves it that was taken or brought back without privileges.
    sqlx::raw_sql("revoke all on all tables in schema public from collabtrack_app").execute(&owner).await.expect("revoked");
    assert!(!db::has_service_role(&url).await.expect("it answers"));
    db::migrate(&owner).await.expect("nothing to do but this");
    assert!(db::has_service_role(&url).await.expect("it answers"));
    owner.close().await;
    drop_database(&name).await;
}

#[tokio::test]
async fn tables_in_a_schema_named_as_the_login_are_found_by_the_role_of_the_service_too() {
    let name = fresh_database().await;
    let url: secrecy::SecretString = super::support::database_url(&name).into();
    let owner = db::connect(&url, 1).await.expect("it answers");
    // The first place where Postgres looks for tables is the schema that has the user's name.
    let moved = "do $$ begin execute format('alter schema public rename to %I', current_user); create schema public; end $$";
    sqlx::raw_sql(moved).execute(&owner).await.expect("moved");
    db::migrate(&owner).await.expect("nothing to do but the rights");
    owner.close().await;
    let settings = [("COLLABTRACK_DATABASE_CONNECTIONS", "2")].map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let service = Environment::new(settings).and_then(|settings| settings.service(Registration::Open)).expect("settings");
    let pool = db::connect_service(&url, &service).await.expect("connected");
    db::check(&pool).await.expect("up to date");
    let (user, projects): (String, i64) =
        sqlx::query_as("select current_user::text, (select count(*) from project)").fetch_one(&pool).await.expect("asked");
    assert_eq!((user.as_str(), projects), ("collabtrack_app", 0));
    pool.close().await;
    drop_database(&name).await;
}
