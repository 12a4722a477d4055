//! Plain files of a version for somebody without the app: the server signs what it holds whole; the rest is put there from this computer,
//! for a day.

use collabtrack_domain::id::VersionId;
use collabtrack_protocol::uploads::ObjectFormat;
use collabtrack_protocol::versions::{FileCopy, FileRead, Files, WantFiles};

use super::remote::RemoteError;
use super::upload::Outgoing;
use crate::error::{LibraryError, Result};
use crate::library::Library;
use crate::store::{commit, uploads, versions};
use crate::view::PlainFileView;

impl Library {
    /// Addresses that fetch exactly the files of a version, for anybody, for at most a day. What the server holds only as pieces is sent
    /// there whole from this computer first, which fetches the original if it is not here.
    /// # Errors
    /// `Unknown`, `OnlyHere`, `version_incomplete`, `forbidden`, or what the network said.
    pub async fn plain_files(&self, id: &VersionId) -> Result<Vec<PlainFileView>> {
        let version = versions::get(&mut *self.store().read().await?, id).await?;
        let version = version.ok_or_else(|| LibraryError::Unknown { what: "version", id: id.to_string() })?;
        let api = self.api().await?;
        let path = format!("/versions/{}/files", version.id);
        let told: Files = self.heard(api.post(&path, &WantFiles::default()).await)?;
        if told.files.iter().all(|file| file.request.is_some()) {
            return Ok(shown(told.files));
        }
        self.get_original(&version.id).await?;
        let remote = self.remote().await?;
        let files = versions::files(&mut *self.store().read().await?, &version.id).await?;
        let mut copies = Vec::new();
        for (index, file) in (0_u32..).zip(&files) {
            if told.files.iter().any(|known| known.path == file.path && known.request.is_some()) || file.length == 0 {
                continue;
            }
            let outgoing = Outgoing { version: &version, format: ObjectFormat::Temp, file: index, blob: file.sha256, length: file.length };
            self.send(remote.as_ref(), &outgoing, None).await?;
            let upload = uploads::get(&mut *self.store().read().await?, &version.id, ObjectFormat::Temp, index).await?;
            copies.push(FileCopy { path: file.path.clone(), upload: upload.ok_or(RemoteError::StoreRefused { status: 410 })?.id });
        }
        let told: Files = self.heard(api.post(&path, &WantFiles { copies: copies.clone() }).await)?;
        let mut transaction = self.store().write().await?;
        for copy in &copies {
            // Another day it is sent anew.
            uploads::forget(&mut transaction, &copy.upload).await?;
        }
        commit(transaction).await?;
        Ok(shown(told.files))
    }
}

fn shown(files: Vec<FileRead>) -> Vec<PlainFileView> {
    let view = |file: FileRead| {
        let request = file.request?;
        Some(PlainFileView { path: file.path, sha256: file.sha256.to_string(), url: request.url, valid_s: request.expires_in_s })
    };
    files.into_iter().filter_map(view).collect()
}
