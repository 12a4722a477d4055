//! Server-sent hints: "this project has news". They only make syncing faster; nothing depends on one arriving.

use std::time::Duration;

use futures::StreamExt;

use super::http::Api;
use super::remote::{RemoteError, RemoteResult};

/// After this long without a word a stream counts as dead.
const SILENCE: Duration = Duration::from_secs(45);
/// Longest line kept; hints are far shorter.
const MOST_LINE_BYTES: usize = 16 * 1024;

/// Listens until the stream ends; calls `opened` when the server answers with one, and `news` with every hint.
pub(crate) async fn listen(api: &Api, opened: impl Fn(), news: impl Fn()) -> RemoteResult<()> {
    let mut stream = api.events().await?.bytes_stream();
    opened();
    let mut line = Vec::new();
    loop {
        let piece = match tokio::time::timeout(SILENCE, stream.next()).await {
            Ok(Some(Ok(piece))) => piece,
            Ok(Some(Err(_)) | None) => return Ok(()),
            Err(_) => return Err(RemoteError::Unreachable { reason: "the stream of hints fell silent".into() }),
        };
        for byte in piece {
            match byte {
                b'\n' => {
                    if line.starts_with(b"data:") {
                        news();
                    }
                    line.clear();
                }
                byte if line.len() < MOST_LINE_BYTES => line.push(byte),
                _ => {}
            }
        }
    }
}
