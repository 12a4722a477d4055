//! How fast bodies of originals are handed to the system. What the system has taken goes out whatever comes after it, so on a slow way up a
//! preview would wait behind seconds of it. Handed over at the pace of the way up, with a little on store so that it never idles, no more
//! than that lies before a preview.
//!
//! How much lies there shows when a body ends: the store answers only when its last byte has gone out.

use std::sync::Mutex;
use std::time::Duration;

use super::limit::Limit;

/// What may lie inside the system, in time.
const ON_STORE: Duration = Duration::from_millis(400);
/// Less than this is nothing: the way up may well be faster.
const NOTHING: Duration = Duration::from_millis(150);
/// A way up with this many bytes a second empties the system at once.
const FAST: f64 = 12.5e6;
/// What a faster pace may add to it with one body; twice that with every body in a row that found nothing on store.
const TRIED: Duration = Duration::from_millis(700);
/// Up to this many bytes a second, fewer bodies go out at once.
const SLOW: f64 = 2.5e6;
/// Up to this many bytes a second (5 Mbit/s), parts are as small as stores allow: what breaks off is sent again.
const CRAWLING: f64 = 625e3;
/// Bodies below this length say nothing about the way up.
const LEAST: u64 = 512 * 1024;

/// A body that went out whole.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    /// Its length in bytes.
    pub bytes: u64,
    /// Bytes of all bodies handed over while this one was.
    pub beside: u64,
    /// From its beginning until its last byte was handed over.
    pub handing: Duration,
    /// From then until the store's answer.
    pub answering: Duration,
}

/// The pace, shared by all bodies that give way.
#[derive(Debug, Default)]
pub struct Pace {
    known: Mutex<Known>,
    bucket: Limit,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Known {
    /// Bytes a second; none while nothing is known, or the way up is fast.
    rate: Option<f64>,
    /// The soonest answer so far: what it takes when nothing lies before the last byte.
    soonest: Option<Duration>,
    /// What lay inside when the last body ended.
    lay: Duration,
    /// Bodies in a row that ended with nothing on store.
    empty: usize,
    /// Bytes handed over so far.
    handed: u64,
}

impl Known {
    /// A preview had the way up for itself.
    fn alone(&mut self, sent: Sent) {
        if sent.bytes >= LEAST {
            let rate = sent.bytes as f64 / (sent.handing + sent.answering).as_secs_f64().max(0.001);
            (self.rate, self.lay) = (Some(rate).filter(|rate| *rate < FAST), Duration::ZERO);
        }
    }

    /// A body at this pace, or without one, went out without standing still.
    fn in_turn(&mut self, sent: Sent) {
        if sent.bytes < LEAST {
            return;
        }
        let seconds = sent.handing.as_secs_f64().max(0.001);
        let taken = sent.beside as f64 / seconds;
        if self.rate.is_none() {
            // How long an answer takes by itself is not known; that it took long is enough.
            let way = sent.beside as f64 / (seconds + sent.answering.as_secs_f64());
            self.rate = (sent.answering > 2 * ON_STORE && way < FAST).then_some(0.9 * way);
            return;
        }
        let soonest = self.soonest.map_or(sent.answering, |soonest| soonest.min(sent.answering));
        let lies = sent.answering - soonest;
        let grown = lies.as_secs_f64() - self.lay.as_secs_f64();
        let way = taken / (1.0 + grown / seconds).clamp(0.5, 2.0);
        let to_store = 1.0 + (ON_STORE.as_secs_f64() - lies.as_secs_f64()) / seconds;
        let faster = 1.0 + (TRIED.as_secs_f64() * f64::from(1_u32 << self.empty.min(6)) / seconds).min(1.0);
        let next = way * if lies < NOTHING { faster } else { to_store.clamp(0.5, 1.25) };
        self.empty = if lies < NOTHING { self.empty + 1 } else { 0 };
        (self.soonest, self.lay) = (Some(soonest), lies);
        self.rate = Some(next).filter(|rate| *rate < FAST);
    }
}

impl Pace {
    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().expect("nobody panics while holding the pace")
    }

    /// How long a piece of a body that gives way waits at `now` before it is handed over.
    pub fn wait(&self, bytes: u64, now: Duration) -> Duration {
        let mut known = self.known();
        known.handed += bytes;
        self.bucket.set(known.rate.map(|rate| rate as u64));
        self.bucket.wait(bytes, now)
    }

    /// What is known of the way up is forgotten, such as when a limit of it goes.
    pub fn forget(&self) {
        let mut known = self.known();
        *known = Known { handed: known.handed, ..Known::default() };
    }

    /// Bytes of bodies that give way handed over so far.
    pub fn handed(&self) -> u64 {
        self.known().handed
    }

    /// A body that gives way to nobody went out.
    pub fn went_alone(&self, sent: Sent) {
        self.known().alone(sent);
    }

    /// A body that gives way went out, and never stood still.
    pub fn went_in_turn(&self, sent: Sent) {
        self.known().in_turn(sent);
    }

    /// Whether a part of the usual size would be on its way for long.
    pub fn is_crawling(&self) -> bool {
        self.known().rate.is_some_and(|rate| rate < CRAWLING)
    }

    /// How many bodies go out at once, of `most`: on a slow way up fewer, each of which then stands for less.
    pub fn at_once(&self, most: usize) -> usize {
        if self.known().rate.is_some_and(|rate| rate < SLOW) { most.min(2) } else { most }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PART: u64 = 8 << 20;

    /// A way up of that many bytes a second, with an answer that takes `base` by itself; what lies inside after each of `parts` parts, and
    /// how long all took.
    fn run(known: &mut Known, way: f64, base: f64, parts: usize) -> (Vec<f64>, f64) {
        let (mut inside, mut time, mut lay) = (0.0, 0.0, Vec::new());
        for _ in 0..parts {
            // Without a pace the system takes up to 3 MB at once, then as much as goes out.
            let handing = match known.rate {
                Some(rate) => PART as f64 / rate.min(way * (1.0 + 3e6 / PART as f64)),
                None => ((PART as f64 - 3e6) / way).max(0.001),
            };
            inside = f64::max(0.0, inside + PART as f64 - handing * way);
            time += handing;
            let answering = Duration::from_secs_f64(base + inside / way);
            lay.push(inside / way);
            known.in_turn(Sent { bytes: PART, beside: PART, handing: Duration::from_secs_f64(handing), answering });
        }
        (lay, time)
    }

    #[test]
    fn little_lies_before_a_preview_on_a_slow_way_up_and_the_way_never_idles() {
        for (way, base) in [(1.25e6, 0.08), (1.25e6, 1.0), (0.3e6, 0.1), (5e6, 0.05)] {
            let mut known = Known::default();
            // The preview that went before: 5 MB, its answer as slow as any.
            let whole = Duration::from_secs_f64(5e6 / way + base);
            known.alone(Sent { bytes: 5_000_000, beside: 0, handing: whole, answering: Duration::ZERO });
            let (lay, time) = run(&mut known, way, base, 40);
            assert!(lay[10..].iter().all(|lay| *lay < 2.0), "{way} {base}: {lay:?}");
            let mean = lay[10..].iter().sum::<f64>() / 30.0;
            assert!(mean < 1.0, "{way} {base}: {mean} s on store in the mean");
            assert!(time < 1.05 * 40.0 * PART as f64 / way, "{way} {base}: {time} s");
        }
    }

    #[test]
    fn a_way_up_that_was_never_measured_is_found_and_a_fast_one_has_no_pace() {
        let mut known = Known::default();
        let (lay, _) = run(&mut known, 1.25e6, 0.1, 30);
        assert!(lay[0] > 2.0 && lay[20..].iter().all(|lay| *lay < 2.0), "{lay:?}");
        let mut known = Known::default();
        known.alone(Sent { bytes: 5_000_000, beside: 0, handing: Duration::from_millis(60), answering: Duration::from_millis(40) });
        assert_eq!(known.rate, None);
        run(&mut known, 100e6, 0.05, 10);
        assert_eq!(known.rate, None);
    }

    #[test]
    fn a_way_up_that_becomes_slower_or_faster_is_followed() {
        let mut known = Known { rate: Some(1.25e6), ..Known::default() };
        run(&mut known, 1.25e6, 0.1, 5);
        let (lay, _) = run(&mut known, 0.4e6, 0.1, 30);
        assert!(lay[20..].iter().all(|lay| *lay < 2.0), "{lay:?}");
        let (_, time) = run(&mut known, 6e6, 0.1, 60);
        assert!(time < 2.2 * 60.0 * PART as f64 / 6e6, "{time}");
        let rate = known.rate.expect("it is not fast");
        assert!((4.5e6..9e6).contains(&rate), "{rate}");
    }

    #[test]
    fn fewer_bodies_go_out_at_once_where_each_takes_long() {
        let pace = Pace::default();
        assert_eq!(pace.at_once(3), 3, "nothing is known");
        pace.went_alone(Sent { bytes: 5_000_000, beside: 0, handing: Duration::from_secs(4), answering: Duration::ZERO });
        assert_eq!(pace.at_once(3), 2);
        assert_eq!(pace.wait(1_250_000, Duration::ZERO), Duration::ZERO);
        assert_eq!(pace.wait(1_250_000, Duration::ZERO), Duration::from_secs(1), "a million and a quarter a second");
        assert_eq!(pace.handed(), 2_500_000);
    }
}
