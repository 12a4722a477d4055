//! A link between the home network and a server: it counts and delays what passes, and keeps the rates where the kernel does not. Both
//! directions share one rate over all connections, as a home uplink does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc};
use tokio::time::Instant;

use crate::ledger::{Ledger, Page};
use crate::network::{DOWN, Network, Reading, Shape, UP, Writing};

/// Bytes taken at a time; small enough that connections take turns.
const PIECE: usize = 8 * 1024;

/// What a link does to bytes of one direction.
#[derive(Debug)]
struct Direction {
    /// Bytes per second at home.
    rate: f64,
    shape: Arc<Shape>,
    /// When the line is free again.
    free_at: Mutex<Instant>,
    passed: AtomicU64,
}

impl Direction {
    fn new(rate: f64, shape: &Arc<Shape>) -> Arc<Self> {
        Arc::new(Self { rate, shape: shape.clone(), free_at: Mutex::new(Instant::now()), passed: AtomicU64::new(0) })
    }

    /// Waits until these bytes have left; when they arrive.
    async fn send(&self, bytes: usize) -> Instant {
        self.passed.fetch_add(bytes as u64, Ordering::Relaxed);
        let delay = self.shape.delay();
        let Some(rate) = self.shape.rate(self.rate) else { return Instant::now() + delay };
        let left = {
            let mut free_at = self.free_at.lock().await;
            *free_at = (*free_at).max(Instant::now()) + std::time::Duration::from_secs_f64(bytes as f64 / rate);
            *free_at
        };
        tokio::time::sleep_until(left).await;
        left + delay
    }
}

/// A link; dropping it leaves its connections to end by themselves.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) address: SocketAddr,
    up: Arc<Direction>,
    down: Arc<Direction>,
    /// What the bytes were for.
    pub(crate) ledger: Ledger,
}

impl Link {
    /// A link through the network to `target`.
    pub(crate) fn to(network: &Network, target: SocketAddr) -> anyhow::Result<Self> {
        let door = network.door()?;
        let link = Self {
            address: door.address()?,
            up: Direction::new(UP, &network.shape),
            down: Direction::new(DOWN, &network.shape),
            ledger: Ledger::default(),
        };
        let (up, down, ledger) = (link.up.clone(), link.down.clone(), link.ledger.clone());
        tokio::spawn(async move {
            while let Ok(client) = door.accept().await {
                tokio::spawn(pass(client, target, up.clone(), down.clone(), ledger.page()));
            }
        });
        Ok(link)
    }

    /// Bytes that went up and down so far.
    pub(crate) fn passed(&self) -> (u64, u64) {
        (self.up.passed.load(Ordering::Relaxed), self.down.passed.load(Ordering::Relaxed))
    }

    /// Every byte both ways so far.
    pub(crate) fn both(&self) -> u64 {
        let (up, down) = self.passed();
        up + down
    }
}

async fn pass((from_client, to_client): (Reading, Writing), target: SocketAddr, up: Arc<Direction>, down: Arc<Direction>, page: Page) {
    let Ok(server) = TcpStream::connect(target).await else { return };
    if server.set_nodelay(true).is_err() {
        return;
    }
    let (from_server, to_server) = server.into_split();
    tokio::join!(
        one_way(from_client, to_server, &up, |bytes| page.up(bytes)),
        one_way(from_server, to_client, &down, |bytes| page.down(bytes))
    );
}

async fn one_way(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, direction: &Direction, book: impl Fn(&[u8])) {
    let (sender, mut arriving) = mpsc::channel::<(Instant, Vec<u8>)>(256);
    let read = async move {
        let mut buffer = vec![0; PIECE];
        while let Ok(got) = from.read(&mut buffer).await {
            if got == 0 {
                break;
            }
            book(&buffer[..got]);
            let at = direction.send(got).await;
            if sender.send((at, buffer[..got].to_vec())).await.is_err() {
                break;
            }
        }
    };
    let write = async move {
        while let Some((at, bytes)) = arriving.recv().await {
            tokio::time::sleep_until(at).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
        // The other side learns of the end only after everything before it.
        if to.shutdown().await.is_err() {
            tracing::trace!("the other side is gone already");
        }
    };
    tokio::join!(read, write);
}
