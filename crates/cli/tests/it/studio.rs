//! The embedded studio server on a thread of its own, so that the programs under test run beside it.

use std::path::PathBuf;

use collabtrack_server::config::{Environment, Registration, ServiceConfig};
use collabtrack_server::embedded;

/// A running studio; it ends when dropped.
pub(crate) struct Studio {
    pub(crate) url: String,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
    folder: tempfile::TempDir,
}

impl Studio {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("studio");
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            let settings = Environment::new(std::collections::BTreeMap::new()).and_then(|settings| settings.service(Registration::Open));
            let service = ServiceConfig { listen: ([127, 0, 0, 1], 0).into(), database_connections: 8, ..settings.expect("the defaults") };
            runtime.block_on(async {
                let studio = embedded::start(&data, service).await.expect("the studio starts");
                tell.send(studio.url.clone()).expect("somebody waits for the address");
                let _ = stopped.await;
                studio.stop().await;
            });
        });
        Self { url: told.recv().expect("the studio's address"), stop: Some(stop), thread: Some(thread), folder }
    }

    /// Ends it; what it kept stays until the value is dropped.
    pub(crate) fn end(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }

    /// Where its store receives bodies: without this folder it can keep nothing.
    pub(crate) fn receiving_folder(&self) -> PathBuf {
        self.folder.path().join("studio/store/incoming")
    }
}

impl Drop for Studio {
    fn drop(&mut self) {
        self.end();
    }
}
