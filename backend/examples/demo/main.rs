//! The main job from a bounce to an approval, headless, on real files: two musicians, one admin, a studio server with its own Postgres and
//! S3 store. Prints every step with its time; ends with a failure if any step is untrue.
//!
//! `demo [--json FILE] [--files DIR]`: `--files` takes the first three WAV files of a folder instead of making some.

mod music;
mod people;
mod report;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use clap::Parser;
use collabtrack_audio::decode::Decoder;
use collabtrack_server::config::{Environment, Registration, ServiceConfig};
use collabtrack_server::embedded;

use music::{Depth, Piece};
use people::{Person, csv_with_isrc, fingerprint};
use report::{Report, say};

#[derive(Parser)]
struct Arguments {
    /// Writes the steps as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Takes the first three WAV files of this folder instead of making music.
    #[arg(long)]
    files: Option<PathBuf>,
}

/// What is bounced: the file name in the watched folder, and the file it comes from.
struct Bounces {
    first_mix: PathBuf,
    second_mix: PathBuf,
    others: Vec<PathBuf>,
}

const NIGHT_DRIVE: Piece = Piece { sample_rate: 48_000, depth: Depth::Int24, seconds: 16, bpm: 112.0, key: 57.0, lead: 0.4 };
const LOW_TIDE: Piece = Piece { sample_rate: 44_100, depth: Depth::Int16, seconds: 12, bpm: 84.0, key: 52.0, lead: 0.7 };
const GLASS_HOUSE: Piece = Piece { sample_rate: 96_000, depth: Depth::Float32, seconds: 8, bpm: 128.0, key: 60.0, lead: 0.8 };

fn make_music(folder: &Path) -> anyhow::Result<Bounces> {
    std::fs::create_dir_all(folder)?;
    let write = |piece: Piece, name: &str| -> anyhow::Result<PathBuf> {
        let path = folder.join(name);
        piece.write_wav(&path).with_context(|| format!("writing {name}"))?;
        Ok(path)
    };
    Ok(Bounces {
        first_mix: write(NIGHT_DRIVE, "first.wav")?,
        second_mix: write(Piece { lead: 0.9, ..NIGHT_DRIVE }, "second.wav")?,
        others: vec![write(LOW_TIDE, "Low Tide (Rough).wav")?, write(GLASS_HOUSE, "Glass House take 1.wav")?],
    })
}

fn take_files(folder: &Path) -> anyhow::Result<Bounces> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .with_context(|| format!("reading {}", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("wav")))
        .collect();
    found.sort();
    let [first, second, others @ ..] = found.as_slice() else { bail!("{} holds fewer than two WAV files", folder.display()) };
    Ok(Bounces { first_mix: first.clone(), second_mix: second.clone(), others: others.iter().take(1).cloned().collect() })
}

/// Every frame of a file, channel by channel.
fn decoded(path: &Path) -> anyhow::Result<Vec<Vec<f32>>> {
    let mut decoder = Decoder::open(path)?;
    let mut channels = vec![Vec::new(); usize::from(decoder.info().channels)];
    while decoder.read(&mut channels, 65_536)? > 0 {}
    Ok(channels)
}

async fn run(arguments: &Arguments, report: &mut Report, folder: &Path) -> anyhow::Result<()> {
    let bounces = match &arguments.files {
        Some(files) => take_files(files)?,
        None => {
            report
                .step("three pieces of music, at different rates and depths", async {
                    let bounces = make_music(&folder.join("music"))?;
                    Ok((bounces, "24-bit 48 kHz, 16-bit 44.1 kHz, 32-bit float 96 kHz".to_owned()))
                })
                .await?
        }
    };

    let studio = report
        .step("a studio server with its own Postgres and S3 store", async {
            let settings = Environment::new(std::collections::BTreeMap::new()).and_then(|settings| settings.service(Registration::Open));
            let service = ServiceConfig { listen: ([127, 0, 0, 1], 0).into(), database_connections: 8, ..settings.expect("the defaults") };
            let studio = Box::pin(embedded::start(&folder.join("studio"), service)).await?;
            let url = studio.url.clone();
            Ok((studio, url))
        })
        .await?;
    let address = studio.url.clone();

    let mira = Person::open("Mira", folder).await?;
    let jon = Person::open("Jon", folder).await?;
    let ada = Person::open("Ada", folder).await?;

    report
        .step("Jon chooses his bounce folder: no account, no server", async {
            let project = jon.watch("Night Drive EP").await?;
            Ok(((), format!("project “{}”", project.name)))
        })
        .await?;
    report
        .step("Jon bounces: every export becomes version 1 of its track", async {
            jon.bounce(&bounces.first_mix, "Night Drive.wav")?;
            for other in &bounces.others {
                let name = other.file_name().context("a file has a name")?.to_string_lossy().into_owned();
                jon.bounce(other, &name)?;
            }
            let tracks = jon.capture_tracks(1 + bounces.others.len()).await?;
            let words: Vec<String> = tracks.iter().map(|track| format!("{} v{}", track.name, track.versions)).collect();
            ensure!(tracks.iter().all(|track| track.versions == 1), "every track has one version: {words:?}");
            Ok(((), words.join(", ")))
        })
        .await?;
    let (first, second) = report
        .step("Jon bounces over the same file: version 2, version 1 untouched", async {
            let before = fingerprint(&bounces.first_mix)?;
            jon.bounce(&bounces.second_mix, "Night Drive.wav")?;
            let detail = jon.capture_versions("Night Drive", 2).await?;
            let [second, first] = detail.versions.as_slice() else { bail!("two versions of Night Drive, found {}", detail.versions.len()) };
            ensure!(first.fingerprint == before, "version 1 still has the bytes it was captured with");
            ensure!(second.fingerprint == fingerprint(&bounces.second_mix)?, "version 2 has the new bytes");
            let louder = second.loudness_lufs.unwrap_or_default() - first.loudness_lufs.unwrap_or_default();
            Ok(((first.clone(), second.clone()), format!("version 2 is {louder:+.1} LU against version 1")))
        })
        .await?;
    report
        .step("Jon listens to version 1 offline: what plays is what was bounced", async {
            let played = jon.render(&first.id, None).await?;
            let want = decoded(&bounces.first_mix)?;
            let got = decoded(&played)?;
            ensure!(got == want, "every sample played equals the file's");
            Ok(((), format!("{} frames, sample for sample", want.first().map_or(0, Vec::len))))
        })
        .await?;
    report
        .step("Jon flips between version 2 and 1 at the same place", async {
            let played = jon.render(&second.id, Some(&first.id)).await?;
            let got = decoded(&played)?;
            ensure!(got.first().is_some_and(|samples| samples.iter().any(|sample| sample.abs() > 0.01)), "there is sound");
            Ok(((), "level-matched, rendered through the engine".to_owned()))
        })
        .await?;

    report
        .step("Mira, Jon and Ada register at the studio", async {
            for person in [&mira, &jon, &ada] {
                person.register(&address).await?;
            }
            Ok(((), "three accounts, tokens kept out of files and logs".to_owned()))
        })
        .await?;
    report
        .step("Jon puts the project on the server and invites Mira and Ada", async {
            jon.put_on_server().await?;
            let for_mira = jon.invite("admin").await?;
            let for_ada = jon.invite("member").await?;
            mira.join(&for_mira).await?;
            ada.join(&for_ada).await?;
            ensure!(ada.library.join(&for_mira).await.is_err(), "a code works once");
            Ok(((), "two single-use codes".to_owned()))
        })
        .await?;
    report
        .step("Jon syncs: the store confirms every byte, numbers are final", async {
            jon.sync().await?;
            let detail = jon.track("Night Drive").await?;
            ensure!(detail.versions.iter().all(|version| version.is_final), "numbers come from the server");
            ensure!(jon.waiting().await? == 0, "nothing waits");
            let mut numbers: Vec<i64> = detail.versions.iter().map(|version| version.number).collect();
            numbers.sort_unstable();
            ensure!(numbers == [1, 2], "numbers are 1 and 2: {numbers:?}");
            Ok(((), "Night Drive 1 and 2".to_owned()))
        })
        .await?;
    report
        .step("Ada and Mira sync: every version arrives", async {
            for person in [&ada, &mira] {
                person.sync().await?;
            }
            let detail = ada.track("Night Drive").await?;
            ensure!(detail.versions.len() == 2, "Ada has two versions of Night Drive");
            Ok(((), format!("{} versions by {}", detail.versions.len(), detail.versions[0].author)))
        })
        .await?;
    report
        .step("Ada fetches version 1: the exact bytes Jon bounced", async {
            let fetched = ada.fetch(&first.fingerprint).await?;
            ensure!(std::fs::read(&fetched)? == std::fs::read(&bounces.first_mix)?, "every byte is the same");
            Ok(((), format!("SHA-256 {}…", &first.fingerprint[..16])))
        })
        .await?;

    let proposal = report
        .step("Jon proposes version 2", async {
            let proposal = jon.propose_version("Night Drive", 2, "Lead up, as discussed").await?;
            Ok((proposal.clone(), proposal.title))
        })
        .await?;
    report
        .step("Jon cannot approve it himself", async {
            let refused = jon.approve(&proposal.id).await;
            ensure!(refused.is_err(), "an author does not decide while somebody else can");
            Ok(((), "refused".to_owned()))
        })
        .await?;
    report
        .step("Mira hears it and approves exactly what she saw", async {
            let detail = mira.proposal(&proposal.id).await?;
            let version = detail.versions.first().context("the proposal names a version")?;
            let heard = mira.render(&version.proposed.id, None).await?;
            ensure!(decoded(&heard)? == decoded(&bounces.second_mix)?, "she heard what Jon bounced");
            mira.approve(&proposal.id).await?;
            jon.sync().await?;
            let track = jon.track("Night Drive").await?;
            ensure!(track.track.approved == Some(2), "Jon sees version 2 approved, not {:?}", track.track.approved);
            Ok(((), "approved version of Night Drive: 2".to_owned()))
        })
        .await?;
    report
        .step("Ada exports the catalogue, edits it as CSV, and proposes", async {
            let exported = ada.export("tracks.csv").await?;
            let untouched = ada.import(&exported).await?;
            ensure!(untouched.changes.is_empty() && untouched.errors.is_empty(), "an untouched file changes nothing: {untouched:?}");
            let edited = csv_with_isrc(&exported, "USS1Z9900001")?;
            let import = ada.import(&edited).await?;
            ensure!(import.errors.is_empty(), "no errors: {:?}", import.errors);
            ensure!(import.changes.len() == 1, "one cell changes: {:?}", import.changes);
            let change = format!(
                "{}: {} → {}",
                import.changes[0].row_label,
                import.changes[0].field,
                import.changes[0].to.clone().unwrap_or_default()
            );
            ada.library.import_propose(&import.import, "ISRC for Night Drive", "From the distributor").await?;
            Ok(((), change))
        })
        .await?;
    report
        .step("Mira approves the CSV change; the next export holds it", async {
            let inbox = mira.library.inbox().await?;
            let waiting = inbox.to_review.first().context("the proposal waits in Mira's inbox")?;
            mira.approve(&waiting.id).await?;
            let exported = std::fs::read_to_string(mira.export("after.csv").await?)?;
            ensure!(exported.contains("USS1Z9900001"), "the ISRC stands in the catalogue");
            Ok(((), "catalogue moved on".to_owned()))
        })
        .await?;
    report
        .step("The audit log tells who decided", async {
            let entries = mira.activity().await?;
            ensure!(
                entries.iter().any(|entry| entry.actor == "Mira" && entry.sentence.to_lowercase().contains("approve")),
                "Mira's approval is on record"
            );
            Ok(((), format!("{} entries", entries.len())))
        })
        .await?;
    report
        .step("The server stops; Ada still hears version 2", async {
            studio.stop().await;
            let detail = ada.track("Night Drive").await?;
            let second = detail.versions.iter().find(|version| version.number == 2).context("version 2 is there")?;
            let played = ada.render(&second.id, None).await?;
            ensure!(decoded(&played)? == decoded(&bounces.second_mix)?, "sample for sample");
            Ok(((), "offline, sample for sample".to_owned()))
        })
        .await?;
    for person in [mira, jon, ada] {
        person.close().await;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let folder = tempfile::tempdir()?;
    let mut report = Report::default();
    // On the heap: the future of the whole job is large.
    let result = Box::pin(run(&arguments, &mut report, folder.path())).await;
    if let Some(file) = &arguments.json {
        std::fs::write(file, serde_json::to_vec_pretty(&report)?).with_context(|| format!("writing {}", file.display()))?;
    }
    result?;
    ensure!(report.all_true(), "not every step was true");
    say(&format!("{} steps, all true", report.len()));
    Ok(())
}
