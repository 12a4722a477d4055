//! Catalogue states read lately. Deciding about a large catalogue judges every row of it; from here the rows that did not change since
//! the last decision need not be read anew.
//!
//! Nothing is right because it is kept here: a head is a hash over every row and the whole past, so that a kept state with the head that
//! the database names now *is* the current state, whichever instance made it. An older one is brought up to date with the rows written
//! since, and used only when it comes to the state hash that the database names; anything else is read whole. Emptying this costs time,
//! never an answer.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use collabtrack_domain::catalogue::row::{Catalogue, RowId};
use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::ProjectId;
use sqlx::postgres::PgConnection;

use super::rows::{self, Snapshot};
use crate::error::Error;

/// Most cells kept, of all projects together.
const MOST_CELLS: usize = 2_000_000;

/// The states of an instance: one for each project, the newest use first.
#[derive(Debug, Default)]
pub struct Recent(Mutex<Vec<(ProjectId, Arc<Snapshot>)>>);

impl Recent {
    /// The current state of a project's catalogue.
    pub(crate) async fn load(&self, db: &mut PgConnection, project: &ProjectId) -> Result<Arc<Snapshot>, Error> {
        let now = rows::current(db, project).await?;
        if let Some(known) = self.find(project) {
            if known.head == now.head {
                return Ok(known);
            }
            if let Some(followed) = follow(db, project, &known).await?
                && followed.head == now.head
                && followed.catalogue.state() == Some(now.state)
            {
                let followed = Arc::new(followed);
                self.keep(project, &followed);
                return Ok(followed);
            }
        }
        let whole = Arc::new(rows::load(db, project).await?);
        // Outside of the project's lock rows and head may be read at two moments: only what belongs together is kept.
        if whole.head == now.head && whole.catalogue.state() == Some(now.state) {
            self.keep(project, &whole);
        }
        Ok(whole)
    }

    fn find(&self, project: &ProjectId) -> Option<Arc<Snapshot>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.iter().position(|(id, _)| id == project)?;
        kept[..=place].rotate_right(1);
        Some(Arc::clone(&kept[0].1))
    }

    /// Keeps a committed state in place of an earlier one; what was used longest ago goes when there are too many cells.
    pub(crate) fn keep(&self, project: &ProjectId, snapshot: &Arc<Snapshot>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(id, _)| id != project);
        kept.insert(0, (project.clone(), Arc::clone(snapshot)));
        let mut cells = 0;
        kept.retain(|(_, snapshot)| {
            cells += snapshot.catalogue.rows().iter().map(|row| row.cells().len()).sum::<usize>();
            cells <= MOST_CELLS
        });
    }
}

/// The state that follows from `known` by the rows written since; nothing when `known` is no state of this project's past.
async fn follow(db: &mut PgConnection, project: &ProjectId, known: &Snapshot) -> Result<Option<Snapshot>, Error> {
    if rows::head_facts(db, project, &known.head).await?.is_none_or(|(number, _)| number != known.number) {
        return Ok(None);
    }
    let gone = rows::gone_since(db, project, known.number).await?;
    let written = rows::load_since(db, project, known.number).await?;
    Ok(followed(known, written, &gone))
}

/// `known` without rows that went and with the current state of those that were written since, in the order of approval.
fn followed(known: &Snapshot, written: Snapshot, gone: &HashSet<RowId>) -> Option<Snapshot> {
    let added: HashMap<&RowId, i64> = written.added.iter().map(|(row, number)| (row, *number)).collect();
    // A row that went and came back stands where it came back.
    let mut states = Vec::with_capacity(known.catalogue.rows().len() + added.len());
    let mut since = Vec::with_capacity(states.capacity());
    for (row, (id, number)) in known.catalogue.rows().iter().zip(&known.added) {
        match added.get(id) {
            None if gone.contains(id) => {}
            None => {
                states.push(row.clone());
                since.push((id.clone(), *number));
            }
            Some(again) if again == number => {
                states.push(written.catalogue.row(id)?.clone());
                since.push((id.clone(), *number));
            }
            Some(_) => {}
        }
    }
    for (row, (id, number)) in written.catalogue.rows().iter().zip(&written.added).filter(|(_, (_, number))| *number > known.number) {
        states.push(row.clone());
        since.push((id.clone(), *number));
    }
    let catalogue = Catalogue::new(written.catalogue.schema().clone(), states).ok()?;
    Some(Snapshot { catalogue, head: written.head, number: written.number, added: since })
}

/// The head of a project, and the state hash that it names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Current {
    pub(crate) head: ObjectHash,
    pub(crate) state: ObjectHash,
}

#[cfg(test)]
mod tests {
    use collabtrack_domain::catalogue::cells::CellValue;
    use collabtrack_domain::catalogue::row::{Row, RowContent, Salt, no_parent};
    use collabtrack_domain::catalogue::schema::default_schema;
    use collabtrack_domain::change_set::merge::Changes;
    use collabtrack_domain::id::TrackId;

    use super::*;

    fn id(number: u8) -> RowId {
        TrackId::from_random([number; 17]).into()
    }

    fn content(number: u8, title: &str) -> RowContent {
        RowContent::new(id(number), [("title", CellValue::text(title))].into_iter().collect())
    }

    /// A state of rows 1 to `count`, all of them from its beginning.
    fn first(count: u8) -> Snapshot {
        let rows: Vec<Row> = (1..=count).map(|number| Row::seal(content(number, "Song"), Salt([number; 16]))).collect();
        let added = rows.iter().map(|row| (row.id().clone(), 1)).collect();
        let catalogue = Catalogue::new(default_schema(), rows).expect("ids once");
        let head = catalogue.head(&no_parent()).expect("sealed");
        Snapshot { catalogue, head, number: 1, added }
    }

    fn next(before: &Snapshot, upserts: Vec<RowContent>, deleted: Vec<RowId>) -> Snapshot {
        let mut salt = u8::try_from(before.number).expect("small") * 20 + 100;
        let mut fresh = || {
            salt = salt.wrapping_add(1);
            Salt([salt; 16])
        };
        let catalogue = before.catalogue.with(&Changes { schema: None, upserts, deleted }, &mut fresh);
        let head = catalogue.head(&before.head).expect("sealed");
        before.followed_by(catalogue, head, before.number + 1)
    }

    /// What the database would give of `now` for the rows written after `since`.
    fn written(now: &Snapshot, before: &Snapshot) -> Snapshot {
        let is_new = |row: &&Row| before.catalogue.row(row.id()).is_none_or(|known| known.rev() != row.rev());
        let rows: Vec<Row> = now.catalogue.rows().iter().filter(is_new).cloned().collect();
        let added = now.added.iter().filter(|(id, _)| rows.iter().any(|row| row.id() == id)).cloned().collect();
        Snapshot { catalogue: Catalogue::new(default_schema(), rows).expect("ids once"), head: now.head, number: now.number, added }
    }

    #[test]
    fn rows_written_since_lead_from_a_kept_state_to_the_one_that_reading_everything_gives() {
        let kept = first(5);
        let second = next(&kept, vec![content(2, "Rain"), content(9, "New")], vec![id(4), id(1)]);
        // Row 4 comes back behind all others; row 1 stays away.
        let third = next(&second, vec![content(4, "Song"), content(2, "Rain again")], Vec::new());
        for now in [&second, &third] {
            let gone = HashSet::from([id(4), id(1)]);
            let found = followed(&kept, written(now, &kept), &gone).expect("it follows");
            assert_eq!((found.catalogue.state(), found.head, found.number), (now.catalogue.state(), now.head, now.number));
            let ids = |snapshot: &Snapshot| snapshot.catalogue.rows().iter().map(|row| row.id().clone()).collect::<Vec<_>>();
            assert_eq!((ids(&found), &found.added), (ids(now), &now.added), "the same order, added by the same states");
        }
    }

    #[test]
    fn one_state_of_a_project_is_kept_and_what_was_used_longest_ago_goes_first() {
        let project = |number: u8| ProjectId::from_random([number; 17]);
        let recent = Recent::default();
        let (old, new) = (Arc::new(first(2)), Arc::new(first(3)));
        recent.keep(&project(1), &old);
        recent.keep(&project(1), &new);
        assert_eq!(recent.find(&project(1)).expect("kept").head, new.head);
        assert!(recent.find(&project(2)).is_none());
        let most = recent.0.lock().expect("free").len();
        assert_eq!(most, 1);
    }
}
