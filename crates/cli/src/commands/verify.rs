//! Checking offline.

use collabtrack_library::Library;
use collabtrack_library::view::LogCheckView;

use crate::arguments::Verify;
use crate::output::{Output, Trouble};

/// Runs a `verify` command; what does not fit is a failure.
pub(crate) async fn run(library: &Library, command: Verify, output: &Output) -> Result<(), Trouble> {
    let Verify::Audit { file } = command;
    let checks = library.verify_export(&file).await?;
    let failed = checks.iter().find(|check| check.verdict != "ok").cloned();
    output.answer(&checks, |checks| checks.iter().map(words).collect());
    match failed {
        None => Ok(()),
        Some(check) => Err(Trouble::new(
            format!("The audit log of {} does not fit: {}", check.project, check.verdict),
            "Somebody changed it after it was written, or the file is damaged. Your music is not touched.",
            "Keep this file as evidence, export again, and ask whoever runs the server.",
        )),
    }
}

fn words(check: &LogCheckView) -> String {
    let mut text = match (check.verdict.as_str(), check.entry) {
        ("ok", _) => {
            let catalogue = if check.catalogue_checked { " They lead to the exported catalogue." } else { "" };
            format!("{}: ok, {} entries in unbroken order.{catalogue}\n  last entry {}\n", check.project, check.entries, check.last)
        }
        (verdict, entry) => {
            let entry = entry.map(|entry| format!(" at entry {entry}")).unwrap_or_default();
            format!("{}: {verdict}{entry}: {}\n", check.project, check.why.clone().unwrap_or_default())
        }
    };
    for notice in &check.notices {
        text.push_str(&format!("  note: {notice}\n"));
    }
    if check.verdict == "ok" {
        text.push_str("  An export cut off at its end shows only to a computer that has checked a longer one before.\n");
    }
    text
}
