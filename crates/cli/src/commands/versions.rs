//! Watching, listing, fetching, going back, recognising.

use std::path::Path;

use collabtrack_domain::id::{TrackId, VersionId};
use collabtrack_library::Library;
use collabtrack_library::view::{AppEvent, CredentialPlace, VersionView};
use serde::Serialize;

use crate::output::{Output, Trouble};
use crate::select;

/// Watches a folder as a project.
pub(crate) async fn init(library: &Library, dir: &Path, name: Option<&str>, output: &Output) -> Result<(), Trouble> {
    let project = library.add_folder_named(None, dir, name).await?;
    output
        .answer(&project, |project| format!("{}  {}\nExports that appear in {} become versions.", project.id, project.name, dir.display()));
    Ok(())
}

/// Captures what is finished; without `once` until interrupted.
pub(crate) async fn watch(library: &Library, once: bool, output: &Output) -> Result<(), Trouble> {
    if once {
        let captured = library.scan_until_settled().await?.captured.len();
        let candidates = library.candidates().await?;
        output.answer(&candidates, |candidates| {
            let mut text = format!("{captured} captured\n");
            for candidate in candidates {
                text.push_str(&format!("  {}: {}\n", candidate.path, candidate.message));
            }
            text
        });
        return Ok(());
    }
    let mut events = library.events();
    library.start().await?;
    output.news("Watching. Ctrl-C ends.");
    loop {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return Ok(()),
            event = events.recv() => match event {
                Ok(AppEvent::Notice { message }) => output.news(&message),
                Ok(_) | Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                Err(tokio::sync::broadcast::error::RecvError::Closed) => return Ok(()),
            }
        }
    }
}

#[derive(Serialize)]
struct Row {
    track_name: String,
    #[serde(flatten)]
    version: VersionView,
}

/// Lists versions, newest first within each track.
pub(crate) async fn list(library: &Library, track: Option<&str>, output: &Output) -> Result<(), Trouble> {
    let mut rows = Vec::new();
    let details = match track {
        Some(track) => vec![select::track(library, track).await?],
        None => {
            let mut details = Vec::new();
            for row in library.tracks(None).await? {
                details.push(library.track(&TrackId::parse(&row.id)?).await?);
            }
            details
        }
    };
    for detail in details {
        rows.extend(detail.versions.into_iter().map(|version| Row { track_name: detail.track.name.clone(), version }));
    }
    output.answer(&rows, |rows| {
        let mut text = String::new();
        for Row { track_name, version } in rows {
            let number = if version.is_final { version.number.to_string() } else { format!("{} (not final)", version.number) };
            let loudness = version.loudness_lufs.map_or_else(|| "–".to_owned(), |lufs| format!("{lufs:.1} LUFS"));
            text.push_str(&format!(
                "{track_name}:{number:<4} {:<10} {:>3}:{:02}  {loudness:<11} {}  {}  {}\n",
                version.kind,
                version.duration_ms / 60_000,
                version.duration_ms / 1000 % 60,
                version.file_name,
                version.author,
                version.fingerprint,
            ));
        }
        if text.is_empty() { "No versions yet. `init DIR` watches a folder, `watch` captures its exports.".to_owned() } else { text }
    });
    Ok(())
}

/// Writes the exact bytes of a version, fetching them first where they are not here.
pub(crate) async fn fetch(library: &Library, version: &str, target: &Path, output: &Output) -> Result<(), Trouble> {
    let version = select::version(library, version).await?;
    let id = VersionId::parse(&version.id)?;
    library.fetch(&id, target).await?;
    output.answer(&version, |version| format!("{}  {}", version.fingerprint, target.display()));
    Ok(())
}

/// Goes back to a version.
pub(crate) async fn restore(library: &Library, version: &str, output: &Output) -> Result<(), Trouble> {
    let version = select::version(library, version).await?;
    let newest = library.restore_version(&VersionId::parse(&version.id)?).await?;
    output.answer(&newest, |newest| format!("Version {} has the bytes of version {}.", newest.number, version.number));
    Ok(())
}

/// Says which version a file is.
pub(crate) async fn identify(library: &Library, file: &Path, output: &Output) -> Result<(), Trouble> {
    let answer = library.identify(file).await?;
    output.answer(&answer, |answer| {
        if answer.versions.is_empty() {
            return format!("{} is no version of this library.\nSHA-256 {}", file.display(), answer.fingerprint);
        }
        let mut text = String::new();
        for found in &answer.versions {
            let approved = if found.approved { "the approved version" } else { "not the approved version" };
            text.push_str(&format!("{} version {}: {approved}\n", found.track_name, found.number));
        }
        text
    });
    Ok(())
}

#[derive(Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
    detail: String,
}

/// Checks the set-up.
pub(crate) async fn doctor(library: &Library, output: &Output) -> Result<(), Trouble> {
    let status = library.status().await?;
    let projects = library.projects().await?;
    let missing: Vec<String> = projects
        .iter()
        .flat_map(|project| &project.roots)
        .filter(|root| root.state == collabtrack_library::view::RootState::Missing)
        .map(|root| root.path.clone())
        .collect();
    let connection = &status.connection;
    let checks = vec![
        Check { name: "library", ok: true, detail: format!("{} projects", projects.len()) },
        Check {
            name: "folders",
            ok: missing.is_empty(),
            detail: if missing.is_empty() {
                "all watched folders are there".into()
            } else {
                format!("not connected: {}. Nothing was removed; connect the drive", missing.join(", "))
            },
        },
        Check {
            name: "server",
            ok: connection.message.is_none(),
            detail: connection.message.clone().unwrap_or_else(|| {
                connection.server.clone().unwrap_or_else(|| "none; everything works on this computer. `connect URL` adds one".into())
            }),
        },
        Check {
            name: "session",
            ok: connection.account_name.is_some() || connection.server.is_none(),
            detail: match (&connection.account_name, connection.credential) {
                (Some(name), Some(CredentialPlace::Keyring)) => format!("{name}, kept in the system's keyring"),
                (Some(name), _) => format!("{name}, not kept in a keyring"),
                (None, _) => "nobody is signed in; `sign-in EMAIL`".into(),
            },
        },
        Check { name: "sync", ok: true, detail: status.sync.sentence.clone() },
    ];
    let healthy = checks.iter().all(|check| check.ok);
    output.answer(&checks, |checks| {
        checks.iter().map(|check| format!("{} {:<8} {}\n", if check.ok { "✓" } else { "✗" }, check.name, check.detail)).collect()
    });
    if healthy {
        Ok(())
    } else {
        Err(Trouble::new("Something in this set-up needs you", "Your versions are safe.", "See the lines marked ✗ above."))
    }
}

/// Addresses of the files of a version for somebody without the app.
pub(crate) async fn link(library: &Library, version: &str, output: &Output) -> Result<(), Trouble> {
    let version = select::version(library, version).await?;
    let files = library.plain_files(&VersionId::parse(&version.id)?).await?;
    output.answer(&files, |files| {
        let lines: Vec<String> = files.iter().map(|file| format!("{}\n{}\nSHA-256 {}", file.path, file.url, file.sha256)).collect();
        lines.join("\n\n")
    });
    Ok(())
}
