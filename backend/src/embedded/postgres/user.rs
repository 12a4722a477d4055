//! As whom Postgres runs: as the server's own user, or, since it refuses to run as root, as `nobody` through `setpriv`.

use std::ffi::OsStr;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::PostgresError;

/// Bits of the process's capabilities: pass and read any folder, and the wider form containers grant.
const CAP_DAC_OVERRIDE: u64 = 1 << 1;
const CAP_DAC_READ_SEARCH: u64 = 1 << 2;

/// As whom to run Postgres.
#[derive(Debug, Clone)]
pub(super) struct RunAs {
    setpriv: Option<PathBuf>,
    /// User and group to become; none for staying who one is.
    other: Option<(u32, u32)>,
    /// Capability that lets the other user reach a folder below a closed one.
    capability: Option<&'static str>,
}

impl RunAs {
    /// Finds out as whom to run for a cluster below `folder`.
    pub(super) fn find(folder: &Path) -> Result<Self, PostgresError> {
        let setpriv = if cfg!(target_os = "linux") { on_path("setpriv") } else { None };
        if !rustix::process::geteuid().is_root() {
            return Ok(Self { setpriv, other: None, capability: None });
        }
        let other = nobody().ok_or(PostgresError::NoOtherUser)?;
        if setpriv.is_none() {
            return Err(PostgresError::NoOtherUser);
        }
        let closed = folder.ancestors().any(|folder| std::fs::metadata(folder).is_ok_and(|found| found.permissions().mode() & 0o001 == 0));
        let capability = if closed { held_capability() } else { None };
        Ok(Self { setpriv, other: Some(other), capability })
    }

    /// The command that runs `program`, which ends when the thread that starts it ends, where the system can promise that.
    pub(super) fn command(&self, program: &Path) -> Command {
        let Some(setpriv) = &self.setpriv else { return Command::new(program) };
        let mut command = Command::new(setpriv);
        if let Some((user, group)) = self.other {
            command.arg(format!("--reuid={user}")).arg(format!("--regid={group}")).arg("--clear-groups");
            if let Some(capability) = self.capability {
                command.arg(format!("--inh-caps=+{capability}")).arg(format!("--ambient-caps=+{capability}"));
            }
        }
        command.args(["--pdeathsig=INT", "--"]).arg(program);
        command
    }

    /// Makes a folder that only the cluster's user may enter.
    pub(super) fn make_folder(&self, path: &Path) -> Result<(), PostgresError> {
        let at = |source| PostgresError::Io { path: path.to_owned(), source };
        std::fs::create_dir_all(path).map_err(at)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).map_err(at)?;
        self.give(path)
    }

    /// Gives a file or folder to the cluster's user.
    pub(super) fn give(&self, path: &Path) -> Result<(), PostgresError> {
        let Some((user, group)) = self.other else { return Ok(()) };
        let at = |source| PostgresError::Io { path: path.to_owned(), source };
        if std::fs::metadata(path).map_err(at)?.uid() == user {
            return Ok(());
        }
        std::os::unix::fs::chown(path, Some(user), Some(group)).map_err(at)
    }
}

/// The first program of that name on PATH.
pub(super) fn on_path(name: impl AsRef<OsStr>) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(name.as_ref())).find(|path| path.is_file())
}

/// User and group id of `nobody`.
fn nobody() -> Option<(u32, u32)> {
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    let line = users.lines().find(|line| line.starts_with("nobody:"))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// The narrower of the capabilities this process may pass on.
fn held_capability() -> Option<&'static str> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let bits = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    let bits = u64::from_str_radix(bits.trim(), 16).ok()?;
    [(CAP_DAC_READ_SEARCH, "dac_read_search"), (CAP_DAC_OVERRIDE, "dac_override")]
        .into_iter()
        .find(|(bit, _)| bits & bit != 0)
        .map(|(_, name)| name)
}
