//! The commands, by subject; each makes the library's call and says what came of it.

pub(crate) mod account;
pub(crate) mod catalogue;
pub(crate) mod changes;
pub(crate) mod comments;
pub(crate) mod members;
pub(crate) mod organise;
pub(crate) mod server;
pub(crate) mod site;
pub(crate) mod sound;
pub(crate) mod trash;
pub(crate) mod verify;
pub(crate) mod versions;

use collabtrack_library::Library;

use crate::arguments::Command;
use crate::output::{Output, Trouble};

/// Runs one command.
pub(crate) async fn run(library: &Library, command: Command, output: &Output) -> Result<(), Trouble> {
    match command {
        Command::Init { dir, name } => versions::init(library, &dir, name.as_deref(), output).await,
        Command::Watch { once } => versions::watch(library, once, output).await,
        Command::Import { dir, take, plan, project } => {
            organise::import(library, &dir, take, plan.as_deref(), project.as_deref(), output).await
        }
        Command::Track(command) => organise::track(library, command, output).await,
        Command::Project(command) => organise::project(library, command, output).await,
        Command::Limit { up, down } => organise::limit(library, up, down, output).await,
        Command::Versions { track } => versions::list(library, track.as_deref(), output).await,
        Command::Fetch { version, output: target } => versions::fetch(library, &version, &target, output).await,
        Command::Verify(command) => verify::run(library, command, output).await,
        Command::Comment(command) => comments::run(library, command, output).await,
        Command::Restore { version } => versions::restore(library, &version, output).await,
        Command::Link { version } => versions::link(library, &version, output).await,
        Command::Trash(command) => trash::trash(library, command, output).await,
        Command::Identify { file } => versions::identify(library, &file, output).await,
        Command::Doctor => versions::doctor(library, output).await,
        Command::Render(render) => sound::render(library, &render, output).await,
        Command::Analyse(analyse) => sound::analyse(&analyse, output),
        Command::Connect { url } => server::connect(library, &url, output).await,
        Command::SignIn { email, code } => server::sign_in(library, &email, code.as_deref(), output).await,
        Command::SignUp { email, name, invitation } => server::sign_up(library, &email, &name, invitation.as_deref(), output).await,
        Command::SignOut => server::sign_out(library, output).await,
        Command::Confirm { code } => server::confirm(library, &code, output).await,
        Command::Forgot { email } => server::forgot(library, &email, output).await,
        Command::Invite { project, role, email, days, mail } => {
            let wish = members::Wish { role: &role, email: email.as_deref(), days, mail };
            members::invite(library, &project, &wish, output).await
        }
        Command::Members(command) => members::run(library, command, output).await,
        Command::Account(command) => account::run(library, command, output).await,
        Command::Site(command) => site::run(library, command, output).await,
        Command::Join { code } => server::join(library, &code, output).await,
        Command::Publish { project } => server::publish(library, &project, output).await,
        Command::Sync { once } => server::sync(library, once, output).await,
        Command::Catalogue(command) => catalogue::run(library, command, output).await,
        Command::Changes(command) => changes::run(library, command, output).await,
        Command::Retire { version, reason } => changes::retire(library, &version, &reason, output).await,
        Command::Propose { version, reason, approve } => changes::propose(library, &version, &reason, approve, output).await,
    }
}
