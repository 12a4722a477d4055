//! The program `collabtrack-server`: reads its settings, starts the service, and stops it in order.
#![forbid(unsafe_code)]

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use collabtrack_server::accounts::address::Address;
use collabtrack_server::accounts::codes::{self, Issuer};
use collabtrack_server::app::{self, StoreTest};
use collabtrack_server::blobs::{Blobs, self_test};
use collabtrack_server::config::{Config, Environment, Registration};
use collabtrack_server::mail::Mail;
use collabtrack_server::{accounts, db, logging, recovery};

/// The CollabTrack server: accounts, versions, catalogue and approval for music projects.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    /// Bring a private database and a private store, kept in this folder; needs no other settings.
    #[arg(long, value_name = "DATA_DIR", global = true)]
    embedded: Option<PathBuf>,
    /// Address to listen on, such as 127.0.0.1:8000; port 0 takes a free one. [env: `COLLABTRACK_LISTEN`]
    #[arg(long, value_name = "ADDRESS", value_parser = parse_listen)]
    listen: Option<SocketAddr>,
    /// Print the address as one line of JSON.
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Bring the database up to date and end.
    Migrate,
    /// Test database and store, say what was found, and end.
    Check,
    /// Print addresses that hand out the plain files of a version for a day, rebuilding them where the store holds none whole.
    Materialise {
        /// The version's id.
        version: String,
    },
    /// Pack anew what little is still needed of old objects, so that their space becomes free a day later, and end. Best once a night.
    Repack,
    /// Bring back projects, tracks, versions and recipes that this database lacks, and end.
    Rebuild {
        /// From the sidecars that lie beside the objects in the bucket.
        #[arg(long, required = true)]
        from_bucket: bool,
        /// E-mail address of the account that gets the projects this database does not know.
        #[arg(long, value_name = "EMAIL")]
        owner: Option<String>,
        /// Open the server also when some projects could not be brought back; their bytes stay in the bucket.
        #[arg(long)]
        leave_failed: bool,
    },
    /// Print the code with which `COLLABTRACK_ADMIN_EMAIL` becomes the first site admin; one printed before no longer counts.
    SetupCode,
    /// Print a code with which an account sets a new password.
    ResetCode {
        /// Its e-mail address.
        email: String,
    },
}

/// An address with port, or a port alone on this machine.
fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    let port = text.parse().map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    port.or_else(|_| text.parse()).map_err(|_| "an address such as 127.0.0.1:8000, or a port".to_owned())
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = tokio::runtime::Runtime::new().context("no threads").and_then(|runtime| runtime.block_on(run(arguments)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(std::io::stderr(), &format!("collabtrack-server: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let environment = Environment::read(Path::new("."))?;
    logging::start(&environment.log()?);
    match &arguments.embedded {
        Some(folder) => run_embedded(&arguments, &environment, folder).await,
        None => {
            let mut config = environment.config()?;
            config.service.listen = arguments.listen.unwrap_or(config.service.listen);
            match &arguments.command {
                Some(Command::Migrate) => migrate(&config).await,
                Some(Command::Check) => check(&config).await,
                Some(Command::Rebuild { owner, leave_failed, .. }) => rebuild(&config, owner.as_deref(), *leave_failed).await,
                Some(Command::Materialise { version }) => materialise(&config, version).await,
                Some(Command::Repack) => repack(&config).await,
                Some(Command::SetupCode) => setup_code(&config).await,
                Some(Command::ResetCode { email }) => reset_code(&config, email).await,
                None => serve(&arguments, &config).await,
            }
        }
    }
}

#[cfg(unix)]
async fn run_embedded(arguments: &Arguments, environment: &Environment, folder: &Path) -> anyhow::Result<()> {
    use collabtrack_server::embedded;
    let mut service = environment.service(Registration::Open)?;
    service.listen = arguments.listen.unwrap_or(service.listen);
    if arguments.command.is_none() {
        let signals = Signals::listen()?;
        let studio = embedded::start(folder, service).await?;
        announce(&studio.url, arguments.json);
        signals.wait().await;
        studio.stop().await;
        return Ok(());
    }
    // Starting the services brings the database up to date.
    let services = embedded::start_services(folder, service).await?;
    let result = match &arguments.command {
        Some(Command::Check) => check(services.config()).await,
        Some(Command::Rebuild { owner, leave_failed, .. }) => rebuild(services.config(), owner.as_deref(), *leave_failed).await,
        Some(Command::Materialise { version }) => materialise(services.config(), version).await,
        Some(Command::Repack) => repack(services.config()).await,
        Some(Command::SetupCode) => setup_code(services.config()).await,
        Some(Command::ResetCode { email }) => reset_code(services.config(), email).await,
        Some(Command::Migrate) | None => Ok(()),
    };
    services.stop().await;
    result
}

#[cfg(not(unix))]
async fn run_embedded(_: &Arguments, _: &Environment, _: &Path) -> anyhow::Result<()> {
    anyhow::bail!("the embedded studio runs on Linux and macOS; on this system give DATABASE_URL and the S3 settings of .env.example")
}

async fn serve(arguments: &Arguments, config: &Config) -> anyhow::Result<()> {
    let signals = Signals::listen()?;
    let running = app::start_with(config, StoreTest::Run).await?;
    announce(&running.url, arguments.json);
    signals.wait().await;
    running.stop().await;
    Ok(())
}

async fn migrate(config: &Config) -> anyhow::Result<()> {
    let pool = db::connect(&config.database_url, 2).await?;
    db::migrate(&pool).await?;
    pool.close().await;
    say(std::io::stdout(), "The database is up to date.");
    Ok(())
}

async fn check(config: &Config) -> anyhow::Result<()> {
    let pool = db::connect(&config.database_url, 2).await?;
    db::check(&pool).await?;
    pool.close().await;
    say(std::io::stdout(), "Database: up to date.");
    if db::has_service_role(&config.database_url).await? {
        say(std::io::stdout(), "Database: the service takes a role of its own.");
    } else {
        say(std::io::stderr(), &format!("Database: {}.", db::NO_SERVICE_ROLE));
    }
    let report = self_test::run(&Blobs::new(&config.store)).await?;
    for step in report.steps {
        say(std::io::stdout(), &format!("Store: {step}: yes."));
    }
    check_mail(config).await
}

/// Nothing depends on mail, but an operator who set a mail server wants to know that it takes it.
async fn check_mail(config: &Config) -> anyhow::Result<()> {
    let Some(mail) = &config.service.mail else {
        say(std::io::stdout(), "Mail: none is sent; codes are handed over by site admins.");
        return Ok(());
    };
    let mail = Mail::new(mail, config.service.public_url.clone(), tokio_util::sync::CancellationToken::new());
    mail.check().await.context("mail cannot be sent; everything but mail works")?;
    say(std::io::stdout(), "Mail: the mail server answers.");
    Ok(())
}

async fn materialise(config: &Config, version: &str) -> anyhow::Result<()> {
    let version = version.parse().map_err(|_| anyhow::anyhow!("{version} is not the id of a version"))?;
    let pool = db::connect(&config.database_url, 2).await?;
    db::check(&pool).await?;
    let scratch = std::env::temp_dir();
    let files = collabtrack_server::materialise::plain_files(&pool, &Blobs::new(&config.store), &version, &scratch).await?;
    pool.close().await;
    for file in files {
        say(std::io::stdout(), &format!("{}\t{}", file.path, file.request.url));
    }
    Ok(())
}

async fn repack(config: &Config) -> anyhow::Result<()> {
    let pool = db::connect(&config.database_url, 2).await?;
    db::check(&pool).await?;
    let done = collabtrack_server::repack::round(&pool, &Blobs::new(&config.store), &std::env::temp_dir()).await?;
    pool.close().await;
    let freed = done.bytes as f64 / 1e6;
    say(
        std::io::stdout(),
        &format!("{} objects were packed anew; {freed:.1} MB become free when the old ones are collected, a day from now.", done.objects),
    );
    if done.left > 0 {
        say(std::io::stdout(), &format!("{} objects were left as they are; the log says why.", done.left));
    }
    Ok(())
}

async fn rebuild(config: &Config, owner: Option<&str>, leave_failed: bool) -> anyhow::Result<()> {
    let pool = db::connect(&config.database_url, 4).await?;
    db::check(&pool).await?;
    let blobs = Blobs::new(&config.store);
    let report = collabtrack_server::sidecars::rebuild::from_bucket(&pool, &blobs, owner).await?;
    if leave_failed {
        recovery::open(&pool, &recovery::heads(&blobs).await?).await?;
    }
    pool.close().await;
    let out = std::io::stdout;
    say(
        out(),
        &format!(
            "{} versions came back, {} of them complete; {} projects are new here.",
            report.versions, report.complete, report.projects
        ),
    );
    for version in &report.damaged {
        say(out(), &format!("{version}: bytes are missing in the store; they are wanted from whoever has them."));
    }
    for (key, format) in &report.newer {
        say(out(), &format!("{key}: written by a newer CollabTrack (form {format}); left as it is."));
    }
    for (key, reason) in &report.unreadable {
        say(out(), &format!("{key}: not readable, left as it is: {reason}."));
    }
    for (version, number) in &report.renumbered {
        say(out(), &format!("{version}: its number is another version's here, so it is number {number} now."));
    }
    for (project, reason) in &report.failed {
        say(std::io::stderr(), &format!("{project}: nothing of it was brought back: {reason}."));
    }
    match report.failed.len() {
        0 => Ok(()),
        failed if leave_failed => anyhow::bail!("{failed} projects were not brought back; the server takes changes all the same"),
        failed => anyhow::bail!(
            "{failed} projects were not brought back, so the server takes no changes yet. Run this again once the reasons above are mended; \
             --leave-failed opens it without them"
        ),
    }
}

/// Prints the one-time code of the first site admin. It goes to standard output, which is nobody's log.
async fn setup_code(config: &Config) -> anyhow::Result<()> {
    let address = config
        .service
        .admin_email
        .as_ref()
        .context("COLLABTRACK_ADMIN_EMAIL is not set; name the address that shall be the first site admin")?;
    let pool = db::connect(&config.database_url, 2).await?;
    db::check(&pool).await?;
    let mut tx = pool.begin().await?;
    let made = codes::issue_setup(&mut tx, address).await?;
    tx.commit().await?;
    pool.close().await;
    say(
        std::io::stdout(),
        &format!("{}\nFor {}, once, until {}. Register or sign in with it.", made.code, address.shown(), made.expires_at),
    );
    Ok(())
}

/// Prints a one-time code for a new password.
async fn reset_code(config: &Config, email: &str) -> anyhow::Result<()> {
    let address = Address::parse(email).context("this is not an e-mail address")?;
    let pool = db::connect(&config.database_url, 2).await?;
    db::check(&pool).await?;
    let id = accounts::find(&pool, &address).await?.context("there is no account with this address")?;
    let mut tx = pool.begin().await?;
    let made = codes::issue_reset(&mut tx, &id, Issuer::Operator).await?;
    tx.commit().await?;
    pool.close().await;
    say(std::io::stdout(), &format!("{}\nFor {}, once, until {}.", made.code, address.shown(), made.expires_at));
    Ok(())
}

fn announce(url: &str, json: bool) {
    let line = if json { serde_json::json!({"url": url}).to_string() } else { format!("CollabTrack server: {url}") };
    say(std::io::stdout(), &line);
}

/// Prints a line; a reader that went away is no reason to stop.
fn say(mut to: impl Write, line: &str) {
    let _ = writeln!(to, "{line}").and_then(|()| to.flush());
}

/// The wish to stop: Ctrl-C, or the system's polite signal.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    /// Listens from now on, so that a signal during the start is not lost.
    fn listen() -> anyhow::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Ok(Self {
                terminate: signal(SignalKind::terminate()).context("no signals")?,
                interrupt: signal(SignalKind::interrupt()).context("no signals")?,
            })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    async fn wait(self) {
        #[cfg(unix)]
        {
            let Self { mut terminate, mut interrupt } = self;
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    }
}
