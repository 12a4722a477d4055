//! The catalogue as CSV: out, compared, proposed.

use collabtrack_library::Library;
use collabtrack_library::view::columns::SchemaCheckView;
use collabtrack_library::view::imports::{ImportRemark, ImportView};

use super::changes::{changes_words, count};
use crate::arguments::Catalogue;
use crate::output::{Output, Trouble};
use crate::select;

/// Runs a `catalogue` command.
pub(crate) async fn run(library: &Library, command: Catalogue, output: &Output) -> Result<(), Trouble> {
    match command {
        Catalogue::Export { project, output: target, table, delimiter, all } => {
            let project = match project {
                Some(project) => Some(select::project(library, &project).await?),
                None => None,
            };
            match (all, &project) {
                (false, Some(project)) => library.export_catalogue(project, table.as_str(), delimiter.into(), &target).await?,
                (_, project) => library.export_everything(project.as_ref(), &target).await?,
            }
            output.answer(&target.display().to_string(), |path| format!("Written: {path}"));
        }
        Catalogue::Schema { project, check: Some(file), .. } => {
            let project = select::project(library, &project).await?;
            library.catalogue(&project, "tracks").await?;
            output.answer(&library.check_schema(&project, &std::fs::read_to_string(&file)?).await?, schema_words);
        }
        Catalogue::Schema { project, propose: None, .. } => {
            let project = select::project(library, &project).await?;
            output.answer(&library.schema_text(&project).await?, Clone::clone);
        }
        Catalogue::Schema { project, propose: Some(file), reason, .. } => {
            let project = select::project(library, &project).await?;
            let proposal = library.propose_schema(&project, &std::fs::read_to_string(&file)?, "", &reason).await?;
            output.answer(&proposal, |proposal| format!("Waiting for review: {}  {}", proposal.id, proposal.title));
        }
        Catalogue::Search { query, project } => {
            let project = match project {
                Some(project) => Some(select::project(library, &project).await?),
                None => None,
            };
            let hits = library.search_catalogue(project.as_ref(), &query).await?;
            output.answer(&hits, |hits| {
                hits.iter().map(|hit| format!("  {} · {} · {}: {}\n", hit.project_name, hit.row_label, hit.field_label, hit.text)).collect()
            });
        }
        Catalogue::Diff { project, file, table } => {
            let project = select::project(library, &project).await?;
            output.answer(&library.import_catalogue(&project, table.as_str(), &file).await?, import_words);
        }
        Catalogue::Propose { project, file, table, title, reason } => {
            let project = select::project(library, &project).await?;
            let import = library.import_catalogue(&project, table.as_str(), &file).await?;
            if !import.may_propose {
                let why = import.errors.iter().chain(&import.questions).next();
                let why = why.map_or_else(|| "The file changes nothing".to_owned(), |error| error.message.clone());
                return Err(Trouble::new(why, "Nothing was proposed.", "`catalogue diff` shows everything about this file."));
            }
            let title = title.unwrap_or_else(|| format!("Edits from {}", import.file_name));
            let proposal = library.import_propose(&import.import, &title, &reason).await?;
            output.answer(&proposal, |proposal| format!("Waiting for review: {}  {}", proposal.id, proposal.title));
        }
    }
    Ok(())
}

fn schema_words(check: &SchemaCheckView) -> String {
    if let Some(error) = &check.error {
        return format!("Not acceptable at {}: {}", error.path, error.message);
    }
    if check.is_same {
        return "These are the columns the catalogue has.".to_owned();
    }
    let mut text = String::new();
    for column in &check.columns {
        let was = column.was.as_ref().map(|was| format!(" (was {was})")).unwrap_or_default();
        let keys = if column.keys.is_empty() { String::new() } else { format!(": {}", column.keys.join(", ")) };
        text.push_str(&format!("  {} {}.{}{was}{keys}\n", column.fate, column.table, column.name));
    }
    for failing in &check.failing {
        text.push_str(&format!("  ! {}\n", failing.message));
    }
    if check.failing_count > 0 {
        text.push_str(&format!("{} values do not fit. It can be proposed, but not approved until they do.\n", check.failing_count));
    }
    text
}

fn remarks(title: &str, remarks: &[ImportRemark]) -> String {
    let mut text = String::new();
    for remark in remarks {
        let line = remark.line.map(|line| format!("line {line}, ")).unwrap_or_default();
        let column = remark.column.as_ref().map(|column| format!("{column}: ")).unwrap_or_default();
        text.push_str(&format!("  {title}: {line}{column}{}\n", remark.message));
    }
    text
}

fn import_words(import: &ImportView) -> String {
    let from = match (import.exported_from, import.catalogue) {
        (Some(from), Some(now)) if from < now => format!("Exported from catalogue {from}, now {now}\n"),
        _ => String::new(),
    };
    let more = |listed: usize, all: u64| match all.saturating_sub(listed as u64) {
        0 => String::new(),
        more => format!("  … and {more} more\n"),
    };
    format!(
        "{}: {} rows unchanged, {} changes\n{from}{}{}{}{}{}{}{}{}{}",
        import.file_name,
        import.unchanged,
        count(&import.changes),
        changes_words(&import.changes),
        remarks("error", &import.errors),
        more(import.errors.len(), import.totals.errors),
        remarks("question", &import.questions),
        more(import.questions.len(), import.totals.questions),
        remarks("warning", &import.warnings),
        more(import.warnings.len(), import.totals.warnings),
        remarks("note", &import.notices),
        more(import.notices.len(), import.totals.notices),
    )
}
