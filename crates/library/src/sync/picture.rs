//! The picture the plan is made of: what is to go out, to be edited and to come in, as the database has it.

use std::collections::BTreeSet;

use collabtrack_domain::id::{ProjectId, VersionId};
use collabtrack_domain::role::Action;
use sqlx::SqliteConnection;

use super::plan::{EditNode, InNode, Op, OutNode, Picture, ProjectNode, plan};
use crate::error::Result;
use crate::library::Library;
use crate::store::{edits, outbox, projects, shown};

impl Library {
    /// Whether a preview could go out now.
    pub(crate) async fn preview_waits(&self) -> Result<bool> {
        let picture = self.picture(BTreeSet::new()).await?;
        let now = self.clock().elapsed();
        let waits = self.sync_state().waits();
        Ok(plan(&picture).iter().any(|op| matches!(op, Op::SendPreview(_)) && waits.may(op, now)))
    }

    /// Everything the plan depends on, as the database has it.
    pub(super) async fn picture(&self, in_flight: BTreeSet<Op>) -> Result<Picture> {
        let mut connection = self.store().read().await?;
        let server = self.connection().server.clone();
        let projects = projects::all(&mut connection)
            .await?
            .into_iter()
            .filter(|project| project.server.is_some() && project.server == server && !project.away)
            .map(|project| ProjectNode {
                may_fetch: project.role.is_some_and(|role| role.allows(Action::FetchOriginals)),
                may_add: project.role.is_none_or(|role| role.allows(Action::AddVersions)),
                on_server: project.on_server,
                id: project.id,
            })
            .collect();
        let out = outbox::all(&mut connection).await?.into_iter();
        // What is in the trash is announced, so that its number stays its own, and no more.
        let out = out.filter(|entry| entry.has_server && !(entry.trashed && entry.step >= outbox::Step::Announced));
        let out = out
            .map(|entry| OutNode {
                held: entry.held.is_some(),
                version: entry.version,
                project: entry.project,
                track: entry.track,
                order: entry.order,
                step: entry.step,
                wants_tables: !entry.tables_done,
            })
            .collect();
        let edits = edits::all(&mut connection).await?.into_iter();
        let edits = edits.map(|entry| EditNode { id: entry.id, project: entry.project, held: entry.held.is_some() }).collect();
        let incoming = incoming(&mut connection).await?;
        drop(connection);
        let incoming = self.wanted_here(incoming).await?;
        Ok(Picture { projects, out, edits, incoming, in_flight })
    }

    /// Leaves out the originals that the policies of their projects or the budget of the disk do not want here.
    async fn wanted_here(&self, mut nodes: Vec<InNode>) -> Result<Vec<InNode>> {
        if nodes.iter().any(|node| node.wants_original) {
            let wanted = self.decide_keeping().await?.wanted;
            nodes.iter_mut().for_each(|node| node.wants_original &= wanted.contains(&node.version));
        }
        Ok(nodes)
    }

    /// Versions of which something is still to be fetched.
    pub(crate) async fn fetching(&self, connection: &mut SqliteConnection) -> Result<i64> {
        let roles: std::collections::HashMap<ProjectId, bool> = projects::all(connection)
            .await?
            .into_iter()
            .map(|project| (project.id, project.role.is_some_and(|role| role.allows(Action::FetchOriginals))))
            .collect();
        let nodes = self.wanted_here(incoming(connection).await?).await?;
        let open = nodes
            .iter()
            .filter(|node| node.wants_preview || node.wants_tables || (node.wants_original && roles.get(&node.project) == Some(&true)));
        Ok(i64::try_from(open.count()).unwrap_or(i64::MAX))
    }
}

async fn incoming(connection: &mut SqliteConnection) -> Result<Vec<InNode>> {
    let mut nodes = Vec::new();
    for row in shown::incomplete(connection).await? {
        nodes.push(InNode {
            version: VersionId::parse(&row.id)?,
            project: ProjectId::parse(&row.project)?,
            track: row.track,
            number: row.number,
            wants_preview: row.wants_preview == 1,
            wants_tables: row.has_tables == 1 && row.wants_original == 1,
            wants_original: row.wants_original == 1 && row.state == "complete",
        });
    }
    Ok(nodes)
}
