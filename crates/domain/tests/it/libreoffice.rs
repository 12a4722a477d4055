//! Round trips through `LibreOffice` itself, without its window: what it does to a catalogue by itself is told from what somebody edited.
//!
//! The files it wrote are kept as fixtures too (`COLLABTRACK_WRITE_FIXTURES=1` writes them anew), named by product, version and language,
//! so that what one version did stays known when another one is installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use collabtrack_domain::catalogue::csv::report::IssueCode;
use collabtrack_domain::catalogue::csv::{Delimiter, ImportReport};
use collabtrack_domain::catalogue::schema::Table;

use crate::awkward::{exported, imported, trouble};

/// Languages with their number, and the separator people of that country choose: dates and decimals are read in each of them differently.
const LANGUAGES: [(&str, u32, Delimiter); 3] =
    [("en-US", 1033, Delimiter::Comma), ("de-DE", 1031, Delimiter::Semicolon), ("en-GB", 2057, Delimiter::Comma)];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/spreadsheets")
}

/// `LibreOffice` with a profile of its own, so that neither an open window nor anybody's settings matter.
struct Office {
    folder: tempfile::TempDir,
}

impl Office {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn run(&self, arguments: &[&str]) -> String {
        let profile = format!("-env:UserInstallation=file://{}", self.folder.path().join("profile").display());
        let output = Command::new("soffice").args([&profile, "--headless", "--norestore"]).args(arguments).output();
        let output = output.unwrap_or_else(|error| {
            panic!("LibreOffice did not start ({error}): ./dev test installs it, as does apt-get install libreoffice-calc-nogui")
        });
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Such as `7.4`.
    fn version(&self) -> String {
        let said = self.run(&["--version"]);
        let number = said.split_whitespace().nth(1).unwrap_or_default();
        number.split('.').take(2).collect::<Vec<_>>().join(".")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Converts a file of this folder; answers the converted one.
    fn convert(&self, from: &Path, read: Option<&str>, to: &str, ending: &str) -> PathBuf {
        let out = self.path(&format!("to-{ending}"));
        let read = read.map(|read| format!("--infilter={read}"));
        let mut arguments: Vec<&str> = read.iter().map(String::as_str).collect();
        let (out_text, from_text) = (out.to_str().expect("a path"), from.to_str().expect("a path"));
        arguments.extend(["--convert-to", to, "--outdir", out_text, from_text]);
        let said = self.run(&arguments);
        let written = out.join(from.file_name().expect("a name")).with_extension(ending);
        assert!(written.is_file(), "{said}");
        written
    }

    /// The options of its CSV filter: separator, quotes, UTF-8, from line 1, no column formats, the language, quoted cells read like all
    /// others, numbers recognised in every form it knows.
    fn csv_filter(language: u32, delimiter: Delimiter) -> String {
        format!("Text - txt - csv (StarCalc):{},34,76,1,,{language},false,true,false", delimiter.as_char() as u32)
    }

    /// Opens a CSV as somebody in that language does, keeps it as `kind` (`ods`, `xlsx`, `fods`), and saves that as CSV again, after `edit`.
    fn round_trip(&self, bytes: &[u8], language: u32, delimiter: Delimiter, kind: &str, edit: impl FnOnce(&Path)) -> Vec<u8> {
        let csv = self.path(&format!("table-{language}.csv"));
        std::fs::write(&csv, bytes).expect("written");
        let filter = Self::csv_filter(language, delimiter);
        let sheet = self.convert(&csv, Some(&filter), kind, kind);
        edit(&sheet);
        let back = self.convert(&sheet, None, &format!("csv:{filter}"), "csv");
        std::fs::read(back).expect("the file that came back")
    }
}

fn damaged(report: &ImportReport) -> usize {
    report.notices.iter().filter(|issue| issue.code == IssueCode::Damage).count()
}

#[test]
fn what_libreoffice_does_by_itself_is_no_edit_in_any_language() {
    let office = Office::new();
    let version = office.version();
    for (name, language, delimiter) in LANGUAGES {
        for (table, kind) in [(Table::Tracks, "ods"), (Table::Splits, "xlsx")] {
            let back = office.round_trip(&exported(table, delimiter), language, delimiter, kind, |_| {});
            if std::env::var_os("COLLABTRACK_WRITE_FIXTURES").is_some() {
                std::fs::create_dir_all(fixtures()).expect("a folder");
                let file = format!("libreoffice-{version}-{name}-{}.csv", table.as_str());
                std::fs::write(fixtures().join(file), &back).expect("written");
            }
            assert_ne!(back, exported(table, delimiter), "it does change something");
            let report = imported(table, &back);
            assert_eq!(trouble(&report), Vec::<String>::new(), "{name} {}", table.as_str());
            assert_eq!(report.ops, []);
            assert!(damaged(&report) >= if table == Table::Tracks { 100 } else { 3 }, "{name}: {} cells were damaged", damaged(&report));
        }
    }
}

#[test]
fn an_edit_made_in_libreoffice_is_found_among_all_that_it_did_by_itself() {
    let office = Office::new();
    let (_, language, delimiter) = LANGUAGES[0];
    let edit = |sheet: &Path| {
        let text = std::fs::read_to_string(sheet).expect("a flat document");
        let typed = text.replacen("<text:p>Night Drive</text:p>", "<text:p>Night Drive (Live)</text:p>", 1);
        assert_ne!(typed, text, "the title stands in the sheet");
        std::fs::write(sheet, typed).expect("saved");
    };
    let report = imported(Table::Tracks, &office.round_trip(&exported(Table::Tracks, delimiter), language, delimiter, "fods", edit));
    assert_eq!((&report.errors, &report.questions), (&vec![], &vec![]));
    let changed: Vec<_> = report.changed.iter().map(|change| (change.line, change.column.as_str(), change.to.clone())).collect();
    assert_eq!(changed, [(2, "title", Some(collabtrack_domain::catalogue::cells::CellValue::text("Night Drive (Live)")))]);
    assert!(damaged(&report) >= 100);
}

#[test]
fn files_that_spreadsheets_wrote_before_are_no_edits_either() {
    let mut count = 0;
    for entry in std::fs::read_dir(fixtures()).expect("the fixtures") {
        let path = entry.expect("a file").path();
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        let table = Table::ALL.into_iter().find(|table| name.ends_with(table.as_str())).expect("the name ends in the table");
        let report = imported(table, &std::fs::read(&path).expect("readable"));
        assert_eq!(trouble(&report), Vec::<String>::new(), "{name}");
        assert!(report.ops.is_empty() && report.has_base && damaged(&report) > 0, "{name}");
        count += 1;
    }
    assert!(count >= 6, "{count} files");
}
