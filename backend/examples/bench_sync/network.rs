//! The home network of the benchmark: everything that is measured runs in a network namespace of its own, whose one way out is a pair of
//! virtual cables with the kernel's token bucket (`tc tbf`) on either end, 10 Mbit/s up and 50 down. What listens at the far end is
//! reached through them. Not every kernel has `netem`, so the 40 ms come from the relays that listen there. Where namespaces cannot be
//! had (not root, not Linux), the relays keep the rates as well, and the report says so.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};

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

    /// A socket that listens at the far end: it belongs to the namespace of the thread that made it.
    #[cfg(target_os = "linux")]
    fn listener(&self) -> anyhow::Result<std::net::TcpListener> {
        let place = std::fs::File::open(self.place())?;
        std::thread::spawn(move || {
            use std::os::fd::AsFd;
            rustix::thread::move_into_link_name_space(place.as_fd(), Some(rustix::thread::LinkNameSpaceType::Network))?;
            Ok(std::net::TcpListener::bind((STUDIO.1, 0))?)
        })
        .join()
        .unwrap_or_else(|_| anyhow::bail!("the far end cannot be listened at"))
    }

    #[cfg(not(target_os = "linux"))]
    fn listener(&self) -> anyhow::Result<std::net::TcpListener> {
        anyhow::bail!("there are namespaces on Linux only")
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

    /// A socket that is reached through the network only.
    pub(crate) fn listener(&self) -> anyhow::Result<(std::net::TcpListener, SocketAddr)> {
        let listener = match &self.far {
            Some(far) => far.listener()?,
            None => std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?,
        };
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    }
}
