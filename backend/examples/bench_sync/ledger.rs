//! Where bytes of the wire go: what passes a link is booked to the request it belongs to. A connection speaks HTTP/1.1 in the clear and asks
//! one thing at a time, so what comes back belongs to what was asked last.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// What one kind of request cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) times: u64,
    /// Bytes of requests: lines, headers and bodies.
    pub(crate) up: u64,
    /// Bytes of answers.
    pub(crate) down: u64,
}

impl Cost {
    pub(crate) fn both(self) -> u64 {
        self.up + self.down
    }
}

/// The books of a link.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger(Arc<Mutex<BTreeMap<String, Cost>>>);

/// One connection, and what it asked last.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    ledger: Ledger,
    asked: Arc<Mutex<String>>,
}

impl Ledger {
    fn entries(&self) -> MutexGuard<'_, BTreeMap<String, Cost>> {
        self.0.lock().expect("nobody panics while booking")
    }

    /// A connection begins.
    pub(crate) fn page(&self) -> Page {
        Page { ledger: self.clone(), asked: Arc::new(Mutex::new("(nothing asked)".to_owned())) }
    }

    /// What was booked since the last time, by kind of request.
    pub(crate) fn take(&self) -> BTreeMap<String, Cost> {
        std::mem::take(&mut self.entries())
    }
}

impl Page {
    /// Bytes on their way up.
    pub(crate) fn up(&self, bytes: &[u8]) {
        let mut asked = self.asked.lock().expect("nobody panics while booking");
        let begins = request(bytes);
        let times = u64::from(begins.is_some());
        if let Some(request) = begins {
            *asked = request;
        }
        let mut entries = self.ledger.entries();
        let cost = entries.entry(asked.clone()).or_default();
        (cost.times, cost.up) = (cost.times + times, cost.up + bytes.len() as u64);
    }

    /// Bytes on their way back.
    pub(crate) fn down(&self, bytes: &[u8]) {
        let asked = self.asked.lock().expect("nobody panics while booking").clone();
        self.ledger.entries().entry(asked).or_default().down += bytes.len() as u64;
    }
}

/// Bytes of sending previews and tables (objects with these keys), and of everything else the author's computer said and heard. To the
/// first belong the requests that send those objects, those that name tables, their share, by number, of those that open uploads, and where
/// tables are sent the coarse waveform, which goes ahead of them in the announcement.
pub(crate) fn apart(costs: &BTreeMap<String, Cost>, sound: &[String], waveform: u64) -> (u64, u64) {
    let of_computer = || costs.iter().filter(|(asked, _)| !asked.starts_with(OF_THE_SERVER));
    let sends_sound = |asked: &str| sound.iter().any(|key| asked.ends_with(key.as_str()));
    let sent: u64 = of_computer().filter(|(asked, _)| sends_sound(asked)).map(|(_, cost)| cost.times).sum();
    let all: u64 = of_computer().map(|(_, cost)| cost.both()).sum();
    let small = of_computer().map(|(asked, cost)| match asked.as_str() {
        "POST /projects/…/uploads" => cost.both() * sent.min(cost.times) / cost.times.max(1),
        "POST /versions/…/tables" => cost.both(),
        asked if sends_sound(asked) => cost.both(),
        _ => 0,
    });
    let small: u64 = small.sum();
    let small = if sent > 0 { small + waveform } else { small };
    (small, all - small)
}

/// Bytes on the wire of a coarse waveform as it is kept: its base64 is packed to three quarters, which is what it stands for.
pub(crate) fn of_waveform(overview: &str) -> u64 {
    overview.len() as u64 * 3 / 4
}

/// What the server itself asks of its store carries its key, not a signature in the address: those are no bytes of the author's computer.
pub(crate) const OF_THE_SERVER: &str = "server: ";

/// Method and address of the request that begins here, ids of the API left out; none when nothing begins. Objects keep their key.
fn request(bytes: &[u8]) -> Option<String> {
    let line = bytes.split(|byte| *byte == b'\r').next().filter(|line| line.ends_with(b" HTTP/1.1"))?;
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    let (method, address) = (words.next()?, words.next()?);
    let path = address.split('?').next()?;
    let Some(path) = path.strip_prefix("/api/v1") else {
        let whose = if address.contains("X-Amz-Signature=") { "" } else { OF_THE_SERVER };
        return Some(format!("{whose}{method} {path}"));
    };
    let named = |part: &str| if part.len() > 20 && part.contains('_') { "…" } else { part }.to_owned();
    Some(format!("{method} {}", path.split('/').map(named).collect::<Vec<_>>().join("/")))
}
