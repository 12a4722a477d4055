//! Which originals stay on this computer: by the policy of their project and the budget of the disk. Only originals that the server has
//! confirmed as complete ever go; previews never do.

use std::collections::{BTreeMap, BTreeSet};

use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{ProjectId, VersionId};

use crate::content_store::discard;
use crate::error::{LibraryError, Result};
use crate::library::Library;
use crate::store::settings::{self, Setting};
use crate::store::{blobs, commit, retained, rules, versions};
use crate::view::KeepingView;

/// Which originals of a project stay here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Originals {
    /// All of them.
    All,
    /// Those of the newest versions of each track.
    Latest(u32),
    /// Only what was made here and is not confirmed yet, and what somebody asked for.
    OnDemand,
}

impl Originals {
    /// The policy of that word: `all`, `latest:N`, `on_demand`.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "all" => Some(Self::All),
            "on_demand" => Some(Self::OnDemand),
            _ => word.strip_prefix("latest:").and_then(|count| count.parse().ok()).filter(|count| *count > 0).map(Self::Latest),
        }
    }

    /// Its word.
    #[must_use]
    pub fn word(self) -> String {
        match self {
            Self::All => "all".to_owned(),
            Self::Latest(count) => format!("latest:{count}"),
            Self::OnDemand => "on_demand".to_owned(),
        }
    }
}

/// A version as far as keeping its original goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keepable {
    /// Version.
    pub version: VersionId,
    /// Track, only compared.
    pub track: String,
    /// Number.
    pub number: i64,
    /// Whether the feed says that the store has every byte, and nothing of it is on its way.
    pub is_complete: bool,
    /// Whether somebody wants it here, plays it, or asked for it.
    pub is_pinned: bool,
    /// The policy of its project.
    pub originals: Originals,
    /// Its files: hash and length.
    pub files: Vec<(ObjectHash, u64)>,
}

/// What stays and what goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Keeping {
    /// Versions whose originals are wanted here.
    pub wanted: BTreeSet<VersionId>,
    /// Files that may go: no version that stays needs them.
    pub evict: BTreeSet<ObjectHash>,
}

/// Decides which originals are wanted and which files go. `here` are the files on this computer; `budget_bytes` is the room for originals,
/// none for no limit. What is not complete or is pinned always stays, also beyond the budget.
#[must_use]
pub fn decide(all: &[Keepable], here: &BTreeSet<ObjectHash>, budget_bytes: Option<u64>) -> Keeping {
    let mut order: Vec<&Keepable> = all.iter().collect();
    let place = places(all);
    let rank = |keepable: &Keepable| place.get(&keepable.version).copied().unwrap_or(u32::MAX);
    order.sort_by_key(|keepable| {
        (keepable.is_complete && !keepable.is_pinned, rank(keepable), std::cmp::Reverse(keepable.number), keepable.version.clone())
    });
    let mut keeping = Keeping::default();
    let mut kept: BTreeSet<ObjectHash> = BTreeSet::new();
    let mut used = 0_u64;
    for keepable in order {
        let fresh: u64 = distinct(keepable).filter(|(hash, _)| !kept.contains(hash)).map(|(_, length)| length).sum();
        let must = !keepable.is_complete || keepable.is_pinned;
        let is_wanted = match keepable.originals {
            Originals::All => true,
            Originals::Latest(count) => rank(keepable) < count,
            Originals::OnDemand => false,
        };
        let fits = budget_bytes.is_none_or(|budget| used.saturating_add(fresh) <= budget);
        if must || (is_wanted && fits) {
            used = used.saturating_add(fresh);
            kept.extend(keepable.files.iter().map(|(hash, _)| *hash));
            keeping.wanted.insert(keepable.version.clone());
        }
    }
    for (hash, _) in all.iter().filter(|keepable| !keeping.wanted.contains(&keepable.version)).flat_map(|keepable| &keepable.files) {
        if here.contains(hash) && !kept.contains(hash) {
            keeping.evict.insert(*hash);
        }
    }
    keeping
}

fn distinct(keepable: &Keepable) -> impl Iterator<Item = (ObjectHash, u64)> {
    keepable.files.iter().copied().collect::<BTreeMap<ObjectHash, u64>>().into_iter()
}

/// How many newer versions of its track stand before each version.
fn places(all: &[Keepable]) -> BTreeMap<VersionId, u32> {
    let mut tracks: BTreeMap<&str, Vec<(i64, &VersionId)>> = BTreeMap::new();
    for keepable in all {
        tracks.entry(&keepable.track).or_default().push((keepable.number, &keepable.version));
    }
    let mut place = BTreeMap::new();
    for versions in tracks.values_mut() {
        versions.sort_by(|a, b| b.cmp(a));
        place.extend((0_u32..).zip(versions.iter()).map(|(rank, (_, version))| ((*version).clone(), rank)));
    }
    place
}

impl Library {
    /// Which originals of a project stay here, and how much room all originals may take.
    /// # Errors
    /// `Unknown`.
    pub async fn keeping(&self, project: &ProjectId) -> Result<KeepingView> {
        let mut connection = self.store().read().await?;
        let word = rules::originals(&mut connection, project).await?;
        let word = word.ok_or_else(|| LibraryError::Unknown { what: "project", id: project.to_string() })?;
        let budget_bytes = settings::number(&mut connection, Setting::DiskBudget).await?;
        let used_bytes = retained::used_bytes(&mut connection).await?;
        Ok(KeepingView { originals: word, budget_bytes, used_bytes })
    }

    /// Sets which originals of a project stay here. What the new rule does not want goes, as far as the server has confirmed it.
    /// # Errors
    /// `Unknown`, `Invalid` for another word.
    pub async fn set_keeping(&self, project: &ProjectId, originals: &str, budget_bytes: Option<u64>) -> Result<KeepingView> {
        let Some(policy) = Originals::from_word(originals) else {
            return Err(LibraryError::Invalid { what: format!("{originals:?} is not all, latest:N or on_demand.") });
        };
        self.project(project).await?;
        let mut transaction = self.store().write().await?;
        rules::set_originals(&mut transaction, project, &policy.word()).await?;
        settings::set(&mut transaction, Setting::DiskBudget, budget_bytes.map(|bytes| bytes.to_string()).as_deref()).await?;
        commit(transaction).await?;
        self.make_room().await?;
        self.changed();
        self.wake_sync();
        self.keeping(project).await
    }

    /// Keeps the original of a version here whatever the project says, or no longer.
    /// # Errors
    /// `Unknown`.
    pub async fn pin(&self, id: &VersionId, pinned: bool) -> Result<()> {
        let mut transaction = self.store().write().await?;
        let version = versions::get(&mut transaction, id).await?;
        let version = version.ok_or_else(|| LibraryError::Unknown { what: "version", id: id.to_string() })?;
        rules::pin(&mut transaction, &version.id, pinned).await?;
        commit(transaction).await?;
        self.changed();
        self.wake_sync();
        Ok(())
    }

    /// Versions that somebody listens to right now: their originals stay.
    pub fn set_playing(&self, versions: Vec<VersionId>) {
        *self.playing() = versions.into_iter().collect();
    }

    /// What stays and what goes, as things are.
    pub(crate) async fn decide_keeping(&self) -> Result<Keeping> {
        let playing = self.playing().clone();
        let mut connection = self.store().read().await?;
        let mut all = retained::all(&mut connection).await?;
        for keepable in &mut all {
            keepable.is_pinned |= playing.contains(&keepable.version);
        }
        let here = blobs::sound(&mut connection).await?;
        let budget = settings::number(&mut connection, Setting::DiskBudget).await?;
        Ok(decide(&all, &here, budget))
    }

    /// Lets go of originals that are not wanted here and that the server has. The row goes before the file: a crash leaves an unknown
    /// file, never a row without one.
    pub(crate) async fn make_room(&self) -> Result<usize> {
        let evict = self.decide_keeping().await?.evict;
        for hash in &evict {
            let mut transaction = self.store().write().await?;
            if retained::is_needed(&mut transaction, hash).await? {
                continue;
            }
            blobs::forget(&mut transaction, hash).await?;
            commit(transaction).await?;
            discard(&self.content().path(hash));
        }
        if !evict.is_empty() {
            self.changed();
        }
        Ok(evict.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn version(n: u8) -> VersionId {
        VersionId::from_random([n; 17])
    }

    fn keepable(n: u8, track: u8, number: i64, complete: bool, pinned: bool, originals: Originals, files: &[u8]) -> Keepable {
        Keepable {
            version: version(n),
            track: track.to_string(),
            number,
            is_complete: complete,
            is_pinned: pinned,
            originals,
            files: files.iter().map(|file| (ObjectHash::of(&[*file]), 10)).collect(),
        }
    }

    #[test]
    fn policies_have_words() {
        for policy in [Originals::All, Originals::Latest(3), Originals::OnDemand] {
            assert_eq!(Originals::from_word(&policy.word()), Some(policy));
        }
        for word in ["", "latest:0", "latest:", "some"] {
            assert_eq!(Originals::from_word(word), None, "{word}");
        }
    }

    #[test]
    fn the_latest_of_each_track_stay_and_a_budget_keeps_the_newest() {
        let latest: Vec<Keepable> = (1..=4).map(|n| keepable(n, n % 2, i64::from(n), true, false, Originals::Latest(1), &[n])).collect();
        let here: BTreeSet<ObjectHash> = (1..=4_u8).map(|n| ObjectHash::of(&[n])).collect();
        assert_eq!(decide(&latest, &here, None).wanted, [version(3), version(4)].into());
        let all: Vec<Keepable> = (1..=4).map(|n| keepable(n, 0, i64::from(n), true, false, Originals::All, &[n])).collect();
        let keeping = decide(&all, &here, Some(25));
        assert_eq!(keeping.wanted, [version(3), version(4)].into());
        assert_eq!(keeping.evict, [ObjectHash::of(&[1]), ObjectHash::of(&[2])].into());
    }

    fn policy(n: u8) -> Originals {
        match n % 3 {
            0 => Originals::All,
            1 => Originals::Latest(u32::from(n / 3) + 1),
            _ => Originals::OnDemand,
        }
    }

    proptest! {
        #[test]
        fn i25_eviction_removes_only_complete_originals_over_all_policies(
            items in proptest::collection::vec((0_u8..3, any::<bool>(), any::<bool>(), 0_u8..9, proptest::collection::vec(0_u8..20, 1..4)), 1..24),
            here in proptest::collection::btree_set(0_u8..20, 0..20),
            budget in proptest::option::of(0_u64..200),
        ) {
            let all: Vec<Keepable> = items.iter().enumerate().map(|(n, (track, complete, pinned, word, files))| {
                let n = u8::try_from(n).expect("few");
                keepable(n, *track, i64::from(n), *complete, *pinned, policy(*word), files)
            }).collect();
            let here: BTreeSet<ObjectHash> = here.iter().map(|n| ObjectHash::of(&[*n])).collect();
            let keeping = decide(&all, &here, budget);
            for evicted in &keeping.evict {
                prop_assert!(here.contains(evicted));
                for holder in all.iter().filter(|keepable| keepable.files.iter().any(|(hash, _)| hash == evicted)) {
                    prop_assert!(holder.is_complete && !holder.is_pinned, "only what the server confirmed and nobody wants goes");
                    prop_assert!(!keeping.wanted.contains(&holder.version), "what is wanted is not thrown away");
                }
            }
            // Doing it leads to a state in which nothing more is to be done, and nothing that went is fetched again.
            let after: BTreeSet<ObjectHash> = here.difference(&keeping.evict).copied().collect();
            let again = decide(&all, &after, budget);
            prop_assert!(again.evict.is_empty());
            prop_assert_eq!(again.wanted, keeping.wanted);
        }
    }
}
