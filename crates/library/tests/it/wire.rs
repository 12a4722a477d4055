//! One exchange over a network that falls silent, crawls or lies.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use collabtrack_library::sync::http::{Api, HttpRemote};
use collabtrack_library::sync::limit::Limits;
use collabtrack_library::sync::precedence::Precedence;
use collabtrack_library::sync::remote::{FileRange, Remote, RemoteError};
use collabtrack_protocol::uploads::SignedRequest;

fn signed(method: &str, url: String) -> SignedRequest {
    SignedRequest { method: method.into(), url, headers: [].into(), expires_in_s: 900 }
}

/// A server on a thread: `talk` gets each connection.
fn serve(talk: impl Fn(std::net::TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let talk = Arc::new(talk);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let talk = talk.clone();
            std::thread::spawn(move || talk(stream));
        }
    });
    format!("http://{address}")
}

/// As the minute of the real thing.
const SILENCE: Duration = Duration::from_secs(1);

fn http(base: &str) -> HttpRemote {
    HttpRemote(Api::new(base.parse().expect("an address"), None).expect("a client").silent_for(SILENCE))
}

fn file(bytes: &[u8]) -> (tempfile::TempDir, FileRange) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("part");
    std::fs::write(&path, bytes).expect("written");
    (folder, FileRange { path, offset: 0, length: bytes.len() as u64, gives_way: false })
}

#[tokio::test]
async fn i22_f8_a_network_that_swallows_everything_is_given_up_after_the_silence() {
    let base = serve(|mut stream| {
        // Takes the connection and a little, and never says a word.
        let mut some = [0; 1024];
        let _ = stream.read(&mut some);
        std::thread::sleep(Duration::from_secs(600));
    });
    let remote = http(&base);
    let began = Instant::now();
    assert!(matches!(remote.projects().await, Err(RemoteError::Unreachable { .. })));
    let (_folder, body) = file(&vec![7; 8 << 20]);
    let put = remote.put(&signed("PUT", format!("{base}/o")), body.clone(), &|_| {}).await;
    assert!(matches!(put, Err(RemoteError::Unreachable { .. })), "{put:?}");
    let fetched = remote.fetch(&signed("GET", format!("{base}/o")), &body.path.with_extension("partial"), &|_| {}).await;
    assert!(matches!(fetched, Err(RemoteError::Unreachable { .. })), "{fetched:?}");
    let ranged = remote.fetch_range(&signed("GET", format!("{base}/o")), (10, 100), &body.path.with_extension("range"), &|_| {}).await;
    assert!(matches!(ranged, Err(RemoteError::Unreachable { .. })), "{ranged:?}");
    assert!(began.elapsed() < SILENCE * 30, "each within about one silence, not for ever: {:?}", began.elapsed());
}

#[tokio::test]
async fn i22_a_download_that_falls_silent_half_way_is_given_up_and_goes_on_where_it_was() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = asked.clone();
    let base = serve(move |mut stream| {
        let mut some = [0; 4096];
        let got = stream.read(&mut some).unwrap_or(0);
        let text = String::from_utf8_lossy(&some[..got]).to_lowercase();
        let range = text.lines().find_map(|line| line.strip_prefix("range: bytes=")).unwrap_or("none").to_owned();
        heard.lock().expect("the list").push(range);
        let _ = stream.write_all(b"HTTP/1.1 206 Partial Content\r\ncontent-length: 100\r\n\r\n0123456789");
        std::thread::sleep(Duration::from_secs(600));
    });
    let remote = http(&base);
    let (_folder, body) = file(b"");
    let (whole, part) = (body.path.with_extension("whole"), body.path.with_extension("part"));
    for turn in 1..=2_u64 {
        let fetched = remote.fetch(&signed("GET", format!("{base}/o")), &whole, &|_| {}).await;
        assert!(matches!(fetched, Err(RemoteError::Unreachable { .. })), "{fetched:?}");
        let ranged = remote.fetch_range(&signed("GET", format!("{base}/o")), (50, 100), &part, &|_| {}).await;
        assert!(matches!(ranged, Err(RemoteError::Unreachable { .. })), "{ranged:?}");
        for path in [&whole, &part] {
            assert_eq!(std::fs::metadata(path).expect("kept").len(), 10 * turn, "what came is kept");
        }
    }
    assert_eq!(*asked.lock().expect("the list"), ["none", "50-149", "10-", "60-149"]);
}

#[tokio::test]
async fn f8_a_part_that_needs_longer_than_the_silence_goes_through_as_long_as_bytes_flow() {
    let arrived = Arc::new(AtomicUsize::new(0));
    let counted = arrived.clone();
    let base = serve(move |mut stream| {
        let mut buffer = vec![0; 64 * 1024];
        let mut head = Vec::new();
        let mut left = usize::MAX;
        while left > 0 {
            let got = stream.read(&mut buffer).unwrap_or(0);
            if got == 0 {
                return;
            }
            if left == usize::MAX {
                head.extend_from_slice(&buffer[..got]);
                let Some(end) = head.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
                left = (32 << 20) - (head.len() - end - 4);
            } else {
                left = left.saturating_sub(got);
            }
            counted.fetch_add(got, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\netag: \"x\"\r\ncontent-length: 0\r\n\r\n");
    });
    let (_folder, body) = file(&vec![7; 32 << 20]);
    let told = Arc::new(Mutex::new(0));
    let sum = told.clone();
    let request =
        SignedRequest { headers: [("content-length".to_owned(), (32 << 20).to_string())].into(), ..signed("PUT", format!("{base}/o")) };
    let began = Instant::now();
    http(&base).put(&request, body, &move |bytes| *sum.lock().expect("the sum") += bytes).await.expect("it arrives");
    assert!(began.elapsed() > SILENCE * 2, "it took longer than the silence: {:?}", began.elapsed());
    assert_eq!(*told.lock().expect("the sum"), 32 << 20, "progress is told while it goes");
}

#[tokio::test]
async fn a_part_stands_still_while_a_preview_goes_out_and_gives_way_when_that_takes_long() {
    let arrived = Arc::new(AtomicUsize::new(0));
    let counted = arrived.clone();
    let base = serve(move |mut stream| {
        let (mut buffer, mut head, mut body) = (vec![0; 64 * 1024], Vec::new(), None);
        while body.is_none_or(|body| body < 1 << 20) {
            let got = stream.read(&mut buffer).unwrap_or(0);
            if got == 0 {
                return;
            }
            let fresh = match body {
                Some(_) => got,
                None => {
                    head.extend_from_slice(&buffer[..got]);
                    let Some(end) = head.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
                    head.len() - end - 4
                }
            };
            body = Some(body.unwrap_or(0) + fresh);
            counted.fetch_add(fresh, Ordering::Relaxed);
        }
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\netag: \"x\"\r\ncontent-length: 0\r\n\r\n");
    });
    let request =
        SignedRequest { headers: [("content-length".to_owned(), (1 << 20).to_string())].into(), ..signed("PUT", format!("{base}/o")) };
    let (_folder, body) = file(&vec![7; 1 << 20]);
    let part = FileRange { gives_way: true, ..body.clone() };
    let remote = |patience| {
        let limits = Arc::new(Limits::with(Precedence::giving_way_for(patience)));
        let api = Api::new(base.parse().expect("an address"), None).expect("an API").within(limits.clone());
        (HttpRemote(api), limits)
    };
    let (hasty, limits) = remote(Duration::from_millis(20));
    limits.precedence.preview_goes_first(true);
    let ended = hasty.put(&request, part.clone(), &|_| {}).await;
    assert!(matches!(ended, Err(RemoteError::GaveWay)), "{ended:?}");
    assert_eq!(arrived.load(Ordering::Relaxed), 0, "the preview had the whole way");
    hasty.put(&request, body, &|_| {}).await.expect("the preview itself waits for nothing");
    assert_eq!(arrived.swap(0, Ordering::Relaxed), 1 << 20);
    let (patient, limits) = remote(Duration::from_secs(3_600));
    limits.precedence.preview_goes_first(true);
    let sending = tokio::spawn(async move { patient.put(&request, part, &|_| {}).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(arrived.load(Ordering::Relaxed), 0, "it stands still");
    limits.precedence.preview_goes_first(false);
    sending.await.expect("no panic").expect("it goes on when the preview is out");
    assert_eq!(arrived.load(Ordering::Relaxed), 1 << 20);
}

#[tokio::test]
async fn f9_a_sign_in_page_of_the_network_is_offline_and_nothing_of_it_is_stored() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 19\r\n\r\n<html>Welcome</html",
        "HTTP/1.1 302 Found\r\nlocation: http://login.invalid/\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 511 Network Authentication Required\r\ncontent-type: text/html\r\ncontent-length: 5\r\n\r\nlogin",
    ] {
        let base = serve(move |mut stream| {
            let mut some = [0; 4096];
            let _ = stream.read(&mut some);
            let _ = stream.write_all(answer.as_bytes());
        });
        let remote = http(&base);
        let offline = |error: &RemoteError| {
            matches!(
                error,
                RemoteError::NotCollabtrack { .. }
                    | RemoteError::Unavailable { .. }
                    | RemoteError::StoreRefused { .. }
                    | RemoteError::Unreachable { .. }
            )
        };
        assert!(remote.projects().await.is_err_and(|error| offline(&error)), "{answer}");
        let (folder, body) = file(b"bytes of a part");
        assert!(remote.put(&signed("PUT", format!("{base}/o")), body, &|_| {}).await.is_err_and(|error| offline(&error)), "{answer}");
        let target = folder.path().join("fetched");
        assert!(remote.fetch(&signed("GET", format!("{base}/o")), &target, &|_| {}).await.is_err_and(|error| offline(&error)), "{answer}");
        let ranged = remote.fetch_range(&signed("GET", format!("{base}/o")), (0, 100), &target, &|_| {}).await;
        assert!(ranged.is_err_and(|error| offline(&error)), "{answer}");
        let stored = std::fs::read(&target).unwrap_or_default();
        assert!(stored.is_empty(), "nothing of the page is kept: {}", String::from_utf8_lossy(&stored));
    }
}
