//! A remote shell for the peers that run a program at the far end (rsync, casync, borg): ssh without its encryption, so that only their own
//! bytes are counted.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::network::Network;
use crate::relay::Link;

/// What this program is called with to be the near end: the address, a host that is ignored, the command.
pub(crate) const CLIENT: &str = "--remote-shell";

/// How long the near end listens to its program when the far end has ended.
const GRACE: std::time::Duration = std::time::Duration::from_millis(300);

/// The near end: standard input goes there, what comes back goes to standard output.
pub(crate) fn client(address: &str, command: &[String]) -> anyhow::Result<()> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    let command = command.get(1..).unwrap_or_default().join(" ");
    socket.write_all(&u32::try_from(command.len())?.to_le_bytes())?;
    socket.write_all(command.as_bytes())?;
    let mut up = socket.try_clone()?;
    let (done, is_done) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut stdin = std::io::stdin().lock();
        let _ = copy(&mut stdin, &mut up);
        let _ = up.shutdown(std::net::Shutdown::Write);
        // Whoever still has something to say to a far end that is gone may say it, as with ssh.
        let _ = copy(&mut stdin, &mut std::io::sink());
        let _ = done.send(());
    });
    let _ = copy(&mut socket, &mut std::io::stdout().lock());
    let _ = is_done.recv_timeout(GRACE);
    Ok(())
}

/// Every piece at once: the other side may wait for it. A peer may hand over pipes that do not block (casync does): then it is asked again.
fn copy(from: &mut impl Read, to: &mut impl Write) -> anyhow::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let mut piece = match patiently(|| from.read(&mut buffer))? {
            0 => return Ok(()),
            got => &buffer[..got],
        };
        while !piece.is_empty() {
            piece = &piece[patiently(|| to.write(piece))?..];
        }
        patiently(|| to.flush())?;
    }
}

fn patiently<T>(mut act: impl FnMut() -> std::io::Result<T>) -> std::io::Result<T> {
    loop {
        match act() {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            done => return done,
        }
    }
}

/// The far end, and the program to give to a peer in place of `ssh`.
pub(crate) struct Shell {
    pub(crate) link: Link,
    pub(crate) program: PathBuf,
    task: tokio::task::JoinHandle<()>,
}

impl Shell {
    /// A shell whose commands run in `folder` with these additions to the environment.
    pub(crate) async fn start(network: &Network, folder: &Path, environment: &[(&str, &str)]) -> anyhow::Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let target: SocketAddr = listener.local_addr()?;
        let (place, environment) = (folder.to_path_buf(), owned(environment));
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (place, environment) = (place.clone(), environment.clone());
                tokio::spawn(async move {
                    if let Err(error) = serve(socket, &place, environment).await {
                        tracing::debug!(?error, "a command at the far end");
                    }
                });
            }
        });
        let link = Link::to(network, target)?;
        let program = folder.join("remote");
        let own = std::env::current_exe()?;
        std::fs::write(&program, format!("#!/bin/sh\nexec '{}' {CLIENT} {} \"$@\"\n", own.display(), link.address))?;
        let status = std::process::Command::new("chmod").arg("+x").arg(&program).status()?;
        ensure!(status.success(), "chmod failed");
        Ok(Self { link, program, task })
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn owned(environment: &[(&str, &str)]) -> Vec<(String, String)> {
    environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

async fn serve(mut socket: tokio::net::TcpStream, folder: &Path, environment: Vec<(String, String)>) -> anyhow::Result<()> {
    socket.set_nodelay(true)?;
    let mut length = [0; 4];
    socket.read_exact(&mut length).await?;
    let mut command = vec![0; u32::from_le_bytes(length) as usize];
    socket.read_exact(&mut command).await?;
    let mut child = tokio::process::Command::new("sh")
        .arg("-c")
        .arg(String::from_utf8(command)?)
        .current_dir(folder)
        .envs(environment)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let (mut input, mut output) = (child.stdin.take().context("input")?, child.stdout.take().context("output")?);
    let (mut from, mut to) = socket.into_split();
    let up = async move {
        let _ = tokio::io::copy(&mut from, &mut input).await;
    };
    let down = async move {
        let _ = tokio::io::copy(&mut output, &mut to).await;
        let _ = to.shutdown().await;
        // A near end that is gone is no reason for the program to fail at its last words.
        let _ = tokio::io::copy(&mut output, &mut tokio::io::sink()).await;
    };
    tokio::join!(up, down);
    child.wait().await?;
    Ok(())
}
