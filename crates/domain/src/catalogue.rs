//! The catalogue of a project: its columns, rows, CSV form and the rules that keep a round trip through a spreadsheet safe.

pub mod calibration;
pub mod cells;
pub mod csv;
pub mod damage;
pub mod date;
pub mod evolution;
pub mod guard;
pub mod identifiers;
pub mod musical_key;
pub mod number;
pub mod row;
#[cfg(test)]
pub(crate) mod samples;
pub mod schema;
pub mod search;
pub mod spelling;
pub(crate) mod steps;
pub mod sums;
pub mod validate;
pub mod value;
mod words;
