//! The steps of the demo as they happen: each is true or it is not.

use std::io::Write;
use std::time::Instant;

use serde::Serialize;

/// Prints a line; that nobody reads it is no failure of the demo.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// One step.
#[derive(Serialize)]
pub(crate) struct Step {
    name: String,
    ok: bool,
    ms: u128,
    detail: String,
}

/// All steps so far.
#[derive(Default, Serialize)]
pub(crate) struct Report {
    steps: Vec<Step>,
}

impl Report {
    /// Runs a step, prints it with its time, and remembers it. A step that fails ends the demo, because the next ones rest on it.
    pub(crate) async fn step<T>(&mut self, name: &str, work: impl Future<Output = anyhow::Result<(T, String)>>) -> anyhow::Result<T> {
        let start = Instant::now();
        let result = work.await;
        let ms = start.elapsed().as_millis();
        let (ok, detail) = match &result {
            Ok((_, detail)) => (true, detail.clone()),
            Err(error) => (false, format!("{error:#}")),
        };
        say(&format!("{} {name:<68} {ms:>6} ms  {detail}", if ok { "✓" } else { "✗" }));
        self.steps.push(Step { name: name.to_owned(), ok, ms, detail });
        result.map(|(value, _)| value)
    }

    /// Whether every step was true, and there was at least one.
    pub(crate) fn all_true(&self) -> bool {
        !self.steps.is_empty() && self.steps.iter().all(|step| step.ok)
    }

    /// How many steps there were.
    pub(crate) fn len(&self) -> usize {
        self.steps.len()
    }
}
