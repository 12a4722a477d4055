//! What becomes of a song between two bounces (P1 to P5, P8 to P11), and the limit of each.

use crate::music::{Form, Source, samples, wav};
use crate::ours::Ours;
use crate::peers::Sent;

/// A change between two bounces.
pub(crate) struct Case {
    /// As the design numbers it.
    pub(crate) code: &'static str,
    pub(crate) name: &'static str,
    /// The file before; none where there was nothing.
    pub(crate) before: Option<Vec<u8>>,
    pub(crate) after: Vec<u8>,
    /// Name of the file after, where it is another one.
    pub(crate) renamed: bool,
    /// A file that holds what really changed, for the codec of its form that gives the floor.
    pub(crate) changed: Option<(Form, Vec<u8>)>,
    limit: Limit,
}

#[derive(Clone, Copy)]
enum Limit {
    /// Times the floor, and bytes beside it.
    Floor(f64, u64),
    /// Times the best peer.
    BestPeer(f64),
    /// Times `rsync -z`.
    Rsync(f64),
    /// Bytes of the wire.
    Wire(u64),
}

/// What one case cost, ours and theirs.
pub(crate) struct Cost {
    pub(crate) ours: Ours,
    pub(crate) floor: Option<u64>,
    /// In the order of the peers; none where one was not run.
    pub(crate) peers: Vec<(&'static str, Option<Sent>)>,
}

impl Cost {
    /// The peer with the fewest bytes.
    pub(crate) fn best(&self) -> Option<(&'static str, u64)> {
        self.peers.iter().filter_map(|(name, sent)| Some((*name, sent.as_ref()?.bytes))).min_by_key(|(_, bytes)| *bytes)
    }

    fn peer(&self, wanted: &str) -> Option<u64> {
        self.peers.iter().find(|(name, _)| *name == wanted).and_then(|(_, sent)| sent.as_ref()).map(|sent| sent.bytes)
    }
}

impl Case {
    /// The limit in words, and whether it is held; nothing is said where what it is measured against was not run.
    pub(crate) fn judged(&self, cost: &Cost) -> (String, Option<bool>) {
        let ours = cost.ours.original;
        let within = |bytes: u64, of: u64, times: f64, beside: u64| bytes as f64 <= (of as f64).mul_add(times, beside as f64);
        match self.limit {
            Limit::Floor(times, 0) => (format!("{times} × floor"), cost.floor.map(|floor| within(ours, floor, times, 0))),
            Limit::Floor(times, beside) => {
                (format!("{times} × floor + {} kB", beside / 1_000), cost.floor.map(|floor| within(ours, floor, times, beside)))
            }
            Limit::BestPeer(times) => (format!("{times} × best peer"), cost.best().map(|(_, bytes)| within(ours, bytes, times, 0))),
            Limit::Rsync(times) => (format!("{times} × rsync -z"), cost.peer("rsync -z").map(|bytes| within(ours, bytes, times, 0))),
            Limit::Wire(bytes) => (format!("{} kB of wire", bytes / 1_000), Some(cost.ours.wire <= bytes)),
        }
    }

    /// The same for what a second computer fetches (P8), where the design limits it.
    pub(crate) fn fetch_judged(&self, cost: &Cost) -> Option<bool> {
        let floor = cost.floor?;
        (self.code == "P2" && matches!(self.limit, Limit::Floor(..)))
            .then(|| cost.ours.fetched as f64 <= (floor as f64).mul_add(1.03, 4_000.0))
    }
}

/// All cases of one form.
pub(crate) fn cases(form: Form, source: &Source, seconds: f64) -> anyhow::Result<Vec<Case>> {
    let rate = form.rate();
    let song = source.song(seconds, rate)?;
    let sound = &song.sound;
    let frames = |seconds: f64| (seconds * rate as f64) as usize * 2;
    let raw = |sound: &[f64]| wav(form, &samples(form, sound, None), "first mix");
    let first = raw(sound);
    let is_float = form == Form::Float32;
    let case = |code, name, before: Option<&Vec<u8>>, after, changed: Option<Vec<u8>>, limit| Case {
        code,
        name,
        before: before.cloned(),
        after,
        renamed: false,
        changed: changed.map(|file| (form, file)),
        limit,
    };

    let limit = if is_float { Limit::BestPeer(0.88) } else { Limit::Floor(1.03, 0) };
    let mut cases = vec![case("P1", "first upload", None, first.clone(), Some(first.clone()), limit)];
    if is_float {
        // What a mixer makes of integers without touching them.
        let integers: Vec<f64> =
            sound.iter().map(|sample| (sample * 8_388_607.0).round().clamp(-8_388_608.0, 8_388_607.0) / 8_388_608.0).collect();
        let mut same = case("P1", "first upload, integers as floats", None, raw(&integers), None, Limit::Floor(1.03, 0));
        same.changed = Some((Form::Int24, wav(Form::Int24, &samples(Form::Int24, sound, None), "first mix")));
        cases.push(same);
    }

    let mut edited = sound.clone();
    let at = frames(seconds / 3.0);
    edited[at..at + song.region.len()].copy_from_slice(&song.region);
    let limit = if is_float { Limit::Rsync(0.80) } else { Limit::Floor(1.03, 4_000) };
    cases.push(case("P2", "an 18th re-exported", Some(&first), raw(&edited), Some(raw(&song.region)), limit));

    let longer: Vec<f64> = song.intro.iter().chain(sound).copied().collect();
    cases.push(case("P3", "1 s inserted at the start", Some(&first), raw(&longer), Some(raw(&song.intro)), Limit::Floor(1.10, 4_000)));

    let tagged = wav(form, &samples(form, sound, None), "second mix, with a longer tag");
    cases.push(case("P4", "tags only", Some(&first), tagged, None, Limit::Wire(8_000)));

    let mut moved = case("P5", "renamed, identical", Some(&first), first.clone(), None, Limit::Wire(4_000));
    moved.renamed = true;
    cases.push(moved);

    let dithered = |sound: &[f64], seed| wav(form, &samples(form, sound, Some(seed)), "first mix");
    let quarter = Limit::Floor(0.25, 0);
    if !is_float {
        let again = dithered(sound, 23);
        cases.push(case("P9", "new dither", Some(&dithered(sound, 11)), again.clone(), Some(again), quarter));
    }
    let (cut, end) = (frames(seconds / 3.0), frames(seconds / 3.0 + 5.0));
    let shorter: Vec<f64> = sound[..cut].iter().chain(&sound[end..]).copied().collect();
    let shorter = wav(form, &samples(form, &shorter, None), "a cut");
    cases.push(case("P10", "5 s cut, and a tag", Some(&first), shorter, None, Limit::Wire(8_000)));

    let louder: Vec<f64> = sound.iter().map(|sample| sample * 10_f64.powf(0.5 / 20.0)).collect();
    let plain = raw(&louder);
    cases.push(case("P11", "+0.5 dB", Some(&first), plain.clone(), Some(plain), quarter));
    if !is_float {
        let again = dithered(&louder, 35);
        cases.push(case("P11", "+0.5 dB, new dither", Some(&dithered(sound, 11)), again.clone(), Some(again), quarter));
    }
    Ok(cases)
}
