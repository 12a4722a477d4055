//! Following the change feed: a page and the new place in one transaction, unknown kinds skipped, nothing ever deleted.

use std::collections::BTreeSet;

use collabtrack_domain::id::{ProjectId, TrackId, VersionId};
use collabtrack_protocol::changes::{CatalogueMoved, Change, ChangeKind, ChangePage, ChangeSetMoved, MemberLeft, ProjectMoved, TrackInfo};
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::projects::Member;
use collabtrack_protocol::versions::{EditVersion, TrackClaim, Version as Told, VersionState};
use serde::de::DeserializeOwned;
use sqlx::SqliteConnection;

use super::overview;
use super::remote::{Remote, RemoteError};
use crate::clock;
use crate::error::Result;
use crate::library::Library;
use crate::store::edits::{self, Edit};
use crate::store::outbox::{self, Step};
use crate::store::projects::{self, FeedPlace};
use crate::store::tracks::{self, Track};
use crate::store::versions::{self, State, Version, VersionFile};
use crate::store::{StoreResult, blobs, change_sets, comments, commit, members, retired, trash};

/// Why a page is not applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageFault {
    /// It belongs to another history.
    OtherEpoch,
    /// Its numbers are doubled, skipped or go back.
    OutOfOrder,
}

/// What following a feed brought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct News {
    /// Anything at all.
    pub(crate) came: bool,
    /// Something about who is in the project, or nobody knows yet who that is.
    pub(crate) of_members: bool,
}

/// Checks that a page goes on exactly where `place` ends.
/// # Errors
/// What is wrong with it; nothing of it may be applied then.
pub fn check_page(page: &ChangePage, place: &FeedPlace) -> std::result::Result<(), PageFault> {
    if place.epoch.as_ref().is_some_and(|epoch| *epoch != page.epoch) {
        return Err(PageFault::OtherEpoch);
    }
    let in_order = page.changes.iter().zip(place.cursor + 1..).all(|(change, seq)| change.seq == seq);
    let last = page.changes.last().map_or(place.cursor, |change| change.seq);
    if !in_order || last > page.head || (page.more && page.changes.is_empty()) { Err(PageFault::OutOfOrder) } else { Ok(()) }
}

impl Library {
    /// Follows the feed of a project to its end.
    pub(crate) async fn pull(&self, remote: &dyn Remote, project: &ProjectId) -> Result<News> {
        let Some(known) = projects::get(&mut *self.store().read().await?, project).await? else { return Ok(News::default()) };
        let mut place = known.feed;
        let mut stored = place.clone();
        // Who is in it from the first is in no change.
        let mut news = News { came: false, of_members: place.cursor == 0 };
        let mut from_start = place.cursor == 0;
        loop {
            // Whoever reads from the start reads every document.
            let have = if from_start {
                self.sync_state().answered().forget(project);
                Vec::new()
            } else {
                self.sync_state().answered().after(project, place.cursor)
            };
            let page = match self.heard(remote.changes(project, &place, &have).await) {
                Err(RemoteError::Refused(problem)) if problem.code == ErrorCode::FeedDiverged && !from_start => {
                    from_start = true;
                    place = FeedPlace::default();
                    continue;
                }
                answer => answer?,
            };
            match check_page(&page, &place) {
                Ok(()) => {}
                Err(PageFault::OtherEpoch) if !from_start => {
                    from_start = true;
                    place = FeedPlace::default();
                    continue;
                }
                Err(fault) => {
                    tracing::warn!(project.id = %project, ?fault, "a page of the feed is not acceptable; nothing of it was applied");
                    return Err(RemoteError::NotCollabtrack { reason: "the list of changes is out of order".into() }.into());
                }
            }
            news.came |= !page.changes.is_empty();
            news.of_members |= page.changes.iter().any(|change| {
                matches!(change.kind, ChangeKind::Project | ChangeKind::Member | ChangeKind::MemberLeft | ChangeKind::Unknown)
            });
            let Some(applied) = self.apply(project, &page, &stored, place.cursor == 0).await? else {
                // Something else decided meanwhile where the feed is read from.
                place = projects::get(&mut *self.store().read().await?, project).await?.map(|project| project.feed).unwrap_or_default();
                (stored, from_start) = (place.clone(), place.cursor == 0);
                continue;
            };
            (stored, place) = (applied.clone(), applied);
            self.sync_state().answered().read_to(project, place.cursor);
            if !page.more {
                break;
            }
        }
        self.offer_again(project).await?;
        if news.came {
            self.changed();
            self.project_changed(project);
        }
        Ok(news)
    }

    /// Versions that the server lost are offered again by whoever has their bytes; nothing is deleted.
    async fn offer_again(&self, project: &ProjectId) -> Result<()> {
        let missing = versions::told_no_more(&mut *self.store().read().await?, project).await?;
        if missing.is_empty() {
            return Ok(());
        }
        let mut transaction = self.store().write().await?;
        for id in missing {
            let Some(version) = versions::get(&mut transaction, &id).await? else { continue };
            let files = versions::files(&mut transaction, &version.id).await?;
            if !holds(&mut transaction, &files).await? {
                // It stays known here; somebody who has its bytes offers it.
                continue;
            }
            versions::unnumber(&mut transaction, &version.id).await?;
            outbox::forget_announced(&mut transaction, &version.id).await?;
            let ready = version.preview.is_some() || version.no_preview_reason.is_some();
            outbox::put(&mut transaction, &version.id, if ready { Step::PreviewReady } else { Step::Captured }).await?;
            crate::store::uploads::forget_all(&mut transaction, &version.id).await?;
        }
        Ok(commit(transaction).await?)
    }

    /// Applies a checked page and the new place in one transaction. That the feed is read from its start is in the database with it, so that
    /// whoever stops in the middle still finds out at its end what it tells no more.
    ///
    /// None, and nothing applied, when the place in the database is not `stored` any more.
    async fn apply(&self, project: &ProjectId, page: &ChangePage, stored: &FeedPlace, is_first: bool) -> Result<Option<FeedPlace>> {
        let now = clock::text(self.clock().now());
        let own = self.connection().account.as_ref().map(|account| account.0.clone());
        let last = page.changes.last();
        let mut transaction = self.store().write().await?;
        let before = projects::get(&mut transaction, project).await?.map(|project| project.feed).unwrap_or_default();
        if before != *stored {
            return Ok(None);
        }
        let mut touched = BTreeSet::new();
        if is_first {
            let beyond = self.sync_state().answered().beyond(project, page.head);
            versions::forget_told(&mut transaction, project, &beyond).await?;
        }
        for change in &page.changes {
            apply_change(&mut transaction, project, change, &now, own.as_ref().map(|id| id.as_str()), &mut touched).await?;
        }
        for track in touched {
            versions::renumber_provisional(&mut transaction, &track).await?;
        }
        let place = FeedPlace {
            epoch: Some(page.epoch.clone()),
            cursor: last.map_or(before.cursor, |change| change.seq),
            last_change: last.map(|change| change.id.clone()).or(before.last_change),
        };
        projects::set_feed(&mut transaction, project, &place).await?;
        commit(transaction).await?;
        crate::faults::step("feed.applied");
        Ok(Some(place))
    }
}

/// The document of a change; none when this program does not understand it.
fn body<T: DeserializeOwned>(change: &Change) -> Option<T> {
    if change.body.is_null() {
        return None;
    }
    match serde_json::from_value(change.body.clone()) {
        Ok(body) => Some(body),
        Err(error) => {
            tracing::warn!(seq = change.seq, %error, "a change was not understood and is skipped");
            None
        }
    }
}

async fn apply_change(
    connection: &mut SqliteConnection,
    project: &ProjectId,
    change: &Change,
    now: &str,
    own: Option<&str>,
    touched: &mut BTreeSet<TrackId>,
) -> StoreResult<()> {
    match change.kind {
        ChangeKind::Project => {
            if let Some(moved) = body::<ProjectMoved>(change) {
                projects::rename(connection, project, &moved.name).await?;
            }
        }
        ChangeKind::Member => {
            if let Some(member) = body::<Member>(change) {
                if own == Some(member.person.id.as_str()) {
                    projects::set_role(connection, project, member.role).await?;
                }
                members::put(connection, project, &member).await?;
            }
        }
        ChangeKind::MemberLeft => {
            if let Some(left) = body::<MemberLeft>(change) {
                members::remove(connection, project, left.account.as_str()).await?;
            }
        }
        ChangeKind::Track => {
            if let Some(info) = body::<TrackInfo>(change) {
                apply_track(connection, project, info, now, touched).await?;
            }
        }
        ChangeKind::Version => {
            if let Some(told) = body::<Told>(change)
                && !is_outdated(connection, &told.id, change.seq).await?
            {
                touched.insert(told.track.clone());
                apply_version(connection, project, &told, now).await?;
            }
        }
        ChangeKind::Catalogue => {
            if let Some(moved) = body::<CatalogueMoved>(change) {
                projects::set_catalogue(connection, project, &moved.head, moved.number).await?;
                for approved in moved.approved {
                    tracks::set_approved(connection, &approved.track, approved.version.as_ref()).await?;
                }
                for version in &moved.retired {
                    retired::put(connection, version).await?;
                }
            }
        }
        ChangeKind::ChangeSet => {
            if let Some(moved) = body::<ChangeSetMoved>(change) {
                change_sets::moved(connection, project, &moved.id, &moved.status, moved.revision).await?;
            }
        }
        ChangeKind::Comment => {
            if let Some(told) = body::<collabtrack_protocol::comments::Comment>(change) {
                comments::told(connection, project, &told).await?;
            }
        }
        ChangeKind::Unknown => {}
    }
    Ok(())
}

async fn apply_track(
    connection: &mut SqliteConnection,
    project: &ProjectId,
    info: TrackInfo,
    now: &str,
    touched: &mut BTreeSet<TrackId>,
) -> StoreResult<()> {
    for known_as in [Some(&info.id), info.absorbed.as_ref()].into_iter().flatten() {
        queue_unheard_name(connection, project, known_as, &info.id).await?;
    }
    let track = Track {
        id: info.id.clone(),
        project: project.clone(),
        name: info.name,
        key: info.key,
        auto: info.auto,
        please_check: false,
        approved: None,
    };
    tracks::upsert(connection, &track, now).await?;
    if let Some(Edit::Track { name, .. }) = edits::of_subject(connection, info.id.as_str()).await?.pop() {
        tracks::rename(connection, &info.id, &name).await?;
    }
    if let Some(absorbed) = info.absorbed
        && tracks::get(connection, &absorbed).await?.is_some_and(|known| known.id == absorbed)
    {
        tracks::absorb(connection, &absorbed, &info.id).await?;
    }
    touched.insert(info.id);
    Ok(())
}

/// Whether what is told of a version at a place is older than what is known of it: answers and pages pass each other on their way.
async fn is_outdated(connection: &mut SqliteConnection, id: &VersionId, seq: i64) -> StoreResult<bool> {
    Ok(versions::told_at(connection, id).await?.is_some_and(|known| known > seq))
}

/// Takes over a version as the server answered a request of this computer. When the feed has gone past the answer meanwhile, it is read
/// from its start: which of both holds an edit of this computer is not known otherwise.
pub(crate) async fn apply_answer(connection: &mut SqliteConnection, project: &ProjectId, told: &Told, now: &str) -> StoreResult<()> {
    if is_outdated(connection, &told.id, told.seq).await? {
        return projects::set_feed(connection, project, &FeedPlace::default()).await;
    }
    apply_version(connection, project, told, now).await
}

/// Takes over a version as the server tells it, also one of this computer.
async fn apply_version(connection: &mut SqliteConnection, project: &ProjectId, told: &Told, now: &str) -> StoreResult<()> {
    if tracks::get(connection, &told.track).await?.is_none() {
        let track = Track {
            id: told.track.clone(),
            project: project.clone(),
            name: told.track_name.clone(),
            key: crate::grouping::group(&told.track_name, "").key,
            auto: false,
            please_check: false,
            approved: None,
        };
        tracks::upsert(connection, &track, now).await?;
    }
    let version = Version {
        id: told.id.clone(),
        project: project.clone(),
        track: told.track.clone(),
        number: told.number,
        numbered: true,
        kind: told.kind,
        note: told.note.clone(),
        content_id: told.content_id,
        parent: told.parent.clone(),
        same_as: told.same_as.clone(),
        state: state_of(told.state),
        author_id: Some(told.author.id.clone()),
        author_name: told.author.name.clone(),
        captured_at: told.captured_at.clone(),
        recorded_at: Some(told.created_at.clone()),
        seq: Some(told.seq),
        summary: told.summary.clone(),
        overview: overview::from_wire(&told.overview),
        preview: told.preview_sha256.zip(told.preview_length),
        no_preview_reason: None,
        tables: told.tables_sha256.zip(told.tables_length),
    };
    let files: Vec<VersionFile> = told
        .files
        .iter()
        .map(|file| VersionFile { path: file.path.clone(), length: file.length, sha256: file.sha256, plain_object: None })
        .collect();
    if !versions::is_told(connection, &version.id).await? {
        queue_unheard(connection, project, told).await?;
    }
    versions::upsert(connection, &version, &files).await?;
    trash::told(connection, &version.id, told.trashed_at.as_deref()).await?;
    keep_own_edits(connection, &version, now).await?;
    tracks::stand_alone(connection, &version.id).await?;
    if told.state == VersionState::Damaged && holds(connection, &files).await? {
        // The store lost bytes that are here: they are sent again.
        crate::store::uploads::forget_all(connection, &version.id).await?;
        outbox::put(connection, &version.id, Step::Announced).await?;
    }
    if told.state == VersionState::Complete {
        // Whoever sent the bytes: the store has them all.
        outbox::confirm(connection, &version.id).await?;
        crate::store::uploads::forget_all(connection, &version.id).await?;
    }
    Ok(())
}

/// The server tells of a version of this computer for the first time: what people did to it since it was announced, it has not heard of.
/// The answer may come much later than the announcement, or only with the feed.
async fn queue_unheard(connection: &mut SqliteConnection, project: &ProjectId, told: &Told) -> StoreResult<()> {
    let Some(here) = versions::get(connection, &told.id).await? else { return Ok(()) };
    if let Some(with) = outbox::announced(connection, &told.id).await? {
        queue_unheard_name(connection, project, &with.claim.id, &told.track).await?;
        let track = match tracks::get(connection, &here.track).await? {
            Some(track) if here.track != with.claim.id => {
                Some(TrackClaim { id: track.id, name: track.name, key: track.key, auto: track.auto })
            }
            _ => None,
        };
        let edit =
            EditVersion { note: (here.note != with.note).then_some(here.note), kind: (here.kind != with.kind).then_some(here.kind), track };
        if edit != EditVersion::default() {
            edits::put(connection, project, &Edit::Version { version: told.id.clone(), edit }).await?;
        }
    }
    if here.state == State::Trashed && told.state != VersionState::Trashed {
        // It has its number now; the rest of it is not sent while it is in the trash.
        edits::put(connection, project, &Edit::Trash { version: told.id.clone(), trashed: true }).await?;
    }
    Ok(())
}

/// The server tells for the first time of a track that was announced from here: the name it got since, it has not heard of.
async fn queue_unheard_name(
    connection: &mut SqliteConnection,
    project: &ProjectId,
    announced: &TrackId,
    is_now: &TrackId,
) -> StoreResult<()> {
    if tracks::is_announced(connection, announced).await? {
        return Ok(());
    }
    let Some(was) = outbox::announced_name(connection, announced).await? else { return Ok(()) };
    let here = tracks::get(connection, announced).await?;
    let Some(here) = here.filter(|here| here.id == *announced && here.name != was) else { return Ok(()) };
    let queued = edits::of_subject(connection, is_now.as_str()).await?;
    if queued.iter().any(|edit| matches!(edit, Edit::Track { name, .. } if *name == here.name)) {
        return Ok(());
    }
    edits::put(connection, project, &Edit::Track { track: is_now.clone(), name: here.name, was: Some(was) }).await
}

/// Whether a sound copy of every one of these files is here.
async fn holds(connection: &mut SqliteConnection, files: &[VersionFile]) -> StoreResult<bool> {
    for file in files {
        if !blobs::is_here(connection, &file.sha256).await? {
            return Ok(false);
        }
    }
    Ok(!files.is_empty())
}

/// What was edited here and is not told yet stays as it is here: the server hears of it next.
async fn keep_own_edits(connection: &mut SqliteConnection, version: &Version, now: &str) -> StoreResult<()> {
    for edit in edits::of_subject(connection, version.id.as_str()).await? {
        let edit = match edit {
            Edit::Version { edit, .. } => edit,
            Edit::Trash { trashed: true, .. } => {
                trash::put(connection, &version.id, now).await?;
                continue;
            }
            Edit::Trash { trashed: false, .. } => {
                trash::put_back(connection, &version.id).await?;
                continue;
            }
            Edit::Track { .. } => continue,
        };
        if let Some(note) = &edit.note {
            versions::set_note(connection, &version.id, note).await?;
        }
        if let Some(kind) = edit.kind {
            versions::set_kind(connection, &version.id, kind).await?;
        }
        if let Some(claim) = edit.track.filter(|claim| claim.id != version.track) {
            versions::move_to(connection, &version.id, &claim.id).await?;
            versions::renumber_provisional(connection, &claim.id).await?;
        }
    }
    Ok(())
}

fn state_of(state: VersionState) -> State {
    match state {
        VersionState::Announced => State::Announced,
        VersionState::Complete => State::Complete,
        VersionState::Damaged => State::Damaged,
        VersionState::Trashed => State::Trashed,
        VersionState::Purged => State::Purged,
        VersionState::Unknown => State::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(seqs: &[i64], head: i64) -> ChangePage {
        let change = |seq: &i64| Change { seq: *seq, id: seq.to_string(), kind: ChangeKind::Unknown, body: serde_json::Value::Null };
        ChangePage {
            project: ProjectId::from_random([0; 17]),
            epoch: "one".into(),
            head,
            changes: seqs.iter().map(change).collect(),
            more: false,
        }
    }

    #[test]
    fn b13_only_a_page_that_goes_on_exactly_is_acceptable() {
        let place = FeedPlace { epoch: Some("one".into()), cursor: 4, last_change: Some("4".into()) };
        assert_eq!(check_page(&page(&[5, 6, 7], 7), &place), Ok(()));
        assert_eq!(check_page(&page(&[], 4), &place), Ok(()));
        for seqs in [&[5, 5, 6][..], &[5, 7], &[4, 5], &[6], &[6, 5]] {
            assert_eq!(check_page(&page(seqs, 9), &place), Err(PageFault::OutOfOrder), "{seqs:?}");
        }
        assert_eq!(check_page(&page(&[5, 6], 5), &place), Err(PageFault::OutOfOrder), "more than the head");
        let other = FeedPlace { epoch: Some("two".into()), ..place };
        assert_eq!(check_page(&page(&[5], 5), &other), Err(PageFault::OtherEpoch));
    }
}
