//! Partial approval: a set is closed as split and two new ones take its place, each with bytes and a digest of its own. Never a silent
//! subset.

use collabtrack_domain::catalogue::row::Salt;
use collabtrack_domain::change_set::op::Op;
use collabtrack_domain::change_set::revision::{MAX_TITLE_CHARS, Revision};
use collabtrack_domain::change_set::split::split as divide;
use collabtrack_domain::change_set::status::{Status, Verb};
use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::ChangeSetId;
use collabtrack_protocol::approval::{ChangeSetSummary, Split, SplitUp};
use sqlx::PgPool;
use sqlx::postgres::PgConnection;

use super::approve::check_reader;
use super::begin::{Begun, Deciding, begin};
use super::idempotency::{self, Repeatable};
use super::propose::revision_refused;
use super::review::Basis;
use super::rows::{self, ChangeSet, NewChangeSet, Origin};
use crate::audit::{self, Fact};
use crate::error::{Error, invalid};
use crate::random;
use crate::sessions::Session;

/// Divides an open set in two.
/// # Errors
/// 409 when it was edited or decided meanwhile; 422 when a part would be empty or tears a new or deleted row apart.
pub async fn split(
    db: &PgPool,
    session: &Session,
    id: &ChangeSetId,
    body: &Split,
    repeatable: Option<&Repeatable>,
) -> Result<SplitUp, Error> {
    let mut tx = db.begin().await?;
    let Deciding { set, role, sealed, status } = match begin(&mut tx, session, id, Verb::Split, &body.revision_digest, repeatable).await? {
        Begun::Before(answer) => return Ok(answer),
        Begun::Now(deciding) => *deciding,
    };
    let basis = Basis::load_met(&mut tx, &set.project, sealed.revision()).await?;
    check_reader(&basis, role, &sealed)?;
    let keep: Vec<usize> = body.keep.iter().map(|index| *index as usize).collect();
    let (kept, rest) = divide(&sealed.revision().ops, &keep).map_err(|error| invalid("/keep", format!("{error}.")))?;
    rows::decide(&mut tx, id, status, &session.account, None, None).await?;
    rows::tell(&mut tx, &set.project, id, status, set.revision).await?;
    let kept = part(&mut tx, &set, sealed.revision(), kept, 1).await?;
    let rest = part(&mut tx, &set, sealed.revision(), rest, 2).await?;
    let detail = serde_json::json!({"title": sealed.revision().title, "into": [kept.id, rest.id]});
    let fact = Fact::by(&session.account, &session.tag, set.project.as_str(), "change_set.split", id.as_str());
    audit::append(&mut tx, fact.revision(&sealed.digest()).detail(detail)).await?;
    let answer = SplitUp { summary: rows::summary(&mut tx, id).await?, kept, rest };
    idempotency::keep(&mut tx, &session.account, repeatable, &answer).await?;
    tx.commit().await?;
    Ok(answer)
}

/// One of the two: by the same author, on the same base, open.
async fn part(db: &mut PgConnection, whole: &ChangeSet, said: &Revision, ops: Vec<Op>, number: usize) -> Result<ChangeSetSummary, Error> {
    let revision = Revision {
        change_set: ChangeSetId::from_random(random::bytes()),
        nonce: Salt(random::bytes()),
        ops,
        revision: 1,
        title: part_title(&said.title, number),
        ..said.clone()
    };
    let sealed = revision.seal().map_err(|error| revision_refused(&error))?;
    let said = sealed.revision();
    let new = NewChangeSet {
        id: &said.change_set,
        project: &said.project,
        title: &said.title,
        status: Status::Open,
        author: &whole.created_by,
        request_digest: &ObjectHash::of(sealed.bytes()),
        origin: Origin::SplitFrom(&whole.id),
        rows_without_base: whole.rows_without_base,
    };
    rows::insert(db, &new).await?;
    rows::insert_revision(db, &sealed, None).await?;
    rows::tell(db, &said.project, &said.change_set, Status::Open, 1).await?;
    rows::summary(db, &said.change_set).await
}

fn part_title(title: &str, number: usize) -> String {
    let mark = format!(" · part {number}");
    let kept: String = title.chars().take(MAX_TITLE_CHARS - mark.chars().count()).collect();
    format!("{kept}{mark}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_title_of_a_part_is_never_too_long() {
        assert_eq!(part_title("Spring", 1), "Spring · part 1");
        let long = part_title(&"é".repeat(MAX_TITLE_CHARS), 2);
        assert_eq!(long.chars().count(), MAX_TITLE_CHARS);
        assert!(long.ends_with(" · part 2"));
    }
}
