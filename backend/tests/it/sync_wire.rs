//! Every byte on the wire of an author's computer, requests and answers with their headers: what a change costs beside the bytes that are
//! new. The counts hardly move from run to run (ids and signatures are random), so a rise of 2 % is somebody's doing.

#[path = "../../examples/bench_sync/ledger.rs"]
mod ledger;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use collabtrack_library::view::{Here, VersionSync};
use collabtrack_server::app::{self, Running, StoreTest};
use ledger::{Cost, Ledger, apart, of_waveform};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::Server;
use crate::sync_computers::Computer;

/// A link that counts; where it listens.
async fn link(target: SocketAddr, ledger: &Ledger) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let ledger = ledger.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let page = ledger.page();
            tokio::spawn(async move {
                let Ok(server) = TcpStream::connect(target).await else { return };
                let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
                tokio::join!(pass(from_client, to_server, |bytes| page.up(bytes)), pass(from_server, to_client, |bytes| page.down(bytes)));
            });
        }
    });
    address
}

async fn pass(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, book: impl Fn(&[u8])) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(got @ 1..) = from.read(&mut buffer).await {
        book(&buffer[..got]);
        if to.write_all(&buffer[..got]).await.is_err() {
            return;
        }
    }
    // The other side may be gone already.
    let _ = to.shutdown().await;
}

/// An author behind counting links, and a listener beside them.
struct Wire {
    server: Server,
    instance: Running,
    ledger: Ledger,
    author: Computer,
    other: Computer,
}

impl Wire {
    async fn start() -> Self {
        let server = Server::start().await;
        let ledger = Ledger::default();
        let mut config = server.config.clone();
        let store = config.store.endpoint.as_ref().and_then(url::Url::port).expect("a port");
        let store = link(([127, 0, 0, 1], store).into(), &ledger).await;
        config.store.endpoint = Some(format!("http://{store}/").parse().expect("an address"));
        let instance = app::start_with(&config, StoreTest::Skip).await.expect("an instance behind the links");
        let api = link(instance.url.trim_start_matches("http://").parse().expect("an address"), &ledger).await;
        let author = Computer::of(&format!("http://{api}"), "Jon").await;
        let project = author.watch(None).await;
        author.library.put_on_server(&project).await.expect("on the server");
        let code = author.library.invite(&project, "member", None, None).await.expect("a code").code;
        let other = Computer::of(&server.url, "Ada").await;
        other.library.join(&code).await.expect("joined");
        Self { server, instance, ledger, author, other }
    }

    /// What sending a bounce costs, by request; it arrives whole.
    async fn cost(&mut self, name: &str, bytes: &[u8], number: i64) -> BTreeMap<String, Cost> {
        self.author.bounce(name, bytes).await;
        // As the program does that is started for it.
        self.author.restart().await;
        self.ledger.take();
        self.author.sync().await;
        let cost = self.ledger.take();
        self.other.sync().await;
        let version = self.other.version(name.trim_end_matches(".wav"), number).await;
        assert_eq!((version.here, version.sync.clone()), (Here::Original, VersionSync::Synced));
        assert!(self.other.original(&version).await == bytes, "version {number} is byte-exact");
        cost
    }

    /// Bytes of a cost, without the requests that send previews and tables: those have their own limit.
    async fn beside_the_sound(&self, cost: &BTreeMap<String, Cost>) -> u64 {
        let sound: Vec<String> = sqlx::query_scalar("select key from object where format in ('preview', 'tables')")
            .fetch_all(self.server.database())
            .await
            .expect("listed");
        let newest = "select overview from version order by seq desc limit 1";
        let overview: String = sqlx::query_scalar(newest).fetch_one(self.server.database()).await.expect("told");
        apart(cost, &sound, of_waveform(&overview)).1
    }

    async fn stop(self) {
        self.author.library.shutdown().await;
        self.other.library.shutdown().await;
        self.instance.stop().await;
        self.server.stop().await;
    }
}

/// A 24-bit song with a tag, of which the seconds in `without` are cut out.
fn song(without: std::ops::Range<usize>, tag: &str) -> Vec<u8> {
    let mut data = Vec::new();
    let mut noise = 1_u32;
    for frame in 0..24 * 48_000_usize {
        for channel in 0..2_usize {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Loud and soft in turns, so that the coarse waveform is one.
            let swell = 0.2 + ((frame / 7_000 * 31 % 17) as f64 / 17.0);
            let number = ((frame as f64 * 0.027).sin() * 3e6 * swell + f64::from(noise >> 20) + channel as f64) as i32;
            if !without.contains(&(frame / 48_000)) {
                data.extend_from_slice(&number.to_le_bytes()[..3]);
            }
        }
    }
    let text = format!("{tag}{}", if tag.len() % 2 == 1 { "\0" } else { "" });
    let mut list = b"INFOINAM".to_vec();
    list.extend((text.len() as u32).to_le_bytes());
    list.extend(text.as_bytes());
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((44 + list.len() as u32 + data.len() as u32).to_le_bytes());
    bytes.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x02\0");
    bytes.extend(48_000_u32.to_le_bytes());
    bytes.extend(288_000_u32.to_le_bytes());
    bytes.extend_from_slice(&[6, 0, 24, 0]);
    bytes.extend_from_slice(b"LIST");
    bytes.extend((list.len() as u32).to_le_bytes());
    bytes.extend(list);
    bytes.extend_from_slice(b"data");
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    bytes
}

fn told(cost: &BTreeMap<String, Cost>) -> String {
    cost.iter().map(|(asked, cost)| format!("{:>7} up {:>7} down {:>2} × {asked}\n", cost.up, cost.down, cost.times)).collect()
}

/// At most 2 % above what it was when this was written.
fn guard(what: &str, bytes: u64, was: u64, cost: &BTreeMap<String, Cost>) {
    assert!(bytes * 100 <= was * 102, "{what} costs {bytes} bytes of the wire, it was {was}:\n{}", told(cost));
}

#[tokio::test]
async fn a_version_that_sounds_like_one_before_costs_a_few_kilobytes_of_the_wire() {
    let mut wire = Wire::start().await;
    wire.cost("Night Drive.wav", &song(0..0, "first mix"), 1).await;
    let objects = "select count(*) from object where format in ('preview', 'tables')";
    let before: i64 = sqlx::query_scalar(objects).fetch_one(wire.server.database()).await.expect("counted");

    let p4 = wire.cost("Night Drive.wav", &song(0..0, "second mix, with a longer tag"), 2).await;
    let p5 = wire.cost("Quite Another Name.wav", &song(0..0, "first mix"), 1).await;
    let after: i64 = sqlx::query_scalar(objects).fetch_one(wire.server.database()).await.expect("counted");
    assert_eq!(before, after, "nothing about the sound was sent again");
    // The listener has waveform, loudness and preview of them all the same.
    let first = wire.other.version("Night Drive", 1).await;
    for (track, number) in [("Night Drive", 2), ("Quite Another Name", 1)] {
        let version = wire.other.version(track, number).await;
        assert_eq!(version.loudness_lufs, first.loudness_lufs);
        let id = |view: &collabtrack_library::view::VersionView| collabtrack_domain::id::VersionId::parse(&view.id).expect("an id");
        let overviews = (wire.other.library.overview(&id(&version)).await, wire.other.library.overview(&id(&first)).await);
        let (one, other) = (overviews.0.expect("a picture"), overviews.1.expect("a picture"));
        assert!(one.len() > 1_000 && one == other, "the coarse waveform is the other one's");
    }

    let p10 = wire.cost("Night Drive.wav", &song(8..13, "a cut"), 3).await;
    let beside = [wire.beside_the_sound(&p4).await, wire.beside_the_sound(&p5).await, wire.beside_the_sound(&p10).await];
    for (cost, bytes) in [&p4, &p5, &p10].into_iter().zip(beside) {
        println!("{bytes} bytes:\n{}", told(cost));
    }
    guard("tags alone (P4)", beside[0], 7_191, &p4);
    guard("renamed, identical (P5)", beside[1], 3_492, &p5);
    guard("a cut and a tag (P10)", beside[2], 7_318, &p10);
    wire.stop().await;
}
