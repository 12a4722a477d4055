//! What becomes of a song between two bounces, and the bytes that costs (P1 to P5, P8 to P11).

use std::path::Path;

use anyhow::ensure;

use crate::music::{Form, samples, song, wav};
use crate::relay::Shape;
use crate::studio::{AT_ONCE, Bench, pair};
use crate::{peers, thousands};

/// A change between two bounces.
struct Case {
    name: &'static str,
    /// The file before; none where there was nothing.
    before: Option<Vec<u8>>,
    after: Vec<u8>,
    /// A file that holds what really changed, for the codecs that give the floor.
    changed: Option<Vec<u8>>,
}

fn cases(form: Form, seconds: f64) -> Vec<Case> {
    let rate = form.rate();
    let sound = song(1, seconds, rate);
    let frames = |seconds: f64| (seconds * rate as f64) as usize * 2;
    let raw = |sound: &[f64]| wav(form, &samples(form, sound, None), "first mix");
    let first = raw(&sound);
    let mut cases = vec![Case { name: "P1 first upload", before: None, after: first.clone(), changed: Some(first.clone()) }];

    let region = song(2, seconds / 18.0, rate);
    let mut edited = sound.clone();
    let at = frames(seconds / 3.0);
    edited[at..at + region.len()].copy_from_slice(&region);
    cases.push(Case { name: "P2 an 18th re-exported", before: Some(first.clone()), after: raw(&edited), changed: Some(raw(&region)) });

    let intro = song(3, 1.0, rate);
    let longer: Vec<f64> = intro.iter().chain(&sound).copied().collect();
    cases.push(Case { name: "P3 1 s inserted at the start", before: Some(first.clone()), after: raw(&longer), changed: Some(raw(&intro)) });

    let tagged = wav(form, &samples(form, &sound, None), "second mix, with a longer tag");
    cases.push(Case { name: "P4 tags only", before: Some(first.clone()), after: tagged, changed: None });

    let dithered = |seed| wav(form, &samples(form, &sound, Some(seed)), "first mix");
    if form != Form::Float32 {
        cases.push(Case { name: "P9 new dither", before: Some(dithered(11)), after: dithered(23), changed: Some(dithered(23)) });
    }
    let (cut, end) = (frames(seconds / 3.0), frames(seconds / 3.0 + 5.0));
    let shorter: Vec<f64> = sound[..cut].iter().chain(&sound[end..]).copied().collect();
    let shorter = wav(form, &samples(form, &shorter, None), "a cut");
    cases.push(Case { name: "P10 5 s cut and a tag", before: Some(first.clone()), after: shorter, changed: None });

    let louder: Vec<f64> = sound.iter().map(|sample| sample * 10_f64.powf(0.5 / 20.0)).collect();
    let plain = raw(&louder);
    cases.push(Case { name: "P11 +0.5 dB", before: Some(first), after: plain.clone(), changed: Some(plain) });
    if form != Form::Float32 {
        let again = wav(form, &samples(form, &louder, Some(35)), "first mix");
        cases.push(Case { name: "P11 +0.5 dB, new dither", before: Some(dithered(11)), after: again.clone(), changed: Some(again) });
    }
    cases
}

/// Every case in every form.
pub(crate) async fn bytes_sent(scratch: &Path, seconds: f64) -> anyhow::Result<()> {
    println!(
        "Bytes sent for the original, songs of {seconds} s made from a seed. The floor is `flac -8` (floats: `wavpack -hx`) of what changed;\npreview and tables have their own column, *wire* counts every byte of the author's computer both ways, requests and answers too,\nand *fetched* (P8) every byte the second computer then reads from the store for all of it, preview included. casync, restic and borg are\ncounted by what their repository grows, without any protocol; rsync by its own count of both ways; rclone by every byte to the same\nS3 store; git-lfs by what reaches its remote. Of restic, which cuts by a random polynomial, the median of {} fresh repositories.\n",
        peers::RESTIC_RUNS
    );
    println!(
        "| case | form | ours | floor | ours ÷ floor | best peer | ours ÷ best | rsync -z | casync | restic | borg | rclone | git-lfs | preview, tables | wire | fetched |"
    );
    println!("|---|---|---:|---:|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    for form in Form::ALL {
        for case in cases(form, seconds) {
            one_case(scratch, form, &case).await?;
        }
        renamed(scratch, form, seconds).await?;
    }
    println!();
    Ok(())
}

/// What one case cost.
struct Cost {
    ours: u64,
    floor: Option<u64>,
    peers: Vec<peers::Sent>,
    small: u64,
    wire: u64,
    fetched: Option<u64>,
}

async fn one_case(scratch: &Path, form: Form, case: &Case) -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(scratch)?;
    let bench = Bench::start(folder.path(), Shape::FREE).await?;
    let (first, second) = pair(&bench.url, AT_ONCE()).await?;
    if let Some(before) = &case.before {
        first.bounce("Night Drive.wav", before).await?;
        first.sync().await?;
        second.sync().await?;
    }
    first.bounce("Night Drive.wav", &case.after).await?;
    let (before, wire) = (bench.originals().await?, bench.wire());
    let small = bench.stored(&["preview", "tables"]).await?;
    first.sync().await?;
    let (ours, wire) = (bench.originals().await? - before, bench.wire() - wire);
    let small = bench.stored(&["preview", "tables"]).await? - small;
    let fetched = bench.store.passed().1;
    second.sync().await?;
    let fetched = bench.store.passed().1 - fetched;
    ensure!(second.has("Night Drive", &case.after).await?, "{}: other bytes came back", case.name);
    bench.stop().await;

    let (old, new) = match &case.before {
        Some(before) => (before.as_slice(), Some(case.after.as_slice())),
        None => (case.after.as_slice(), None),
    };
    let sent = peers::all(scratch, old, new).await?;
    let floor = case.changed.as_ref().map(|changed| peers::floor(scratch, form, changed)).transpose()?;
    row(case.name, form, &Cost { ours, floor, peers: sent, small, wire, fetched: Some(fetched) });
    Ok(())
}

/// P5: the same bytes under another name.
async fn renamed(scratch: &Path, form: Form, seconds: f64) -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(scratch)?;
    let bench = Bench::start(folder.path(), Shape::FREE).await?;
    let (first, _) = pair(&bench.url, AT_ONCE()).await?;
    let file = wav(form, &samples(form, &song(1, seconds, form.rate()), None), "first mix");
    first.bounce("Night Drive.wav", &file).await?;
    first.sync().await?;
    first.bounce("Quite Another Name.wav", &file).await?;
    let (before, small) = (bench.originals().await?, bench.stored(&["preview", "tables"]).await?);
    let wire = bench.wire();
    first.sync().await?;
    let (ours, wire) = (bench.originals().await? - before, bench.wire() - wire);
    let small = bench.stored(&["preview", "tables"]).await? - small;
    bench.stop().await;
    row("P5 renamed", form, &Cost { ours, floor: None, peers: Vec::new(), small, wire, fetched: None });
    Ok(())
}

fn row(name: &str, form: Form, cost: &Cost) {
    let best = cost.peers.iter().filter_map(|(name, bytes)| Some((*name, (*bytes)?))).min_by_key(|(_, bytes)| *bytes);
    let ratio =
        |of: Option<u64>| of.filter(|of| *of > 0).map_or_else(|| "–".to_owned(), |of| format!("{:.3}", cost.ours as f64 / of as f64));
    let peer = |wanted: &str| {
        let bytes = cost.peers.iter().find(|(name, _)| *name == wanted).and_then(|(_, bytes)| *bytes);
        bytes.map_or_else(|| "–".to_owned(), thousands)
    };
    let peers: Vec<String> = peers::NAMES.iter().map(|name| peer(name)).collect();
    println!(
        "| {name} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
        form.name(),
        thousands(cost.ours),
        cost.floor.map_or_else(|| "–".to_owned(), thousands),
        ratio(cost.floor),
        best.map_or("–", |(name, _)| name),
        ratio(best.map(|(_, bytes)| bytes)),
        peers.join(" | "),
        thousands(cost.small),
        thousands(cost.wire),
        cost.fetched.map_or_else(|| "–".to_owned(), thousands),
    );
}
