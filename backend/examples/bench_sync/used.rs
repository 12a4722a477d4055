//! What a program needed: time, processor, memory.

use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, ensure};

/// What one run of a program needed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Used {
    pub(crate) seconds: f64,
    /// Processor seconds of the program and what it started on this computer.
    pub(crate) cpu: f64,
    /// Most memory it ever had, in MB.
    pub(crate) memory: f64,
}

/// Runs a program to its end through GNU time.
pub(crate) async fn timed(program: &str, arguments: &[&str], folder: &Path, environment: &[(&str, &str)]) -> anyhow::Result<Used> {
    let report = tempfile::NamedTempFile::new()?;
    let mut measured = tokio::process::Command::new("time");
    measured.args(["-q", "-f", "%U %S %M", "-o"]).arg(report.path()).arg(program);
    let start = Instant::now();
    ended(measured, program, arguments, folder, environment).await?;
    let seconds = start.elapsed().as_secs_f64();
    let text = std::fs::read_to_string(report.path())?;
    let numbers: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [user, system, kib] = numbers.as_slice() else { anyhow::bail!("GNU time says {text:?}") };
    Ok(Used { seconds, cpu: user + system, memory: kib * 1.024e-3 })
}

/// What a program says on its standard output.
pub(crate) async fn run(program: &str, arguments: &[&str], folder: &Path, environment: &[(&str, &str)]) -> anyhow::Result<Vec<u8>> {
    Ok(ended(tokio::process::Command::new(program), program, arguments, folder, environment).await?.stdout)
}

/// Runs a program with these arguments to its end, which is a good one.
async fn ended(
    mut command: tokio::process::Command,
    program: &str,
    arguments: &[&str],
    folder: &Path,
    environment: &[(&str, &str)],
) -> anyhow::Result<std::process::Output> {
    let output = command
        .args(arguments)
        .current_dir(folder)
        // Certificates are of no use on this machine alone, and some programs refuse to start over them.
        .env_remove("AWS_CA_BUNDLE")
        .env_remove("http_proxy")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .with_context(|| format!("starting {program}"))?;
    ensure!(output.status.success(), "{program} {arguments:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(output)
}

/// The middle one, and how far they lie apart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) least: f64,
    pub(crate) median: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// Of at least one number.
    pub(crate) fn of(numbers: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut numbers: Vec<f64> = numbers.into_iter().collect();
        numbers.sort_by(f64::total_cmp);
        let (least, most) = (*numbers.first()?, *numbers.last()?);
        Some(Self { least, median: numbers[numbers.len() / 2], most })
    }

    /// `4.2 (4.1–4.4)`, or the number alone where there is one only.
    pub(crate) fn text(&self) -> String {
        if self.least == self.most {
            format!("{:.1}", self.median)
        } else {
            format!("{:.1} ({:.1}–{:.1})", self.median, self.least, self.most)
        }
    }
}
