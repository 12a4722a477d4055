//! Comments on versions: written at once on this computer, sent when the server is there and the version has its number.

use collabtrack_domain::id::{CommentId, TrackId, VersionId};
use collabtrack_domain::role::Action;
use collabtrack_protocol::comments::{AddComment, SettleComment};
use collabtrack_protocol::limits::{MAX_COMMENT_CHARS, MAX_POSITION_MS};

use crate::clock;
use crate::error::{LibraryError, Result};
use crate::library::Library;
use crate::record::random_bits;
use crate::store::{comments, commit, projects, tracks, versions};
use crate::sync::remote::{Remote, RemoteError};
use crate::view::CommentView;

impl Library {
    /// The comments on every version of a track, in the order of the music.
    /// # Errors
    /// `Unknown` track.
    pub async fn comments(&self, track: &TrackId) -> Result<Vec<CommentView>> {
        let mut connection = self.store().read().await?;
        let known = tracks::get(&mut connection, track).await?;
        let known = known.ok_or_else(|| LibraryError::Unknown { what: "track", id: track.to_string() })?;
        let rows = comments::of_track(&mut connection, &known.id).await?;
        drop(connection);
        Ok(rows.into_iter().map(|row| self.comment_view(row)).collect())
    }

    /// Writes a comment at a point, or over a range, of a version. It is there at once, and sent by itself.
    /// # Errors
    /// `Unknown` version or comment answered, `Invalid` text or place, and where the role may not comment.
    pub async fn add_comment(
        &self,
        version: &VersionId,
        from_ms: i64,
        to_ms: Option<i64>,
        text: &str,
        reply_to: Option<&CommentId>,
    ) -> Result<CommentView> {
        check(from_ms, to_ms, text)?;
        let (author, name) = {
            let connection = self.connection();
            let account = connection.account.as_ref();
            (account.map(|account| account.0.to_string()), account.map_or_else(|| "You".to_owned(), |account| account.1.clone()))
        };
        let id = CommentId::from_random(random_bits());
        let now = clock::text(self.clock().now());
        let mut transaction = self.store().write().await?;
        let known = versions::get(&mut transaction, version).await?;
        let known = known.ok_or_else(|| LibraryError::Unknown { what: "version", id: version.to_string() })?;
        let project = projects::get(&mut transaction, &known.project).await?;
        if project.and_then(|project| project.role).is_some_and(|role| !role.allows(Action::Comment)) {
            return Err(LibraryError::Invalid { what: "Your role in this project listens; ask an admin if you should comment.".into() });
        }
        if let Some(answered) = reply_to {
            let answered = comments::get(&mut transaction, answered).await?;
            if answered.is_none_or(|answered| answered.version != known.id.as_str() || answered.reply_to.is_some()) {
                return Err(LibraryError::Invalid {
                    what: "An answer belongs to a comment of the same version that is no answer itself.".into(),
                });
            }
        }
        let new = comments::New {
            id: &id,
            project: &known.project,
            version: &known.id,
            from_ms,
            to_ms,
            text: text.trim(),
            reply_to,
            author: (author.as_deref(), &name),
            made_at: &now,
        };
        comments::add(&mut transaction, &new).await?;
        commit(transaction).await?;
        self.comment_changed(&id).await
    }

    /// Settles a comment, or opens it again.
    /// # Errors
    /// `Unknown` comment; `Invalid` for an answer.
    pub async fn settle_comment(&self, id: &CommentId, resolved: bool) -> Result<CommentView> {
        let name = self.connection().account.as_ref().map_or_else(|| "You".to_owned(), |account| account.1.clone());
        let mut transaction = self.store().write().await?;
        let known = comments::get(&mut transaction, id).await?;
        let known = known.ok_or_else(|| LibraryError::Unknown { what: "comment", id: id.to_string() })?;
        if known.reply_to.is_some() {
            return Err(LibraryError::Invalid { what: "An answer is settled with the comment it answers; settle that one.".into() });
        }
        if known.resolved != resolved {
            comments::settle(&mut transaction, id, resolved, &name).await?;
        }
        commit(transaction).await?;
        self.comment_changed(id).await
    }

    async fn comment_changed(&self, id: &CommentId) -> Result<CommentView> {
        let row = comments::get(&mut *self.store().read().await?, id).await?;
        let row = row.ok_or_else(|| LibraryError::Unknown { what: "comment", id: id.to_string() })?;
        self.changed();
        self.wake_sync();
        Ok(self.comment_view(row))
    }

    fn comment_view(&self, row: comments::Row) -> CommentView {
        let own = self.connection().account.as_ref().map(|account| account.0.to_string());
        CommentView {
            is_yours: row.author_id.is_none() || row.author_id == own,
            id: row.id,
            track: row.track,
            version: row.version,
            version_number: row.number,
            from_ms: row.from_ms,
            to_ms: row.to_ms,
            text: row.text,
            reply_to: row.reply_to,
            author: row.author_name,
            made_at: row.made_at,
            resolved: row.resolved,
            resolved_by: row.resolved_by,
            is_sent: !row.unsent && !row.unsettled,
            problem: row.held,
        }
    }

    /// Open comments on a track's versions, not the answers.
    pub(crate) async fn open_comments(&self, track: &TrackId) -> Result<Vec<CommentView>> {
        let all = self.comments(track).await?;
        Ok(all.into_iter().filter(|comment| comment.reply_to.is_none() && !comment.resolved).collect())
    }

    /// Tells the server of comments it does not have, in their order; whether any went out. One that it refuses is held, the rest go on.
    pub(crate) async fn send_comments(&self, remote: &dyn Remote) -> Result<bool> {
        let waiting = comments::to_send(&mut *self.store().read().await?).await?;
        let mut sent = false;
        for row in waiting {
            match self.send_comment(remote, &row).await {
                Ok(()) => sent = true,
                Err(LibraryError::Remote(RemoteError::Refused(problem))) => {
                    tracing::info!(comment.id = row.id, code = ?problem.code, "a comment was refused and is held");
                    let mut transaction = self.store().write().await?;
                    comments::hold(&mut transaction, &row.id, &crate::error::sentence(&problem.detail)).await?;
                    commit(transaction).await?;
                }
                Err(error) => return Err(error),
            }
            self.changed();
        }
        Ok(sent)
    }

    async fn send_comment(&self, remote: &dyn Remote, row: &comments::Row) -> Result<()> {
        let (id, version) = (CommentId::parse(&row.id)?, VersionId::parse(&row.version)?);
        let project = collabtrack_domain::id::ProjectId::parse(&row.project)?;
        self.sync_state().answered().changed(&project);
        if row.unsent {
            let body = AddComment {
                comment: id.clone(),
                from_ms: row.from_ms,
                to_ms: row.to_ms,
                text: row.text.clone(),
                reply_to: row.reply_to.as_deref().map(CommentId::parse).transpose()?,
                made_at: row.made_at.clone(),
            };
            let told = self.heard(remote.add_comment(&version, &body).await)?;
            let mut transaction = self.store().write().await?;
            comments::told(&mut transaction, &project, &told).await?;
            commit(transaction).await?;
        }
        if row.unsettled {
            self.heard(remote.settle_comment(&id, &SettleComment { resolved: row.resolved }).await)?;
            let mut transaction = self.store().write().await?;
            comments::settled(&mut transaction, &id, row.resolved).await?;
            commit(transaction).await?;
        }
        Ok(())
    }
}

fn check(from_ms: i64, to_ms: Option<i64>, text: &str) -> Result<()> {
    let invalid = |what: String| Err(LibraryError::Invalid { what });
    let count = text.trim().chars().count();
    if !(1..=MAX_COMMENT_CHARS).contains(&count) {
        return invalid(format!("A comment has 1 to {MAX_COMMENT_CHARS} characters, this one has {count}."));
    }
    if text.chars().any(|character| character.is_control() && !matches!(character, '\n' | '\t')) {
        return invalid("A comment holds no control characters. Type it again.".into());
    }
    let inside = |ms: i64| (0..=MAX_POSITION_MS).contains(&ms);
    if !inside(from_ms) || to_ms.is_some_and(|to| !inside(to) || to <= from_ms) {
        return invalid("A comment starts inside the music, and a range ends after its start.".into());
    }
    Ok(())
}
