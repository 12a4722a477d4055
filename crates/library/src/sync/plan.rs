//! What to do next, and in which order: pure, without clock, randomness or input. The picture is observed, the plan is derived.

use std::collections::{BTreeMap, BTreeSet};

use collabtrack_domain::id::{ProjectId, VersionId};

use crate::store::outbox::Step;

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Op {
    /// Tell the server of a project.
    CreateProject(ProjectId),
    /// Send the preview of a version.
    SendPreview(VersionId),
    /// Announce a version: it gets its number.
    Announce(VersionId),
    /// Tell the server of an edit, by its number here.
    SendEdit(i64),
    /// Fetch the preview of a version.
    FetchPreview(VersionId),
    /// Send the tables of an announced version.
    SendTables(VersionId),
    /// Fetch the tables of a version.
    FetchTables(VersionId),
    /// Send the original of a version and commit it.
    SendOriginal(VersionId),
    /// Fetch the original of a version.
    FetchOriginal(VersionId),
}

impl Op {
    /// Whether it moves whole originals: everything else goes first.
    #[must_use]
    pub fn is_bulk(&self) -> bool {
        matches!(self, Self::SendOriginal(_) | Self::FetchOriginal(_))
    }
}

/// A project that belongs to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectNode {
    /// Id.
    pub id: ProjectId,
    /// Whether the server has confirmed it.
    pub on_server: bool,
    /// Whether this account may fetch originals.
    pub may_fetch: bool,
    /// Whether this account may add versions.
    pub may_add: bool,
}

/// A version on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutNode {
    /// Version.
    pub version: VersionId,
    /// Project.
    pub project: ProjectId,
    /// Track, only compared.
    pub track: String,
    /// Order of capture.
    pub order: i64,
    /// What is done.
    pub step: Step,
    /// Whether only the user can mend it.
    pub held: bool,
    /// Whether its tables are still to be sent.
    pub wants_tables: bool,
}

/// An edit on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditNode {
    /// Its number here: edits of one project go out in this order.
    pub id: i64,
    /// Project.
    pub project: ProjectId,
    /// Whether only the user can mend it.
    pub held: bool,
}

/// A version that is not wholly here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InNode {
    /// Version.
    pub version: VersionId,
    /// Project.
    pub project: ProjectId,
    /// Track, only compared.
    pub track: String,
    /// Number.
    pub number: i64,
    /// Whether its preview is to be fetched.
    pub wants_preview: bool,
    /// Whether its tables are to be fetched: they draw an original that is not here.
    pub wants_tables: bool,
    /// Whether its original is to be fetched and complete on the server.
    pub wants_original: bool,
}

/// Everything the plan depends on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Picture {
    /// Projects that belong to the server.
    pub projects: Vec<ProjectNode>,
    /// Versions on their way out.
    pub out: Vec<OutNode>,
    /// Edits on their way out.
    pub edits: Vec<EditNode>,
    /// Versions not wholly here.
    pub incoming: Vec<InNode>,
    /// What is being done already.
    pub in_flight: BTreeSet<Op>,
}

/// What to do, most urgent first. Each track is announced in its order of capture; tracks take turns; previews come before originals,
/// and newest versions before older ones where order does not matter.
#[must_use]
pub fn plan(picture: &Picture) -> Vec<Op> {
    let projects: BTreeMap<&ProjectId, &ProjectNode> = picture.projects.iter().map(|project| (&project.id, project)).collect();
    let mut ops: Vec<Op> =
        projects.values().filter(|project| !project.on_server).map(|project| Op::CreateProject(project.id.clone())).collect();
    let sendable = |node: &&OutNode| projects.get(&node.project).is_some_and(|project| project.on_server && project.may_add);
    let fetchable = |node: &&InNode| projects.get(&node.project).is_some_and(|project| project.on_server);
    ops.extend(announcing(picture.out.iter().filter(sendable)));
    let editable = |node: &&EditNode| projects.get(&node.project).is_some_and(|project| project.on_server && project.may_add);
    ops.extend(editing(picture.edits.iter().filter(editable)));
    let mut incoming: Vec<&InNode> = picture.incoming.iter().filter(fetchable).collect();
    let place = newest_first(incoming.iter().map(|node| (node.track.as_str(), node.number, &node.version)));
    incoming.sort_by_key(|node| (place.get(&node.version).copied().unwrap_or(usize::MAX), &node.version));
    ops.extend(incoming.iter().filter(|node| node.wants_preview).map(|node| Op::FetchPreview(node.version.clone())));
    ops.extend(tables(picture.out.iter().filter(sendable)));
    ops.extend(incoming.iter().filter(|node| node.wants_tables).map(|node| Op::FetchTables(node.version.clone())));
    ops.extend(originals(picture.out.iter().filter(sendable)));
    let may_fetch = |node: &&&InNode| projects.get(&node.project).is_some_and(|project| project.may_fetch);
    ops.extend(incoming.iter().filter(|node| node.wants_original).filter(may_fetch).map(|node| Op::FetchOriginal(node.version.clone())));
    ops.retain(|op| !picture.in_flight.contains(op));
    ops
}

/// Per track the first version that is not announced; the tracks in order of that version.
fn announcing<'n>(nodes: impl Iterator<Item = &'n OutNode>) -> Vec<Op> {
    let mut first: BTreeMap<&str, &OutNode> = BTreeMap::new();
    for node in nodes.filter(|node| node.step < Step::Announced) {
        let known = first.entry(&node.track).or_insert(node);
        if (node.order, &node.version) < (known.order, &known.version) {
            *known = node;
        }
    }
    let mut first: Vec<&OutNode> = first.into_values().filter(|node| !node.held).collect();
    first.sort_by_key(|node| (node.order, &node.version));
    first
        .into_iter()
        .filter_map(|node| match node.step {
            Step::PreviewReady => Some(Op::SendPreview(node.version.clone())),
            Step::PreviewSent => Some(Op::Announce(node.version.clone())),
            Step::Captured | Step::Announced | Step::OriginalSending => None,
        })
        .collect()
}

/// Tables of announced versions, in order of capture: they are small, and others draw by them.
fn tables<'n>(nodes: impl Iterator<Item = &'n OutNode>) -> Vec<Op> {
    let mut nodes: Vec<&OutNode> = nodes.filter(|node| node.step >= Step::Announced && node.wants_tables && !node.held).collect();
    nodes.sort_by_key(|node| (node.order, &node.version));
    nodes.into_iter().map(|node| Op::SendTables(node.version.clone())).collect()
}

/// Per project the first edit that is not held; the projects in order of that edit.
fn editing<'n>(nodes: impl Iterator<Item = &'n EditNode>) -> Vec<Op> {
    let mut first: BTreeMap<&ProjectId, i64> = BTreeMap::new();
    for node in nodes.filter(|node| !node.held) {
        let known = first.entry(&node.project).or_insert(node.id);
        *known = node.id.min(*known);
    }
    let mut ids: Vec<i64> = first.into_values().collect();
    ids.sort_unstable();
    ids.into_iter().map(Op::SendEdit).collect()
}

/// Originals of announced versions: the newest of each track first; one that was begun goes on first.
fn originals<'n>(nodes: impl Iterator<Item = &'n OutNode>) -> Vec<Op> {
    let mut nodes: Vec<&OutNode> = nodes.filter(|node| node.step >= Step::Announced && !node.wants_tables && !node.held).collect();
    let place = newest_first(nodes.iter().map(|node| (node.track.as_str(), node.order, &node.version)));
    nodes.sort_by_key(|node| {
        (node.step != Step::OriginalSending, place.get(&node.version).copied().unwrap_or(usize::MAX), -node.order, &node.version)
    });
    nodes.into_iter().map(|node| Op::SendOriginal(node.version.clone())).collect()
}

/// How many newer versions of its track stand before each version.
fn newest_first<'n>(nodes: impl Iterator<Item = (&'n str, i64, &'n VersionId)>) -> BTreeMap<VersionId, usize> {
    let mut tracks: BTreeMap<&str, Vec<(i64, &VersionId)>> = BTreeMap::new();
    for (track, order, version) in nodes {
        tracks.entry(track).or_default().push((order, version));
    }
    let mut place = BTreeMap::new();
    for versions in tracks.values_mut() {
        versions.sort_by(|a, b| b.cmp(a));
        place.extend(versions.iter().enumerate().map(|(index, (_, version))| ((*version).clone(), index)));
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn version(n: u8) -> VersionId {
        VersionId::from_random([n; 17])
    }

    fn project(n: u8, on_server: bool) -> ProjectNode {
        ProjectNode { id: ProjectId::from_random([n; 17]), on_server, may_fetch: true, may_add: true }
    }

    fn out(n: u8, track: &str, step: Step) -> OutNode {
        OutNode {
            version: version(n),
            project: ProjectId::from_random([1; 17]),
            track: track.into(),
            order: i64::from(n),
            step,
            held: false,
            wants_tables: false,
        }
    }

    #[test]
    fn a_project_is_told_before_anything_of_it() {
        let picture = Picture { projects: vec![project(1, false)], out: vec![out(1, "a", Step::PreviewReady)], ..Picture::default() };
        assert_eq!(plan(&picture), [Op::CreateProject(ProjectId::from_random([1; 17]))]);
    }

    #[test]
    fn tracks_announce_in_order_of_capture_and_previews_go_before_originals() {
        let picture = Picture {
            projects: vec![project(1, true)],
            out: vec![
                out(1, "a", Step::Announced),
                out(2, "a", Step::PreviewReady),
                out(3, "a", Step::PreviewReady),
                out(4, "b", Step::PreviewSent),
            ],
            ..Picture::default()
        };
        assert_eq!(plan(&picture), [Op::SendPreview(version(2)), Op::Announce(version(4)), Op::SendOriginal(version(1))]);
    }

    #[test]
    fn tables_follow_the_announcement_and_go_before_their_original() {
        let waiting = OutNode { wants_tables: true, ..out(1, "a", Step::Announced) };
        let picture = Picture {
            projects: vec![project(1, true)],
            out: vec![waiting, out(2, "b", Step::Announced), out(3, "b", Step::PreviewSent)],
            ..Picture::default()
        };
        assert_eq!(plan(&picture), [Op::Announce(version(3)), Op::SendTables(version(1)), Op::SendOriginal(version(2))]);
    }

    #[test]
    fn a_held_version_holds_only_the_announcements_of_its_own_track() {
        let held = OutNode { held: true, ..out(1, "a", Step::PreviewSent) };
        let picture = Picture {
            projects: vec![project(1, true)],
            out: vec![held, out(2, "a", Step::PreviewSent), out(3, "b", Step::PreviewSent)],
            ..Picture::default()
        };
        assert_eq!(plan(&picture), [Op::Announce(version(3))]);
    }

    #[test]
    fn the_newest_of_each_track_comes_first_and_listeners_fetch_no_originals() {
        let incoming = |n: u8, track: &str| InNode {
            version: version(n),
            project: ProjectId::from_random([1; 17]),
            track: track.into(),
            number: i64::from(n),
            wants_preview: true,
            wants_tables: true,
            wants_original: true,
        };
        let mut picture = Picture {
            projects: vec![project(1, true)],
            incoming: vec![incoming(1, "a"), incoming(2, "a"), incoming(3, "b")],
            ..Picture::default()
        };
        let order = |ops: Vec<Op>, wanted: fn(&Op) -> Option<&VersionId>| ops.iter().filter_map(wanted).cloned().collect::<Vec<_>>();
        let previews = order(plan(&picture), |op| if let Op::FetchPreview(id) = op { Some(id) } else { None });
        assert_eq!(previews, [version(2), version(3), version(1)]);
        picture.projects[0].may_fetch = false;
        assert!(plan(&picture).iter().all(|op| !op.is_bulk()));
    }

    fn step(n: u8) -> Step {
        [Step::Captured, Step::PreviewReady, Step::PreviewSent, Step::Announced, Step::OriginalSending][usize::from(n % 5)]
    }

    /// The picture after an operation succeeded.
    fn after(mut picture: Picture, op: &Op) -> Picture {
        match op {
            Op::CreateProject(id) => {
                picture.projects.iter_mut().filter(|project| project.id == *id).for_each(|project| project.on_server = true)
            }
            Op::SendPreview(id) => picture.out.iter_mut().filter(|node| node.version == *id).for_each(|node| node.step = Step::PreviewSent),
            Op::Announce(id) => picture.out.iter_mut().filter(|node| node.version == *id).for_each(|node| node.step = Step::Announced),
            Op::SendOriginal(id) => picture.out.retain(|node| node.version != *id),
            Op::SendEdit(id) => picture.edits.retain(|node| node.id != *id),
            Op::FetchPreview(id) => {
                picture.incoming.iter_mut().filter(|node| node.version == *id).for_each(|node| node.wants_preview = false)
            }
            Op::SendTables(id) => picture.out.iter_mut().filter(|node| node.version == *id).for_each(|node| node.wants_tables = false),
            Op::FetchTables(id) => {
                picture.incoming.iter_mut().filter(|node| node.version == *id).for_each(|node| node.wants_tables = false)
            }
            Op::FetchOriginal(id) => {
                picture.incoming.iter_mut().filter(|node| node.version == *id).for_each(|node| node.wants_original = false)
            }
        }
        picture
    }

    proptest! {
        #[test]
        fn i11_the_plan_is_order_free_idempotent_and_ends(
            outs in proptest::collection::btree_map(0_u8..40, (0_u8..4, 0_u8..5, any::<bool>()), 0..12),
            ins in proptest::collection::btree_map(40_u8..80, (0_u8..4, any::<bool>(), any::<bool>()), 0..12),
            edited in proptest::collection::btree_map(1_i64..20, any::<bool>(), 0..6),
            on_server in any::<bool>(), seed in any::<u64>(), ways in any::<[u64; 2]>(),
        ) {
            let mut picture = Picture { projects: vec![project(1, on_server)], ..Picture::default() };
            picture.out = outs.iter().map(|(n, (track, at, held))| OutNode { held: *held, wants_tables: n % 3 == 0, ..out(*n, &track.to_string(), step(*at)) }).collect();
            picture.incoming = ins.iter().map(|(n, (track, preview, original))| InNode {
                version: version(*n), project: ProjectId::from_random([1; 17]), track: track.to_string(), number: i64::from(*n),
                wants_preview: *preview, wants_tables: n % 2 == 0, wants_original: *original,
            }).collect();
            picture.edits = edited.iter().map(|(id, held)| EditNode { id: *id, project: ProjectId::from_random([1; 17]), held: *held }).collect();
            let ops = plan(&picture);
            prop_assert_eq!(&ops, &plan(&picture));
            let mut shuffled = picture.clone();
            let turn = usize::try_from(seed % 7).expect("small").min(shuffled.out.len());
            shuffled.out.rotate_left(turn);
            shuffled.incoming.reverse();
            prop_assert_eq!(&ops, &plan(&shuffled));
            prop_assert_eq!(ops.len(), ops.iter().collect::<BTreeSet<_>>().len(), "nothing is planned twice");
            // Whatever succeeds first, in the end the same is left: what waits for its user, and what waits for that.
            let ends = ways.map(|way| to_the_end(picture.clone(), way));
            prop_assert_eq!(&ends[0], &ends[1]);
            let Some(rest) = &ends[0] else { return Err(TestCaseError::fail("the plan does not end")) };
            let stops = |node: &OutNode| node.held || node.step == Step::Captured;
            let waits = |node: &OutNode| rest.out.iter().any(|other| other.track == node.track && other.order <= node.order && stops(other));
            prop_assert!(rest.out.iter().all(waits), "what can go out went out: {:?}", rest.out);
            prop_assert!(rest.incoming.iter().all(|node| !(node.wants_preview || node.wants_tables || node.wants_original)));
        }
    }

    /// What is left when one planned operation after another succeeds, in an order that `way` chooses; none when it never ends.
    fn to_the_end(mut picture: Picture, mut way: u64) -> Option<Picture> {
        for _ in 0..200 {
            let ops = plan(&picture);
            if ops.is_empty() {
                return Some(picture);
            }
            way = way.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let chosen = usize::try_from((way >> 33) % ops.len() as u64).expect("small");
            picture = after(picture, &ops[chosen]);
        }
        None
    }
}
