//! Counts the rows in which two CSV files differ, told apart by their first column: what `qsv diff` does with the same library.
use std::error::Error;
use std::fs::File;

use csv_diff::csv::Csv;
use csv_diff::csv_diff::CsvByteDiffLocalBuilder;

fn main() -> Result<(), Box<dyn Error>> {
    let mut paths = std::env::args().skip(1);
    let (Some(left), Some(right)) = (paths.next(), paths.next()) else { return Err("two files are needed".into()) };
    let diff = CsvByteDiffLocalBuilder::new().primary_key_columns(vec![0usize]).build()?;
    let found = diff.diff(Csv::with_reader_seek(File::open(left)?), Csv::with_reader_seek(File::open(right)?))?;
    println!("{}", found.as_slice().len());
    Ok(())
}
