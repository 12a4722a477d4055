//! What the player, the waveforms and comparing need: the file to play, its loudness, its peaks, its landmarks. Nothing is decoded
//! here for playing.

use std::path::PathBuf;

use collabtrack_audio::analysis::envelope::Envelope;
use collabtrack_audio::analysis::loudness::LoudnessTable;
use collabtrack_audio::analysis::peaks::Pyramid;
use collabtrack_audio::analysis::{Landmarks, blocks, drawing};
use collabtrack_audio::decode::Decoder;
use collabtrack_audio::error::AudioError;
use collabtrack_audio::preview::preview_rate;
use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::VersionId;
use collabtrack_domain::recipe::content_id;

use crate::error::{LibraryError, Result};
use crate::library::Library;
use crate::record::{blocking, measure_and_keep};
use crate::store::settings::{self, Setting};
use crate::store::versions::{self, Version};
use crate::store::{blobs as kept, commit, tracks};
use crate::tables::told;

/// A version ready to be played.
#[derive(Clone)]
pub struct Playable {
    /// Version.
    pub version: VersionId,
    /// Its track.
    pub track: collabtrack_domain::id::TrackId,
    /// Name of the track.
    pub track_name: String,
    /// Number.
    pub number: i64,
    /// The file to decode: the exact bytes, or the preview.
    pub path: PathBuf,
    /// Whether it is the preview, because the original is not here.
    pub is_preview: bool,
    /// Frames per second of the original; 0 when not known.
    pub sample_rate: u32,
    /// Length of the original in frames; 0 when not known.
    pub frames: u64,
    /// Length in ms; 0 when not known.
    pub duration_ms: u64,
    /// Loudness over time: of the original where it is known, else of the preview.
    pub loudness: Option<LoudnessTable>,
    /// Whether that loudness was measured on the file that plays: of a preview it is then only close to the version's.
    pub loudness_is_own: bool,
    /// True peak of the original in dBTP.
    pub true_peak_db: Option<f64>,
}

/// The file that stands for a version's sound on this computer.
struct Rendition {
    hash: ObjectHash,
    is_preview: bool,
    /// The original, by whose tables a preview is drawn and level-matched where they are here.
    content: ObjectHash,
}

/// View bytes of a preview of `own` Hz, counted in frames of an original of `rate` Hz.
fn in_frames_of_original(mut bytes: Vec<u8>, rate: u64, own: u64) -> Vec<u8> {
    if let Some(place) = bytes.get_mut(16..24) {
        let mut quad = [0_u8; 8];
        quad.copy_from_slice(place);
        let frames = u128::from(u64::from_le_bytes(quad)) * u128::from(rate) / u128::from(own.max(1));
        place.copy_from_slice(&u64::try_from(frames).unwrap_or(u64::MAX).to_le_bytes());
    }
    bytes
}

impl Library {
    /// The file to play for a version, with what level matching needs.
    /// # Errors
    /// `Unknown`, `NotHere` when neither original nor preview is on this computer.
    pub async fn playable(&self, id: &VersionId) -> Result<Playable> {
        let (version, rendition) = self.rendition(id).await?;
        let kept = if rendition.is_preview { self.kept_loudness(&rendition).await? } else { None };
        let (loudness, loudness_is_own) = match kept {
            Some(of_original) => (of_original, false),
            None => (self.loudness(&rendition).await?, true),
        };
        let track = tracks::get(&mut *self.store().read().await?, &version.track).await?;
        let number_of = |field: &str| version.summary.get(field).and_then(serde_json::Value::as_u64).unwrap_or(0);
        Ok(Playable {
            path: self.content().path(&rendition.hash),
            is_preview: rendition.is_preview,
            sample_rate: u32::try_from(number_of("sample_rate")).unwrap_or(0),
            frames: number_of("frames"),
            duration_ms: (number_of("frames").saturating_mul(1_000)).checked_div(number_of("sample_rate")).unwrap_or(0),
            true_peak_db: version.summary.get("true_peak_db").and_then(serde_json::Value::as_f64),
            track_name: track.map(|track| track.name).unwrap_or_default(),
            number: version.number,
            track: version.track,
            version: version.id,
            loudness: Some(loudness),
            loudness_is_own,
        })
    }

    /// The stored file with the exact bytes of a version of one file, and its name.
    /// # Errors
    /// `Unknown`, `NotHere`.
    pub async fn original(&self, id: &VersionId) -> Result<(PathBuf, String)> {
        let mut connection = self.store().read().await?;
        let version = versions::get(&mut connection, id).await?;
        let version = version.ok_or_else(|| LibraryError::Unknown { what: "version", id: id.to_string() })?;
        let files = versions::files(&mut connection, &version.id).await?;
        match files.as_slice() {
            [file] if kept::is_here(&mut connection, &file.sha256).await? => Ok((self.content().path(&file.sha256), file.path.clone())),
            _ => Err(LibraryError::NotHere { version: version.id.to_string() }),
        }
    }

    /// Peaks of a range of frames of the original, in the view format, for `width` pixels.
    /// # Errors
    /// `Unknown`, `NotHere`.
    pub async fn waveform(&self, id: &VersionId, from_frame: u64, to_frame: u64, width: u32) -> Result<Vec<u8>> {
        let (version, rendition) = match self.rendition(id).await {
            Err(LibraryError::NotHere { .. }) => return self.waveform_of_nothing(id, from_frame, to_frame, width).await,
            found => found?,
        };
        let rate = version.summary.get("sample_rate").and_then(serde_json::Value::as_u64).unwrap_or(0);
        if rendition.is_preview
            && let Some(of_original) = self.kept_peaks(rendition.content).await?
        {
            // Closer than the table goes, the preview's own sound is drawn: where its frames are a whole number of the original's.
            let own = u64::from(preview_rate(of_original.rate()));
            let times = u64::from(of_original.rate()).checked_div(own).filter(|times| times * own == rate);
            let to_frame = to_frame.min(of_original.frames());
            let finer = times.and_then(|times| {
                let per_bin = drawing::frames_per_bin(to_frame.saturating_sub(from_frame).div_ceil(times), width)?;
                Some((times, per_bin))
            });
            let Some((times, per_bin)) = finer else { return Ok(of_original.view(from_frame, to_frame, width)) };
            let bytes = self.drawn_from_sound(&rendition, from_frame / times, to_frame.div_ceil(times), per_bin).await?;
            return Ok(in_frames_of_original(bytes, rate, own));
        }
        let peaks = self.peaks(&rendition).await?;
        if !rendition.is_preview || rate == 0 || rate == u64::from(peaks.rate()) {
            return self.drawn(&rendition, &peaks, from_frame, to_frame, width).await;
        }
        // The preview of a high sample rate has fewer frames; whoever draws counts in frames of the original.
        let own = u64::from(peaks.rate());
        let scaled = |frame: u64| u64::try_from(u128::from(frame) * u128::from(own) / u128::from(rate)).unwrap_or(u64::MAX);
        let bytes = self.drawn(&rendition, &peaks, scaled(from_frame), scaled(to_frame), width).await?;
        Ok(in_frames_of_original(bytes, rate, own))
    }

    /// The view bytes of a rendition: from its pyramid, or, closer than that, from its sound.
    async fn drawn(&self, rendition: &Rendition, peaks: &Pyramid, from_frame: u64, to_frame: u64, width: u32) -> Result<Vec<u8>> {
        let to_frame = to_frame.min(peaks.frames());
        let Some(frames_per_bin) = drawing::frames_per_bin(to_frame.saturating_sub(from_frame), width) else {
            return Ok(peaks.view(from_frame, to_frame, width));
        };
        self.drawn_from_sound(rendition, from_frame, to_frame, frames_per_bin).await
    }

    /// The view bytes of a rendition, made of its samples.
    async fn drawn_from_sound(&self, rendition: &Rendition, from_frame: u64, to_frame: u64, frames_per_bin: u64) -> Result<Vec<u8>> {
        let path = self.content().path(&rendition.hash);
        blocking(move || {
            let mut decoder = Decoder::open_stored(&path)?;
            Ok(drawing::view(&mut decoder, from_frame, to_frame, frames_per_bin)?)
        })
        .await
    }

    /// What lining a version up with another one needs; only of originals, never of previews.
    /// # Errors
    /// `Unknown`, `NotHere` when the exact bytes are not on this computer.
    pub async fn landmarks(&self, id: &VersionId) -> Result<Landmarks> {
        let (version, rendition) = self.rendition(id).await?;
        if rendition.is_preview {
            return Err(LibraryError::NotHere { version: version.id.to_string() });
        }
        let (store, cancel, hash) = (self.content().clone(), self.cancel().clone(), rendition.hash);
        blocking(move || {
            let read = |kind: &str| std::fs::read(store.table_path(&hash, kind)).ok();
            let envelope = read("envelope").and_then(|bytes| Envelope::from_bytes(&bytes).ok());
            let blocks = read("blocks").and_then(|bytes| blocks::from_bytes(&bytes).ok());
            match envelope.zip(blocks) {
                Some((envelope, blocks)) => Ok(Landmarks { envelope, blocks }),
                None => {
                    let analysis = measure_and_keep(&store, &store.path(&hash), hash, &cancel)?;
                    analysis.landmarks.ok_or_else(|| AudioError::Internal { what: "the pass made no landmarks".to_owned() }.into())
                }
            }
        })
        .await
    }

    /// A folder on the disk of the library for files of this run; what lies there is swept at the next start.
    #[must_use]
    pub fn scratch_folder(&self) -> PathBuf {
        self.content().temp_folder().to_path_buf()
    }

    /// What the player held when the program last ended, as the player wrote it.
    /// # Errors
    /// What the database said.
    pub async fn remembered_player(&self) -> Result<Option<String>> {
        Ok(settings::get(&mut *self.store().read().await?, Setting::Player).await?)
    }

    /// Remembers what the player holds.
    /// # Errors
    /// What the database said.
    pub async fn remember_player(&self, state: &str) -> Result<()> {
        let mut transaction = self.store().write().await?;
        settings::set(&mut transaction, Setting::Player, Some(state)).await?;
        Ok(commit(transaction).await?)
    }

    /// The coarse waveform of a version, in the view format; known also when nothing of it is here.
    /// # Errors
    /// `Unknown`.
    pub async fn overview(&self, id: &VersionId) -> Result<Vec<u8>> {
        let version = versions::get(&mut *self.store().read().await?, id).await?;
        Ok(version.ok_or_else(|| LibraryError::Unknown { what: "version", id: id.to_string() })?.overview)
    }

    async fn rendition(&self, id: &VersionId) -> Result<(Version, Rendition)> {
        let mut connection = self.store().read().await?;
        let version = versions::get(&mut connection, id).await?;
        let version = version.ok_or_else(|| LibraryError::Unknown { what: "version", id: id.to_string() })?;
        let files = versions::files(&mut connection, &version.id).await?;
        let named: Vec<(String, ObjectHash)> = files.iter().map(|file| (file.path.clone(), file.sha256)).collect();
        if let [file] = files.as_slice()
            && content_id(&named) == Some(version.content_id)
            && kept::is_here(&mut connection, &file.sha256).await?
        {
            let hash = file.sha256;
            return Ok((version, Rendition { hash, is_preview: false, content: hash }));
        }
        match version.preview {
            Some((hash, _)) if kept::is_here(&mut connection, &hash).await? => {
                let content = version.content_id;
                Ok((version, Rendition { hash, is_preview: true, content }))
            }
            _ => Err(LibraryError::NotHere { version: version.id.to_string() }),
        }
    }

    /// Peaks of a version of which neither original nor preview is here: by its tables, else the coarse ones.
    async fn waveform_of_nothing(&self, id: &VersionId, from_frame: u64, to_frame: u64, width: u32) -> Result<Vec<u8>> {
        let version = versions::get(&mut *self.store().read().await?, id).await?;
        let version = version.ok_or_else(|| LibraryError::Unknown { what: "version", id: id.to_string() })?;
        match self.kept_peaks(version.content_id).await? {
            Some(peaks) => Ok(peaks.view(from_frame, to_frame, width)),
            None => Ok(version.overview),
        }
    }

    /// The tables of an original that were measured or fetched.
    async fn kept_peaks(&self, content: ObjectHash) -> Result<Option<Pyramid>> {
        let paths = ["peaks".to_owned(), told("peaks")].map(|kind| self.content().table_path(&content, &kind));
        let read = |path| std::fs::read(path).ok().and_then(|bytes| Pyramid::from_bytes(&bytes).ok());
        blocking(move || Ok(paths.into_iter().find_map(read))).await
    }

    async fn kept_loudness(&self, rendition: &Rendition) -> Result<Option<LoudnessTable>> {
        let paths = ["loudness".to_owned(), told("loudness")].map(|kind| self.content().table_path(&rendition.content, &kind));
        let read = |path| std::fs::read(path).ok().and_then(|bytes| LoudnessTable::from_bytes(&bytes).ok());
        blocking(move || Ok(paths.into_iter().find_map(read))).await
    }

    async fn peaks(&self, rendition: &Rendition) -> Result<Pyramid> {
        let (store, cancel, hash) = (self.content().clone(), self.cancel().clone(), rendition.hash);
        blocking(move || {
            let kept = std::fs::read(store.table_path(&hash, "peaks")).ok().and_then(|bytes| Pyramid::from_bytes(&bytes).ok());
            match kept {
                Some(peaks) => Ok(peaks),
                None => Ok(measure_and_keep(&store, &store.path(&hash), hash, &cancel)?.peaks),
            }
        })
        .await
    }

    async fn loudness(&self, rendition: &Rendition) -> Result<LoudnessTable> {
        let (store, cancel, hash) = (self.content().clone(), self.cancel().clone(), rendition.hash);
        blocking(move || {
            let kept = std::fs::read(store.table_path(&hash, "loudness")).ok().and_then(|bytes| LoudnessTable::from_bytes(&bytes).ok());
            match kept {
                Some(table) => Ok(table),
                None => Ok(measure_and_keep(&store, &store.path(&hash), hash, &cancel)?.loudness),
            }
        })
        .await
    }
}
