//! Connecting, signing in, inviting, joining, syncing.

use std::io::BufRead;

use collabtrack_library::Library;
use collabtrack_library::view::{AppEvent, ConnectionView, CredentialPlace};

use crate::output::{Output, Trouble};
use crate::select;

/// The password from `COLLABTRACK_PASSWORD`, else one line of standard input. Never an argument: those stand in process lists.
pub(super) fn password() -> Result<String, Trouble> {
    secret("COLLABTRACK_PASSWORD")
}

/// A secret from the environment, else one line of standard input.
pub(super) fn secret(variable: &str) -> Result<String, Trouble> {
    if let Ok(secret) = std::env::var(variable) {
        return Ok(secret);
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let password = line.trim_end_matches(['\r', '\n']).to_owned();
    if password.is_empty() {
        return Err(Trouble::new(
            format!("{variable} was not given"),
            "Nothing was done.",
            "Set it in the environment or type it on standard input.",
        ));
    }
    Ok(password)
}

pub(super) async fn address(library: &Library) -> Result<String, Trouble> {
    library
        .status()
        .await?
        .connection
        .server
        .ok_or_else(|| Trouble::new("This library knows no server", "Everything stays on this computer.", "Name one first: `connect URL`."))
}

fn words(connection: &ConnectionView) -> String {
    match (&connection.account_name, &connection.server) {
        (Some(name), Some(server)) => format!("{name} at {server}"),
        (None, Some(server)) => format!("{server}: nobody is signed in"),
        _ => "no server".to_owned(),
    }
}

/// A session that lives in memory only ends with this command: say so instead of letting the next one fail without a word.
fn say_where_kept(connection: &ConnectionView, output: &Output) {
    if connection.credential == Some(CredentialPlace::Memory) {
        output.news("This computer offers no keyring, so the session ends with this command. Name a file for it with --token-file FILE.");
    }
}

/// Remembers a server after asking it what it is.
pub(crate) async fn connect(library: &Library, url: &str, output: &Output) -> Result<(), Trouble> {
    let server = library.connect(url).await?;
    output.answer(&server, |server| format!("{}: CollabTrack {}, registration {}", server.address, server.version, server.registration));
    Ok(())
}

/// Signs in.
pub(crate) async fn sign_in(library: &Library, email: &str, code: Option<&str>, output: &Output) -> Result<(), Trouble> {
    let connection = library.sign_in(&address(library).await?, email, password()?.into(), code).await?;
    say_where_kept(&connection, output);
    output.answer(&connection, words);
    Ok(())
}

/// Makes an account.
pub(crate) async fn sign_up(library: &Library, email: &str, name: &str, invitation: Option<&str>, output: &Output) -> Result<(), Trouble> {
    match library.register(&address(library).await?, name, email, password()?.into(), invitation).await? {
        Some(connection) => {
            say_where_kept(&connection, output);
            output.answer(&connection, words);
        }
        None => output.answer(&serde_json::json!({"mailed": true}), |_| {
            format!("A mail to {email} tells how it goes on. With the code in it: `confirm CODE`, and the same password.")
        }),
    }
    Ok(())
}

/// Makes the account that was asked for.
pub(crate) async fn confirm(library: &Library, code: &str, output: &Output) -> Result<(), Trouble> {
    let connection = library.confirm_registration(&address(library).await?, code, password()?.into()).await?;
    say_where_kept(&connection, output);
    output.answer(&connection, words);
    Ok(())
}

/// Has a code for a new password mailed.
pub(crate) async fn forgot(library: &Library, email: &str, output: &Output) -> Result<(), Trouble> {
    library.request_reset(&address(library).await?, email).await?;
    output.answer(&serde_json::json!({"mailed": true}), |_| {
        format!("If {email} has an account there, a code is on its way. With it: `account reset CODE`.")
    });
    Ok(())
}

/// Ends the session.
pub(crate) async fn sign_out(library: &Library, output: &Output) -> Result<(), Trouble> {
    output.answer(&library.sign_out().await?, words);
    Ok(())
}

/// Joins a project.
pub(crate) async fn join(library: &Library, code: &str, output: &Output) -> Result<(), Trouble> {
    let project = library.join(code).await?;
    output.answer(&project, |project| format!("{}  {}", project.id, project.name));
    Ok(())
}

/// Puts a project on the server.
pub(crate) async fn publish(library: &Library, project: &str, output: &Output) -> Result<(), Trouble> {
    let project = select::project(library, project).await?;
    let project = library.put_on_server(&project).await?;
    output.answer(&project, |project| format!("{} is on the server. `sync` sends its versions.", project.name));
    Ok(())
}

/// Sends and fetches.
pub(crate) async fn sync(library: &Library, once: bool, output: &Output) -> Result<(), Trouble> {
    library.sync_once().await?;
    let status = library.status().await?;
    output.answer(&status.sync, |sync| sync.sentence.clone());
    if once {
        return Ok(());
    }
    let mut events = library.events();
    library.start().await?;
    output.news("Waiting for news. Ctrl-C ends.");
    loop {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return Ok(()),
            event = events.recv() => match event {
                Ok(AppEvent::Sync { .. }) => output.news(&library.status().await?.sync.sentence),
                Ok(_) | Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                Err(tokio::sync::broadcast::error::RecvError::Closed) => return Ok(()),
            }
        }
    }
}
