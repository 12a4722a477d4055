//! Instances that keep what they read lately judge as one that reads everything anew.

use collabtrack_domain::catalogue::cells::{CellValue, Cells};
use collabtrack_domain::catalogue::row::{ApprovedVersion, Rev, RowId};
use collabtrack_domain::catalogue::schema::Schema;
use collabtrack_domain::change_set::op::{DeletedRow, Op};
use collabtrack_domain::id::{ChangeSetId, ProjectId, TrackId};
use collabtrack_protocol::approval::{Approved, ChangeSetDetail};
use collabtrack_protocol::catalogue::{Catalogue, CatalogueRow};
use collabtrack_server::random;
use serde_json::Value;

use crate::support::proposals::{Studio, approval, catalogue, detail, propose, studio};
use crate::support::{Person, Server};

/// A small seeded generator.
struct Seed(u64);

impl Seed {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("small") % limit.max(1)
    }
}

fn cells(row: &CatalogueRow) -> Cells {
    row.cells.iter().map(|(name, value)| (name.as_str(), serde_json::from_value(value.clone()).expect("a value"))).collect()
}

fn set(row: &CatalogueRow, field: &str, to: &str) -> Op {
    let from = cells(row).get(field).cloned();
    Op::set(&RowId::parse(&row.id).expect("an id"), Rev::parse(&row.rev).expect("a token"), field, from, Some(CellValue::text(to)))
}

fn gone(row: &CatalogueRow) -> Op {
    let approved: Option<ApprovedVersion> = None;
    Op::delete(&RowId::parse(&row.id).expect("an id"), Rev::parse(&row.rev).expect("a token"), DeletedRow { approved, cells: cells(row) })
}

fn added(id: TrackId, title: &str, isrc: &str) -> Op {
    Op::TrackAdd { row: id, cells: [("title", CellValue::text(title)), ("isrc", CellValue::text(isrc))].into_iter().collect() }
}

/// Something somebody might propose: rows made, edited and taken out, some against the rules, now and then a row that comes back.
fn something(seed: &mut Seed, now: &Catalogue, graves: &mut Vec<TrackId>, round: usize) -> Vec<Op> {
    let isrc = |seed: &mut Seed| format!("USS1Z99{:05}", seed.below(12));
    let mut ops = Vec::new();
    let at = seed.below(now.rows.len().max(1));
    for (place, row) in now.rows.iter().cycle().skip(at).take(now.rows.len()).enumerate() {
        match (place, seed.below(4)) {
            (0, 0) if now.rows.len() > 3 => {
                graves.push(TrackId::parse(&row.id).expect("a track"));
                ops.push(gone(row));
            }
            (0..3, 1) => ops.push(set(row, "isrc", &isrc(seed))),
            (0..3, _) => ops.push(set(row, "label", &format!("Label {round}"))),
            _ => break,
        }
    }
    let here: Vec<&str> = now.rows.iter().map(|row| row.id.as_str()).collect();
    for number in 0..seed.below(3) {
        let back = graves.iter().position(|grave| !here.contains(&grave.as_str())).filter(|_| number == 0 && seed.below(2) == 0);
        let id = back.map_or_else(|| TrackId::from_random(random::bytes()), |back| graves.remove(back));
        let going = ops.iter().any(|op| op.row().is_some_and(|row| row.as_str() == id.as_str()));
        if !going {
            ops.push(added(id, &format!("Song {round}-{number}"), &isrc(seed)));
        }
    }
    if ops.is_empty() {
        ops.push(added(TrackId::from_random(random::bytes()), &format!("Song {round}"), &isrc(seed)));
    }
    ops
}

async fn other_columns(owner: &Person, project: &ProjectId) -> Op {
    let mut document: Value = owner.get(&format!("/projects/{project}/schema")).await.ok();
    let from = Schema::from_value(&document).expect("a schema").hash();
    document["tables"]["tracks"]["fields"].as_array_mut().expect("fields").push(serde_json::json!({"name": "mood", "type": "text"}));
    Op::SchemaChange { from, to: document }
}

/// What an instance that has read nothing yet says of a proposal.
async fn read_anew(server: &Server, owner: &Person, id: &ChangeSetId) -> ChangeSetDetail {
    let fresh = server.another_instance().await;
    let told = detail(&Person { server: fresh.url.clone(), ..owner.clone() }, id).await;
    fresh.stop().await;
    told
}

#[tokio::test]
async fn instances_that_decide_by_turns_judge_as_one_that_reads_everything_anew() {
    let Studio { server, owner, project, .. } = studio().await;
    let other = server.another_instance().await;
    let sides = [owner.clone(), Person { server: other.url.clone(), ..owner.clone() }];
    let mut seed = Seed(20_261_122);
    let mut graves = Vec::new();
    let (mut approved, mut refused, mut returned) = (0, 0, 0);
    for round in 0..40 {
        let now = catalogue(&owner, &project).await;
        let before = graves.len();
        let ops = if round == 20 { vec![other_columns(&owner, &project).await] } else { something(&mut seed, &now, &mut graves, round) };
        returned += usize::from(graves.len() < before);
        let id = propose(&owner, &project, &ops).await;
        let told = read_anew(&server, &owner, &id).await;
        // Whoever decides next may have seen the state before last.
        let side = &sides[seed.below(2)];
        assert_eq!(detail(side, &id).await, told, "round {round}");
        let answer = side.post(&format!("/change-sets/{id}/approve"), &approval(&told)).await;
        if told.effect_digest.is_some() {
            let answer: Approved = answer.ok();
            assert_eq!(answer.catalogue_number, now.number + 1, "round {round}");
            approved += 1;
        } else {
            assert!(!told.problems.is_empty() && answer.status.is_client_error(), "round {round}: {}", answer.text());
            refused += 1;
        }
        if round % 7 == 0 {
            for side in &sides {
                let set = propose(side, &project, &[added(TrackId::from_random(random::bytes()), "Both look", "USS1Z9999999")]).await;
                let anew = read_anew(&server, &owner, &set).await;
                for side in &sides {
                    assert_eq!(detail(side, &set).await, anew, "round {round}");
                }
            }
        }
    }
    assert!(approved > 10 && refused > 3 && returned > 0, "{approved} approved, {refused} refused, {returned} came back");
    other.stop().await;
    server.stop().await;
}
