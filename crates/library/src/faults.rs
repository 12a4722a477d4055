//! Places where tests let the disk fail or the program die. Without the feature `testing` all of this is nothing.

#[cfg(any(test, feature = "testing"))]
mod on {
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    type Script = dyn Fn(&'static str) -> Option<io::Error> + Send + Sync;
    type Disk = dyn Fn() -> Option<(u64, u64)> + Send + Sync;

    /// What goes wrong with the disk.
    #[derive(Clone, Default)]
    pub struct Faults {
        script: Option<Arc<Script>>,
        disk: Option<Arc<Disk>>,
    }

    impl std::fmt::Debug for Faults {
        fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str(if self.script.is_some() || self.disk.is_some() { "Faults(scripted)" } else { "Faults(none)" })
        }
    }

    impl Faults {
        /// Asks `script` at every place.
        #[must_use]
        pub fn new(script: impl Fn(&'static str) -> Option<io::Error> + Send + Sync + 'static) -> Self {
            Self { script: Some(Arc::new(script)), disk: None }
        }

        /// Free and total bytes of the disk are what `disk` says, where it says something.
        #[must_use]
        pub fn with_disk(self, disk: impl Fn() -> Option<(u64, u64)> + Send + Sync + 'static) -> Self {
            Self { disk: Some(Arc::new(disk)), ..self }
        }

        /// Fails here if the script says so.
        pub(crate) fn at(&self, place: &'static str) -> io::Result<()> {
            match self.script.as_ref().and_then(|script| script(place)) {
                Some(error) => Err(error),
                None => Ok(()),
            }
        }

        /// The disk as the script has it.
        pub(crate) fn disk(&self) -> Option<(u64, u64)> {
            self.disk.as_ref().and_then(|disk| disk())
        }
    }

    /// The program dies here, as by `kill -9`, when `COLLABTRACK_DIE_AT` names this step.
    pub(crate) fn step(name: &str) {
        static DYING: AtomicBool = AtomicBool::new(false);
        if std::env::var("COLLABTRACK_DIE_AT").is_ok_and(|wanted| wanted == name) && !DYING.swap(true, Ordering::Relaxed) {
            #[cfg(unix)]
            if rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).is_ok() {
                // The signal comes at once; nothing more may happen before it.
                std::thread::sleep(std::time::Duration::from_secs(60));
            }
            std::process::abort();
        }
    }

    /// The steps at which the program can die, in the order of a version's way.
    pub const STEPS: [&str; 19] = [
        "capture.copied",
        "capture.kept",
        "record.before_commit",
        "record.committed",
        "preview.kept",
        "preview.recorded",
        "upload.recorded",
        "upload.opened",
        "upload.part_sent",
        "upload.part_recorded",
        "upload.before_complete",
        "upload.completed",
        "announce.told",
        "announce.recorded",
        "commit.told",
        "commit.recorded",
        "fetch.partial",
        "fetch.kept",
        "feed.applied",
    ];
}

#[cfg(any(test, feature = "testing"))]
pub(crate) use on::step;
#[cfg(any(test, feature = "testing"))]
pub use on::{Faults, STEPS};

/// Nothing ever goes wrong by script.
#[cfg(not(any(test, feature = "testing")))]
#[derive(Debug, Clone, Default)]
pub struct Faults(());

#[cfg(not(any(test, feature = "testing")))]
impl Faults {
    /// Nothing happens here.
    pub(crate) fn at(&self, _place: &'static str) -> std::io::Result<()> {
        Ok(())
    }

    /// The disk is what the system says.
    pub(crate) fn disk(&self) -> Option<(u64, u64)> {
        None
    }
}

/// Nothing happens here.
#[cfg(not(any(test, feature = "testing")))]
pub(crate) fn step(_name: &str) {}
