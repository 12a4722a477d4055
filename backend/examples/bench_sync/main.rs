//! Syncing against its peers: bytes sent per kind of change, and the time until a bounce is heard elsewhere, as Markdown tables.
//! `./dev bench sync [SECONDS]` runs it; SECONDS is the length of the songs (default 60).
//!
//! Real libraries, a real server with its own Postgres and S3 store, and between them a link that counts every byte both ways. Every
//! version is fetched by a second computer and compared; a figure whose bytes do not come back ends the run.
#![expect(clippy::print_stdout, reason = "the tables are its output")]

mod music;
mod peers;
mod relay;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use collabtrack_domain::id::{ProjectId, TrackId, VersionId};
use collabtrack_library::view::{Here, VersionView};
use collabtrack_library::watch::settle::Patience;
use collabtrack_library::{CredentialChoice, Library, LibraryOptions};
use collabtrack_server::app::{self, StoreTest};
use collabtrack_server::config::{Environment, Registration, ServiceConfig};
use collabtrack_server::embedded;
use sqlx::PgPool;

use music::{Form, samples, song, wav};
use relay::{Link, Shape};

const PASSWORD: &str = "correct horse battery staple";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let seconds: f64 = match std::env::args().nth(1) {
        Some(seconds) => seconds.parse().context("a number of seconds")?,
        None => 60.0,
    };
    let scratch = tempfile::tempdir()?;
    println!("## Syncing\n");
    bytes_sent(scratch.path(), seconds).await?;
    time_to_listen(scratch.path()).await
}

/// A server behind links of a shape.
struct Bench {
    services: embedded::Services,
    running: app::Running,
    api: Link,
    store: Link,
    url: String,
}

impl Bench {
    async fn start(folder: &Path, shape: Shape) -> anyhow::Result<Self> {
        let settings = Environment::new(std::collections::BTreeMap::new())?.service(Registration::Open)?;
        let service = ServiceConfig { listen: ([127, 0, 0, 1], 0).into(), database_connections: 16, ..settings };
        let services = embedded::start_services(folder, service).await?;
        let mut config = services.config().clone();
        let endpoint = config.store.endpoint.as_ref().context("the store has an address")?;
        let target = format!("127.0.0.1:{}", endpoint.port().context("a port")?).parse()?;
        let store = Link::to(target, shape).await?;
        config.store.endpoint = Some(format!("http://{}/", store.address).parse()?);
        let running = app::start_with(&config, StoreTest::Skip).await?;
        let api = Link::to(running.url.trim_start_matches("http://").parse()?, shape).await?;
        let url = format!("http://{}", api.address);
        Ok(Self { services, running, api, store, url })
    }

    fn database(&self) -> &PgPool {
        self.running.database()
    }

    /// Bytes of originals in the store: what previews and tables take is told apart.
    async fn originals(&self) -> anyhow::Result<u64> {
        let length: i64 = sqlx::query_scalar(
            "select coalesce(sum(length), 0)::bigint from object where format in ('plain', 'packed') and state = 'verified'",
        )
        .fetch_one(self.database())
        .await?;
        Ok(u64::try_from(length)?)
    }

    /// Every byte both ways so far.
    fn wire(&self) -> u64 {
        [self.api.passed(), self.store.passed()].into_iter().map(|(up, down)| up + down).sum()
    }

    async fn stop(self) {
        self.running.stop().await;
        self.services.stop().await;
    }
}

struct Computer {
    folder: tempfile::TempDir,
    library: Library,
}

impl Computer {
    async fn new(url: &str, name: &str, patience: Patience) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        std::fs::create_dir(folder.path().join("Bounces"))?;
        let mut options = LibraryOptions::new(folder.path().join("library"));
        options.credentials = CredentialChoice::Memory;
        options.patience = patience;
        let library = Library::open(options).await?;
        let email = format!("{name}-{}@example.com", collabtrack_server::random::hex128());
        library.register(url, name, &email, PASSWORD.to_owned().into(), None).await?;
        Ok(Self { folder, library })
    }

    async fn bounce(&self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        std::fs::write(self.folder.path().join("Bounces").join(name), bytes)?;
        self.library.scan_until_settled().await?;
        Ok(())
    }

    async fn sync(&self) -> anyhow::Result<()> {
        let outcome = self.library.sync_once().await?;
        ensure!(outcome.problems.is_empty() && outcome.waiting == 0, "syncing: {outcome:?}");
        Ok(())
    }

    async fn newest(&self, track: &str) -> anyhow::Result<Option<VersionView>> {
        let tracks = self.library.tracks(None).await?;
        let Some(track) = tracks.iter().find(|known| known.name == track) else { return Ok(None) };
        Ok(self.library.track(&TrackId::parse(&track.id)?).await?.versions.into_iter().next())
    }
}

/// Two computers in one project.
async fn pair(url: &str, patience: Patience) -> anyhow::Result<(Computer, Computer)> {
    let first = Computer::new(url, "Jon", patience).await?;
    let project = first.library.add_folder(None, &first.folder.path().join("Bounces")).await?;
    let project = ProjectId::parse(&project.id)?;
    first.library.put_on_server(&project).await?;
    let code = first.library.invite(&project, "member", None, None).await?.code;
    let second = Computer::new(url, "Ada", patience).await?;
    second.library.join(&code).await?;
    Ok((first, second))
}

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

async fn bytes_sent(scratch: &Path, seconds: f64) -> anyhow::Result<()> {
    println!(
        "Bytes sent for the original, songs of {seconds} s made from a seed. The floor is `flac -8` (floats: `wavpack -hx`) of what changed;\npreview and tables have their own column, and *wire* counts every byte of the author's computer both ways, requests and answers too.\nrclone and git-lfs send a changed file whole.\n"
    );
    println!(
        "| case | form | ours | floor | ours ÷ floor | best peer | ours ÷ best | rsync -z | casync | restic | borg | preview, tables | wire |"
    );
    println!("|---|---|---:|---:|---:|---|---:|---:|---:|---:|---:|---:|---:|");
    for form in Form::ALL {
        for case in cases(form, seconds) {
            one_case(scratch, form, &case).await?;
        }
        renamed(scratch, form, seconds).await?;
    }
    println!();
    Ok(())
}

async fn one_case(scratch: &Path, form: Form, case: &Case) -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(scratch)?;
    let bench = Bench::start(folder.path(), Shape::FREE).await?;
    let patience = Patience { still: Duration::ZERO, still_large: Duration::ZERO, ..Patience::default() };
    let (first, second) = pair(&bench.url, patience).await?;
    if let Some(before) = &case.before {
        first.bounce("Night Drive.wav", before).await?;
        first.sync().await?;
        second.sync().await?;
    }
    first.bounce("Night Drive.wav", &case.after).await?;
    let (before, wire, store) = (bench.originals().await?, bench.wire(), bench.store.passed().0);
    first.sync().await?;
    let (ours, wire, small) = (bench.originals().await? - before, bench.wire() - wire, bench.store.passed().0 - store);
    second.sync().await?;
    let version = second.newest("Night Drive").await?.context("the version arrived")?;
    let (path, _) = second.library.original(&VersionId::parse(&version.id)?).await?;
    ensure!(std::fs::read(path)? == case.after, "{}: other bytes came back", case.name);
    bench.stop().await;

    let (old, new) = match &case.before {
        Some(before) => (before.as_slice(), Some(case.after.as_slice())),
        None => (case.after.as_slice(), None),
    };
    let sent = peers::all(scratch, old, new)?;
    let floor = case.changed.as_ref().map(|changed| peers::floor(scratch, form, changed)).transpose()?;
    row(case.name, form, ours, floor, &sent, small.saturating_sub(ours), wire);
    Ok(())
}

/// P5: the same bytes under another name.
async fn renamed(scratch: &Path, form: Form, seconds: f64) -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(scratch)?;
    let bench = Bench::start(folder.path(), Shape::FREE).await?;
    let patience = Patience { still: Duration::ZERO, still_large: Duration::ZERO, ..Patience::default() };
    let (first, _) = pair(&bench.url, patience).await?;
    let file = wav(form, &samples(form, &song(1, seconds, form.rate()), None), "first mix");
    first.bounce("Night Drive.wav", &file).await?;
    first.sync().await?;
    first.bounce("Quite Another Name.wav", &file).await?;
    let (before, wire, store) = (bench.originals().await?, bench.wire(), bench.store.passed().0);
    first.sync().await?;
    let (ours, small) = (bench.originals().await? - before, bench.store.passed().0 - store);
    let wire = bench.wire() - wire;
    bench.stop().await;
    row("P5 renamed", form, ours, None, &[], small, wire);
    Ok(())
}

fn row(name: &str, form: Form, ours: u64, floor: Option<u64>, sent: &[peers::Sent], small: u64, wire: u64) {
    let best = sent.iter().filter_map(|(name, bytes)| Some((*name, (*bytes)?))).min_by_key(|(_, bytes)| *bytes);
    let ratio = |of: Option<u64>| of.filter(|of| *of > 0).map_or_else(|| "–".to_owned(), |of| format!("{:.3}", ours as f64 / of as f64));
    let peer = |wanted: &str| {
        let bytes = sent.iter().find(|(name, _)| *name == wanted).and_then(|(_, bytes)| *bytes);
        bytes.map_or_else(|| "–".to_owned(), thousands)
    };
    println!(
        "| {name} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
        form.name(),
        thousands(ours),
        floor.map_or_else(|| "–".to_owned(), thousands),
        ratio(floor),
        best.map_or("–", |(name, _)| name),
        ratio(best.map(|(_, bytes)| bytes)),
        peer("rsync -z"),
        peer("casync"),
        peer("restic"),
        peer("borg"),
        thousands(small),
        thousands(wire),
    );
}

fn thousands(bytes: u64) -> String {
    let digits = bytes.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap_or_default()).collect();
    groups.join(" ")
}

/// P0: from the end of a bounce to its being playable on the other computer, over a home link.
async fn time_to_listen(scratch: &Path) -> anyhow::Result<()> {
    const RUNS: usize = 5;
    let folder = tempfile::tempdir_in(scratch)?;
    let bench = Bench::start(folder.path(), Shape::HOME).await?;
    let (first, second) = pair(&bench.url, Patience::default()).await?;
    first.library.start().await?;
    second.library.start().await?;
    let mut times = Vec::new();
    for run in 0..RUNS {
        let track = format!("Song {}", ["A", "B", "C", "D", "E"][run]);
        let file = wav(Form::Int24, &samples(Form::Int24, &song(100 + run as u64, 240.0, 48_000), None), "mix");
        std::fs::write(first.folder.path().join("Bounces").join(format!("{track}.wav")), &file)?;
        let closed = Instant::now();
        loop {
            if let Some(version) = second.newest(&track).await?
                && version.here != Here::Nothing
                && second.library.playable(&VersionId::parse(&version.id)?).await.is_ok()
            {
                break;
            }
            ensure!(closed.elapsed() < Duration::from_secs(120), "a bounce is heard within two minutes");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        times.push(closed.elapsed().as_secs_f64());
    }
    first.library.shutdown().await;
    second.library.shutdown().await;
    bench.stop().await;
    let cold = times[0];
    times.sort_by(f64::total_cmp);
    println!(
        "Time to listen (P0), a 4 min 24/48 bounce of 69 MB over 10 Mbit/s up, 50 down, 40 ms: median {:.1} s, {:.1} to {:.1} s, the first {cold:.1} s\n(limit 15 s; the file alone takes 55 s). While later runs are heard, originals of earlier ones still go out.",
        times[RUNS / 2],
        times[0],
        times[RUNS - 1],
    );
    Ok(())
}
