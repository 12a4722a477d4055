//! The handle: what every part of the library shares, and starting and stopping the background work.

use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use collabtrack_audio::cancel::Cancel;
use collabtrack_domain::id::AccountId;
use tokio::sync::{Notify, broadcast};
use tokio::task::JoinHandle;

use crate::clock::{Clock, SystemClock};
use crate::connection::Connection;
use crate::content_store::ContentStore;
use crate::credentials::{CredentialChoice, Credentials};
use crate::error::{LibraryError, Result};
use crate::store::settings::{self, Setting};
use crate::store::{Store, commit};
use crate::view::{AppEvent, RootState};
use crate::watch::debounce::Look;
use crate::watch::look::{Candidates, Looked};
use crate::watch::settle::Patience;
use crate::watch::worker;

const EVENTS_KEPT: usize = 256;

/// Everything that opening a library needs to know.
#[derive(Clone)]
pub struct LibraryOptions {
    /// Folder of the library; made when it is not there.
    pub dir: PathBuf,
    /// Where the session token is kept.
    pub credentials: CredentialChoice,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// How patient capture is with files that other programs write.
    pub patience: Patience,
    /// Address of a server to offer on the connect screen.
    pub suggested_server: Option<String>,
    /// A server in place of the one over HTTP: for driving the sync engine without a network.
    pub remote: Option<Arc<dyn crate::sync::remote::Remote>>,
    /// How often the server is asked for changes when it gives no hints.
    pub poll: std::time::Duration,
    /// What goes wrong with the disk by a test's script.
    pub faults: crate::faults::Faults,
}

impl LibraryOptions {
    /// The choices of the desktop app: the system's keyring and clock, patience as designed.
    #[must_use]
    pub fn new(dir: PathBuf) -> Self {
        Self {
            dir,
            credentials: CredentialChoice::System,
            clock: Arc::new(SystemClock::default()),
            patience: Patience::default(),
            suggested_server: None,
            remote: None,
            poll: std::time::Duration::from_secs(30),
            faults: crate::faults::Faults::default(),
        }
    }
}

struct Inner {
    options: LibraryOptions,
    store: Store,
    content: ContentStore,
    credentials: Credentials,
    connection: Mutex<Connection>,
    candidates: Mutex<Candidates>,
    looking: tokio::sync::Mutex<()>,
    events: broadcast::Sender<AppEvent>,
    revision: AtomicI64,
    look_wanted: Notify,
    previews_wanted: Notify,
    sync_wanted: Notify,
    cancel: Cancel,
    working: Mutex<Option<File>>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    sync: crate::sync::SyncState,
    imports: Mutex<crate::catalogue::imports::Imports>,
    catalogue: crate::catalogue::Latest,
    proposals: Mutex<std::collections::BTreeMap<String, PathBuf>>,
    playing: Mutex<std::collections::BTreeSet<collabtrack_domain::id::VersionId>>,
}

/// The local library. Clones share it.
#[derive(Clone)]
pub struct Library(Arc<Inner>);

impl Library {
    /// Opens or makes the library; nothing runs yet.
    /// # Errors
    /// When its folder or database cannot be used; nothing was changed then.
    pub async fn open(options: LibraryOptions) -> Result<Self> {
        std::fs::create_dir_all(&options.dir).map_err(|error| LibraryError::file("make", &options.dir, error))?;
        let store = Store::open(&options.dir).await?;
        let content = ContentStore::open_with(&options.dir, options.faults.clone())?;
        let credentials = Credentials::open(options.credentials.clone(), &options.dir).await?;
        let mut connection = Connection::load(&store).await?;
        if options.remote.is_some() {
            connection.stand_in();
        }
        let (events, _) = broadcast::channel(EVENTS_KEPT);
        let library = Self(Arc::new(Inner {
            store,
            content,
            credentials,
            connection: Mutex::new(connection),
            candidates: Mutex::default(),
            looking: tokio::sync::Mutex::default(),
            events,
            revision: AtomicI64::new(1),
            look_wanted: Notify::new(),
            previews_wanted: Notify::new(),
            sync_wanted: Notify::new(),
            cancel: Cancel::default(),
            working: Mutex::default(),
            tasks: Mutex::default(),
            sync: crate::sync::SyncState::default(),
            imports: Mutex::default(),
            catalogue: crate::catalogue::Latest::default(),
            proposals: Mutex::default(),
            playing: Mutex::default(),
            options,
        }));
        let mut transaction = library.store().write().await?;
        settings::set(&mut transaction, Setting::AppVersion, Some(env!("CARGO_PKG_VERSION"))).await?;
        commit(transaction).await?;
        library.apply_limits().await?;
        Ok(library)
    }

    /// Starts watching, capturing and syncing in the background.
    /// # Errors
    /// `InUse` when another program works with this library.
    pub async fn start(&self) -> Result<()> {
        self.work_alone().await?;
        self.content().sweep();
        let tasks = [
            tokio::spawn(worker::run(self.clone())),
            tokio::spawn(crate::previews::run(self.clone())),
            tokio::spawn(crate::sync::worker::run(self.clone())),
        ];
        self.0.tasks.lock().expect("nobody panics while holding the tasks").extend(tasks);
        Ok(())
    }

    /// Stops the background work; whatever is unfinished goes on at the next start.
    pub async fn shutdown(&self) {
        self.0.cancel.cancel();
        let tasks = std::mem::take(&mut *self.0.tasks.lock().expect("nobody panics while holding the tasks"));
        for task in &tasks {
            task.abort();
        }
        for task in tasks {
            if let Err(error) = task.await
                && error.is_panic()
            {
                tracing::error!(%error, "a background task had failed");
            }
        }
        self.0.store.close().await;
        drop(self.0.working.lock().expect("nobody panics while holding the lock file").take());
    }

    /// Looks at every watched folder once and captures what is finished; makes missing previews.
    /// # Errors
    /// `InUse`, or what went wrong; files that cannot be taken are candidates, not errors.
    pub async fn scan_once(&self) -> Result<Looked> {
        self.work_alone().await?;
        let looked = self.look(Look { everything: true, ..Look::default() }).await?;
        self.make_previews().await?;
        Ok(looked)
    }

    /// Looks at what events told of, as the background task does: for driving the library by hand.
    /// # Errors
    /// As [`Library::scan_once`].
    #[cfg(any(test, feature = "testing"))]
    pub async fn scan_look(&self, look: Look) -> Result<Looked> {
        self.work_alone().await?;
        self.look(look).await
    }

    /// Holds the database as another program that writes would.
    /// # Errors
    /// What the database said.
    #[cfg(any(test, feature = "testing"))]
    pub async fn hold_database(&self) -> Result<impl Drop> {
        Ok(self.store().write().await?)
    }

    /// Looks again and again until every file that settles was taken; files that wait for something else are left as candidates.
    /// # Errors
    /// As [`Library::scan_once`].
    pub async fn scan_until_settled(&self) -> Result<Looked> {
        let mut whole = Looked::default();
        loop {
            let looked = self.scan_once().await?;
            whole.captured.extend(looked.captured);
            whole.identical += looked.identical;
            (whole.settling, whole.waiting, whole.next) = (looked.settling, looked.waiting, looked.next);
            if looked.settling == 0 {
                return Ok(whole);
            }
            let pause = looked.next.map(|at| at.saturating_sub(self.clock().elapsed())).unwrap_or_default();
            tokio::time::sleep(pause.max(std::time::Duration::from_millis(20))).await;
        }
    }

    /// Two programs that work with one library could record an export twice: the first one works, the second is told.
    pub(crate) async fn work_alone(&self) -> Result<()> {
        if self.take_lock()?
            && let Err(error) = self.begin_generation().await
        {
            // Not begun: the next try has to begin it.
            drop(self.0.working.lock().expect("nobody panics while holding the lock file").take());
            return Err(error);
        }
        Ok(())
    }

    /// Whether the lock was free and is now ours; false when it was ours already.
    fn take_lock(&self) -> Result<bool> {
        let mut working = self.0.working.lock().expect("nobody panics while holding the lock file");
        if working.is_some() {
            return Ok(false);
        }
        let path = self.0.options.dir.join("library.lock");
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|error| LibraryError::file("open", &path, error))?;
        match file.try_lock() {
            Ok(()) => {
                *working = Some(file);
                Ok(true)
            }
            Err(std::fs::TryLockError::WouldBlock) => Err(LibraryError::InUse { folder: self.0.options.dir.clone() }),
            Err(std::fs::TryLockError::Error(error)) => Err(LibraryError::file("lock", &path, error)),
        }
    }

    /// What happens in the library, from now on.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<AppEvent> {
        self.0.events.subscribe()
    }

    /// Tells every listener; that nobody listens is fine.
    pub(crate) fn tell(&self, event: AppEvent) {
        if self.0.events.send(event).is_err() {
            tracing::trace!("nobody listens to the library's events");
        }
    }

    fn next_revision(&self) -> i64 {
        self.0.revision.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Rises with every change.
    pub(crate) fn revision(&self) -> i64 {
        self.0.revision.load(Ordering::Acquire)
    }

    /// Projects, tracks, versions or candidates changed.
    pub(crate) fn changed(&self) {
        let revision = self.next_revision();
        self.tell(AppEvent::Library { revision });
    }

    /// Connection or syncing changed.
    pub(crate) fn sync_changed(&self) {
        let revision = self.next_revision();
        self.tell(AppEvent::Sync { revision });
    }

    /// Catalogue, change sets or members of a project changed.
    pub(crate) fn project_changed(&self, project: &collabtrack_domain::id::ProjectId) {
        let revision = self.next_revision();
        self.tell(AppEvent::Project { project: project.to_string(), revision });
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn content(&self) -> &ContentStore {
        &self.0.content
    }

    pub(crate) fn credentials(&self) -> &Credentials {
        &self.0.credentials
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.0.options.clock
    }

    pub(crate) fn options(&self) -> &LibraryOptions {
        &self.0.options
    }

    pub(crate) fn patience(&self) -> Patience {
        self.0.options.patience
    }

    pub(crate) fn cancel(&self) -> &Cancel {
        &self.0.cancel
    }

    pub(crate) fn sync_state(&self) -> &crate::sync::SyncState {
        &self.0.sync
    }

    pub(crate) fn latest_catalogue(&self) -> &crate::catalogue::Latest {
        &self.0.catalogue
    }

    pub(crate) fn imports(&self) -> MutexGuard<'_, crate::catalogue::imports::Imports> {
        self.0.imports.lock().expect("nobody panics while holding the imports")
    }

    pub(crate) fn proposals(&self) -> MutexGuard<'_, std::collections::BTreeMap<String, PathBuf>> {
        self.0.proposals.lock().expect("nobody panics while holding the proposals")
    }

    pub(crate) fn playing(&self) -> MutexGuard<'_, std::collections::BTreeSet<collabtrack_domain::id::VersionId>> {
        self.0.playing.lock().expect("nobody panics while holding what plays")
    }

    pub(crate) fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.connection.lock().expect("nobody panics while holding the connection")
    }

    pub(crate) fn candidates_state(&self) -> MutexGuard<'_, Candidates> {
        self.0.candidates.lock().expect("nobody panics while holding the candidates")
    }

    pub(crate) fn looking(&self) -> &tokio::sync::Mutex<()> {
        &self.0.looking
    }

    pub(crate) fn has_polled_root(&self) -> bool {
        self.candidates_state().has_state(RootState::Polling)
    }

    /// The watcher looks at everything soon.
    pub(crate) fn wake_watcher(&self) {
        self.0.look_wanted.notify_one();
    }

    pub(crate) async fn look_wanted(&self) {
        self.0.look_wanted.notified().await;
    }

    pub(crate) fn wake_previews(&self) {
        self.0.previews_wanted.notify_one();
    }

    pub(crate) async fn previews_wanted(&self) {
        self.0.previews_wanted.notified().await;
    }

    pub(crate) fn wake_sync(&self) {
        self.0.sync_wanted.notify_one();
    }

    pub(crate) async fn sync_wanted(&self) {
        self.0.sync_wanted.notified().await;
    }

    /// Account and name of whoever exports on this computer.
    pub(crate) async fn author(&self) -> Result<(Option<AccountId>, String)> {
        let mut connection = self.store().read().await?;
        let account = settings::get(&mut connection, Setting::AccountId).await?.and_then(|id| AccountId::parse(&id).ok());
        let name = settings::get(&mut connection, Setting::AccountName).await?;
        let name = name.or_else(|| std::env::var("USER").ok()).or_else(|| std::env::var("USERNAME").ok());
        Ok((account, name.filter(|name| !name.is_empty()).unwrap_or_else(|| "This computer".to_owned())))
    }
}
