//! The catalogue as CSV: out for any spreadsheet, and in again as a list of edits, told apart from what the spreadsheet broke.
//!
//! Importing only says what a file would change; it changes nothing.

mod decode;
pub mod export;
mod header;
pub mod history;
pub mod import;
mod issues;
mod records;
pub mod report;

pub use export::{Delimiter, ExportOptions, export, plain};
pub use history::History;
pub use import::{ImportContext, import};
pub use report::ImportReport;

#[cfg(test)]
mod tests;
