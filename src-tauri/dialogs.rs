//! Choosing files and folders: with the system's dialogs, or with answers from the environment where no person is there to click.

use std::path::PathBuf;
use std::pin::Pin;

use tauri::{AppHandle, Runtime};
use tauri_plugin_dialog::DialogExt;
use tokio::sync::oneshot;

/// The answer to a dialog: a path, or nothing when it was dismissed.
pub(crate) type Answer<'a> = Pin<Box<dyn Future<Output = Option<PathBuf>> + Send + 'a>>;

/// A way to ask for a path.
pub(crate) trait Dialogs: Send + Sync {
    /// A folder to watch.
    fn folder(&self) -> Answer<'_>;
    /// A CSV file to read.
    fn open_csv(&self) -> Answer<'_>;
    /// A file to look at.
    fn open_any(&self) -> Answer<'_>;
    /// Where to write a CSV file, beginning with the given name.
    fn save_csv(&self, name: String) -> Answer<'_>;
    /// Where to write a zip of everything, beginning with the given name.
    fn save_zip(&self, name: String) -> Answer<'_>;
    /// Where to write the sound of a version, beginning with the given name.
    fn save_sound(&self, name: String) -> Answer<'_>;
}

/// The system's dialogs.
pub(crate) struct SystemDialogs<R: Runtime>(pub AppHandle<R>);

async fn picked(receiver: oneshot::Receiver<Option<tauri_plugin_dialog::FilePath>>) -> Option<PathBuf> {
    receiver.await.ok().flatten().and_then(|path| path.into_path().ok())
}

impl<R: Runtime> Dialogs for SystemDialogs<R> {
    fn folder(&self) -> Answer<'_> {
        let (sender, receiver) = oneshot::channel();
        self.0.dialog().file().set_title("The folder you bounce into").pick_folder(move |path| drop(sender.send(path)));
        Box::pin(picked(receiver))
    }

    fn open_csv(&self) -> Answer<'_> {
        let (sender, receiver) = oneshot::channel();
        self.0
            .dialog()
            .file()
            .set_title("The edited catalogue")
            .add_filter("CSV", &["csv", "txt", "tsv"])
            .pick_file(move |path| drop(sender.send(path)));
        Box::pin(picked(receiver))
    }

    fn open_any(&self) -> Answer<'_> {
        let (sender, receiver) = oneshot::channel();
        self.0.dialog().file().set_title("The file to check").pick_file(move |path| drop(sender.send(path)));
        Box::pin(picked(receiver))
    }

    fn save_csv(&self, name: String) -> Answer<'_> {
        let (sender, receiver) = oneshot::channel();
        self.0
            .dialog()
            .file()
            .set_title("Save the catalogue")
            .set_file_name(name)
            .add_filter("CSV", &["csv"])
            .save_file(move |path| drop(sender.send(path)));
        Box::pin(picked(receiver))
    }

    fn save_zip(&self, name: String) -> Answer<'_> {
        let (sender, receiver) = oneshot::channel();
        self.0
            .dialog()
            .file()
            .set_title("Export everything")
            .set_file_name(name)
            .add_filter("Zip", &["zip"])
            .save_file(move |path| drop(sender.send(path)));
        Box::pin(picked(receiver))
    }

    fn save_sound(&self, name: String) -> Answer<'_> {
        let (sender, receiver) = oneshot::channel();
        let own = std::path::Path::new(&name).extension().map(|extension| extension.to_string_lossy().into_owned()).unwrap_or_default();
        let mut dialog = self.0.dialog().file().set_title("Export this version").set_file_name(&name);
        dialog = dialog.add_filter("The exact file", &[&own]);
        if own != "wav" {
            dialog = dialog.add_filter("WAV, the same sound", &["wav"]);
        }
        dialog.save_file(move |path| drop(sender.send(path)));
        Box::pin(picked(receiver))
    }
}

/// Answers from the environment: `COLLABTRACK_ANSWER_FOLDER`, `_OPEN`, `_SAVE`. Native dialogs cannot be driven by a test.
pub(crate) struct ScriptedDialogs {
    folder: Option<PathBuf>,
    open: Option<PathBuf>,
    save: Option<PathBuf>,
}

impl ScriptedDialogs {
    /// The answers, if the environment holds any.
    pub(crate) fn from_environment() -> Option<Self> {
        let answer = |name: &str| std::env::var_os(format!("COLLABTRACK_ANSWER_{name}")).map(PathBuf::from);
        let scripted = Self { folder: answer("FOLDER"), open: answer("OPEN"), save: answer("SAVE") };
        (scripted.folder.is_some() || scripted.open.is_some() || scripted.save.is_some()).then_some(scripted)
    }
}

impl Dialogs for ScriptedDialogs {
    fn folder(&self) -> Answer<'_> {
        Box::pin(std::future::ready(self.folder.clone()))
    }
    fn open_csv(&self) -> Answer<'_> {
        Box::pin(std::future::ready(self.open.clone()))
    }
    fn open_any(&self) -> Answer<'_> {
        Box::pin(std::future::ready(self.open.clone()))
    }
    fn save_csv(&self, _name: String) -> Answer<'_> {
        Box::pin(std::future::ready(self.save.clone()))
    }
    fn save_zip(&self, _name: String) -> Answer<'_> {
        Box::pin(std::future::ready(self.save.clone()))
    }
    fn save_sound(&self, _name: String) -> Answer<'_> {
        Box::pin(std::future::ready(self.save.clone()))
    }
}
