//! The home network of the benchmark: everything that is measured runs in a network namespace of its own, whose one way out is a pair of
//! virtual cables with the kernel's token bucket (`tc tbf`) on either end, 10 Mbit/s up and 50 down. What listens at the far end is
//! reached through them. Not every kernel has `netem`, so the 40 ms come from the relays that listen there. Where namespaces cannot be
//! had (not root, not Linux), the relays keep the rates as well, and the report says so.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener, UnixStream};

/// Set for the program that was started again in a namespace of its own.
const INSIDE: &str = "COLLABTRACK_BENCH_IN_NAMESPACE";
/// Bytes per second.
pub(crate) const UP: f64 = 1.25e6;
pub(crate) const DOWN: f64 = 6.25e6;
/// One way; there and back are 40 ms.
pub(crate) const DELAY: Duration = Duration::from_millis(20);

const HOME: (&str, Ipv4Addr) = ("home", Ipv4Addr::new(10, 77, 0, 1));
const STUDIO: (&str, Ipv4Addr) = ("studio", Ipv4Addr::new(10, 77, 0, 2));

/// Whether this is the program that has to be started again inside; its end code when it was.
pub(crate) fn enter() -> anyhow::Result<Option<i32>> {
    if std::env::var_os(INSIDE).is_some() || !can_be_had() {
        return Ok(None);
    }
    let status =
        Command::new("unshare").arg("--net").arg(std::env::current_exe()?).args(std::env::args_os().skip(1)).env(INSIDE, "1").status()?;
    Ok(Some(status.code().unwrap_or(1)))
}

fn can_be_had() -> bool {
    cfg!(target_os = "linux") && command("unshare", &["--net", "tc", "qdisc", "show"]).is_ok()
}

fn command(program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    let output = Command::new(program).args(arguments).output().with_context(|| format!("starting {program}"))?;
    ensure!(output.status.success(), "{program} {arguments:?} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}

/// How fast the network is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speed {
    /// As fast as this machine, without any delay.
    Free,
    /// 10 Mbit/s up, 50 down, 40 ms there and back.
    Home,
}

/// What relays have to do themselves.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    slow: AtomicBool,
    keeps_rates: AtomicBool,
}

impl Shape {
    /// Delay of one way now.
    pub(crate) fn delay(&self) -> Duration {
        if self.slow.load(Ordering::Relaxed) { DELAY } else { Duration::ZERO }
    }

    /// A rate now, in bytes per second; none when the kernel keeps it, or nobody.
    pub(crate) fn rate(&self, rate: f64) -> Option<f64> {
        (self.slow.load(Ordering::Relaxed) && self.keeps_rates.load(Ordering::Relaxed)).then_some(rate)
    }
}

/// The far end of the cables.
#[derive(Debug)]
struct Far {
    /// Keeps the other namespace; it ends with the pipe to it, so nothing is left whatever becomes of this program.
    holder: Child,
}

impl Far {
    fn make() -> anyhow::Result<Self> {
        command("ip", &["link", "set", "lo", "up"])?;
        let holder = Command::new("unshare").args(["--net", "cat"]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        let far = Self { holder };
        let (pid, own) = (far.holder.id().to_string(), std::fs::read_link("/proc/self/ns/net")?);
        // `unshare` becomes `cat` only when the namespace is there.
        let start = std::time::Instant::now();
        while std::fs::read_link(far.place())? == own {
            ensure!(start.elapsed() < Duration::from_secs(60), "the far namespace is made within a minute");
            std::thread::sleep(Duration::from_millis(5));
        }
        command("ip", &["link", "add", HOME.0, "type", "veth", "peer", "name", STUDIO.0, "netns", &pid])?;
        command("ip", &["addr", "add", &format!("{}/24", HOME.1), "dev", HOME.0])?;
        command("ip", &["link", "set", HOME.0, "up"])?;
        far.inside(&["ip", "addr", "add", &format!("{}/24", STUDIO.1), "dev", STUDIO.0])?;
        far.inside(&["ip", "link", "set", STUDIO.0, "up"])?;
        Ok(far)
    }

    fn place(&self) -> String {
        format!("/proc/{}/ns/net", self.holder.id())
    }

    fn inside(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let place = format!("--net={}", self.place());
        command("nsenter", &[&[place.as_str()], arguments].concat())
    }

    fn limit(&self, slow: bool) -> anyhow::Result<()> {
        let change = |device, rate| {
            let bucket = ["tc", "qdisc", "replace", "dev", device, "root", "tbf", "rate", rate, "burst", "16kb", "latency", "200ms"];
            if slow { bucket.to_vec() } else { vec!["tc", "qdisc", "del", "dev", device, "root"] }
        };
        let near = change(HOME.0, "10mbit");
        command(near[0], &near[1..])?;
        self.inside(&change(STUDIO.0, "50mbit"))
    }

    /// A program at the far end that listens there and hands every connection to `door`; where it listens.
    fn listen(&self, door: &Path) -> anyhow::Result<(Child, SocketAddr)> {
        let mut child = Command::new("nsenter")
            .arg(format!("--net={}", self.place()))
            .arg(std::env::current_exe()?)
            .args([FAR_END, &STUDIO.1.to_string()])
            .arg(door)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("its output")?).read_line(&mut line)?;
        Ok((child, line.trim().parse().context("the far end says where it listens")?))
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}

/// The network.
#[derive(Debug)]
pub(crate) struct Network {
    far: Option<Far>,
    pub(crate) shape: Arc<Shape>,
}

impl Network {
    /// The network, free.
    pub(crate) fn make() -> anyhow::Result<Self> {
        let far = std::env::var_os(INSIDE).is_some().then(Far::make).transpose()?;
        let shape = Shape { slow: AtomicBool::new(false), keeps_rates: AtomicBool::new(far.is_none()) };
        Ok(Self { far, shape: Arc::new(shape) })
    }

    /// Who keeps the rates, in words.
    pub(crate) fn told(&self) -> &'static str {
        match self.far {
            Some(_) => "two network namespaces with `tc tbf` at either end of the cable between them, and relays that delay",
            None => "relays that delay and keep the rates (no network namespaces here)",
        }
    }

    /// From now on.
    pub(crate) fn set(&self, speed: Speed) -> anyhow::Result<()> {
        let slow = speed == Speed::Home;
        if self.shape.slow.swap(slow, Ordering::Relaxed) == slow {
            return Ok(());
        }
        self.far.as_ref().map_or(Ok(()), |far| far.limit(slow))
    }

    /// Something that is reached through the network only.
    pub(crate) fn door(&self) -> anyhow::Result<Door> {
        let Some(far) = &self.far else {
            let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            listener.set_nonblocking(true)?;
            return Ok(Door::Near(TcpListener::from_std(listener)?));
        };
        let folder = tempfile::tempdir()?;
        let listener = UnixListener::bind(folder.path().join("door"))?;
        let (program, address) = far.listen(&folder.path().join("door"))?;
        Ok(Door::Far { listener, address, _program: Ending(program), _folder: folder })
    }
}

/// Where connections from home come in.
pub(crate) enum Door {
    /// On this side: there are no namespaces.
    Near(TcpListener),
    /// At the far end; a program there hands them over.
    Far { listener: UnixListener, address: SocketAddr, _program: Ending, _folder: tempfile::TempDir },
}

/// A program that ends with its owner.
pub(crate) struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One way of a connection.
pub(crate) type Reading = Box<dyn AsyncRead + Send + Unpin>;
/// The other.
pub(crate) type Writing = Box<dyn AsyncWrite + Send + Unpin>;

impl Door {
    pub(crate) fn address(&self) -> anyhow::Result<SocketAddr> {
        match self {
            Self::Near(listener) => Ok(listener.local_addr()?),
            Self::Far { address, .. } => Ok(*address),
        }
    }

    /// The next connection.
    pub(crate) async fn accept(&self) -> std::io::Result<(Reading, Writing)> {
        match self {
            Self::Near(listener) => {
                let (stream, _) = listener.accept().await?;
                // Small answers must not wait for more to come.
                stream.set_nodelay(true)?;
                let (read, write) = stream.into_split();
                Ok((Box::new(read), Box::new(write)))
            }
            Self::Far { listener, .. } => {
                let (read, write) = listener.accept().await?.0.into_split();
                Ok((Box::new(read), Box::new(write)))
            }
        }
    }
}

/// What this program is called with to be the one that listens at the far end: its address there, and the door.
pub(crate) const FAR_END: &str = "--far-end";

/// Hands every connection on, until standard input ends.
pub(crate) async fn far_end(address: &str, door: &Path) -> anyhow::Result<()> {
    let listener = TcpListener::bind((address, 0)).await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (mut from, _) = listener.accept().await?;
        from.set_nodelay(true)?;
        let door = door.to_path_buf();
        tokio::spawn(async move {
            if let Ok(mut to) = UnixStream::connect(door).await {
                let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
            }
        });
    }
}
