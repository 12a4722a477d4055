//! File bytes to and from the store, by signed requests.

use std::io::SeekFrom;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use collabtrack_protocol::uploads::SignedRequest;
use futures::StreamExt;
use reqwest::header::{ETAG, RANGE};
use reqwest::{Response, StatusCode};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio::time::Instant;

use super::{Api, PIECE_BYTES, content_type, heard_within, retry_after, start_of, unreachable};
use crate::sync::limit::Limits;
use crate::sync::remote::{FileRange, Progress, RemoteError, RemoteResult};

/// How fast what waits inside the system goes out at least, in bytes per second.
const BUFFERED_RATE: u64 = 16 * 1024;

/// What the store's refusal means.
async fn refusal(response: Response) -> RemoteError {
    let (status, kind, wait) = (response.status(), content_type(&response), retry_after(&response));
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return RemoteError::Unavailable { status: status.as_u16(), retry_after: wait };
    }
    if status.is_redirection() || kind.starts_with("text/html") {
        return RemoteError::NotCollabtrack { reason: "a web page came from where the store should be".into() };
    }
    let text = String::from_utf8_lossy(&start_of(response).await).into_owned();
    let about_bytes = ["BadDigest", "XAmzContentChecksumMismatch", "InvalidDigest", "XAmzContentSHA256Mismatch", "IncompleteBody"];
    if about_bytes.iter().any(|code| text.contains(code)) {
        RemoteError::ChecksumRefused
    } else {
        RemoteError::StoreRefused { status: status.as_u16() }
    }
}

/// The pieces of a run of bytes, read as they are sent.
async fn pieces(
    body: &FileRange,
    limits: Arc<Limits>,
) -> RemoteResult<impl futures::Stream<Item = std::io::Result<Vec<u8>>> + Send + use<>> {
    let mut file = File::open(&body.path).await.map_err(|error| RemoteError::local(&body.path, error))?;
    file.seek(SeekFrom::Start(body.offset)).await.map_err(|error| RemoteError::local(&body.path, error))?;
    let gives_way = body.gives_way;
    Ok(futures::stream::try_unfold((file, body.length, limits), move |(mut file, left, limits)| async move {
        if left == 0 {
            return Ok(None);
        }
        let want = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE_BYTES);
        if gives_way {
            limits.in_pace(want as u64).await;
            if !limits.precedence.give_way().await {
                return Err(std::io::Error::other(GaveWay));
            }
        }
        let mut piece = vec![0_u8; want];
        file.read_exact(&mut piece).await?;
        limits.before_sending(want as u64).await;
        Ok(Some((piece, (file, left - want as u64, limits))))
    }))
}

impl Api {
    /// Sends a run of bytes of a file.
    pub(super) async fn put_range(&self, request: &SignedRequest, body: FileRange, progress: Progress<'_>) -> RemoteResult<()> {
        // Counted here and told outside the stream: what the body captures outlives this call.
        let (counter, mut counted) = tokio::sync::mpsc::unbounded_channel::<u64>();
        let stream = pieces(&body, self.limits.clone()).await?.inspect(move |piece| {
            if let Ok(piece) = piece
                && counter.send(piece.len() as u64).is_err()
            {
                tracing::trace!("nobody counts these bytes any more");
            }
        });
        let send = self.signed(request)?.body(reqwest::Body::wrap_stream(stream)).send();
        tokio::pin!(send);
        let began = Instant::now();
        let (handed_before, mut handed_at) = (self.limits.pace.handed(), began);
        let (mut sent, mut silent_at) = (0, began + self.silence);
        let response = loop {
            tokio::select! {
                response = &mut send => break response.map_err(|error| sending_failed(&error))?,
                Some(bytes) = counted.recv() => {
                    progress(bytes);
                    sent += bytes;
                    handed_at = Instant::now();
                    // The last bytes wait inside the system for as long as a slow network needs for them.
                    let buffered = Duration::from_secs(body.length.min(1 << 20) / BUFFERED_RATE);
                    let still_inside = if sent >= body.length { began.elapsed().max(buffered) } else { Duration::ZERO };
                    silent_at = Instant::now() + self.silence + still_inside;
                }
                () = tokio::time::sleep_until(silent_at) => {
                    return Err(RemoteError::Unreachable { reason: format!("not a byte went through for {} s", self.silence.as_secs()) });
                }
            }
        };
        while let Ok(bytes) = counted.try_recv() {
            progress(bytes);
        }
        if !response.status().is_success() {
            return Err(refusal(response).await);
        }
        self.limits.went_out(&body, self.limits.pace.handed() - handed_before, (began, handed_at));
        // A network that answers in the store's place does not know the object's tag.
        if response.headers().get(ETAG).is_none() || content_type(&response).starts_with("text/html") {
            return Err(RemoteError::NotCollabtrack { reason: "the answer lacks what a store says".into() });
        }
        Ok(())
    }

    /// Adds what `target` lacks of a run of bytes of an object.
    pub(super) async fn fetch_range(
        &self,
        request: &SignedRequest,
        range: (u64, u64),
        target: &Path,
        progress: Progress<'_>,
    ) -> RemoteResult<()> {
        let (mut file, have) = open(target).await?;
        let (from, length) = range;
        if have >= length {
            return if have == length { Ok(()) } else { file.set_len(0).await.map_err(|error| RemoteError::local(target, error)) };
        }
        let last = from.saturating_add(length).saturating_sub(1);
        let builder = self.signed(request)?.header(RANGE, format!("bytes={}-{last}", from.saturating_add(have)));
        let response = heard_within(self.silence, builder.send()).await?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT => self.take(response, target, &mut file, Some(length - have), progress).await,
            status if status.is_success() => {
                Err(RemoteError::NotCollabtrack { reason: "the answer is not the range that was asked for".into() })
            }
            _ => Err(refusal(response).await),
        }
    }

    /// Adds what `target` lacks of a whole object.
    pub(super) async fn fetch_object(&self, request: &SignedRequest, target: &Path, progress: Progress<'_>) -> RemoteResult<()> {
        let local = |error| RemoteError::local(target, error);
        let (mut file, have) = open(target).await?;
        let mut builder = self.signed(request)?;
        if have > 0 {
            builder = builder.header(RANGE, format!("bytes={have}-"));
        }
        let response = heard_within(self.silence, builder.send()).await?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT => {}
            StatusCode::OK if !content_type(&response).starts_with("text/html") => file.set_len(0).await.map_err(local)?,
            StatusCode::OK => return Err(RemoteError::NotCollabtrack { reason: "a web page came from where the store should be".into() }),
            StatusCode::RANGE_NOT_SATISFIABLE => {
                file.set_len(0).await.map_err(local)?;
                return Err(refusal(response).await);
            }
            _ => return Err(refusal(response).await),
        }
        self.take(response, target, &mut file, None, progress).await
    }

    /// Adds the bytes of an answer to the end of a file as they come; no more than `most`.
    async fn take(
        &self,
        response: Response,
        target: &Path,
        file: &mut File,
        most: Option<u64>,
        progress: Progress<'_>,
    ) -> RemoteResult<()> {
        let local = |error| RemoteError::local(target, error);
        file.seek(SeekFrom::End(0)).await.map_err(local)?;
        let mut left = most.unwrap_or(u64::MAX);
        let mut stream = response.bytes_stream();
        while let Some(piece) = heard_within(self.silence, async { stream.next().await.transpose() }).await? {
            let got = piece.len() as u64;
            left = left.checked_sub(got).ok_or_else(|| RemoteError::NotCollabtrack { reason: "more came than was asked for".into() })?;
            file.write_all(&piece).await.map_err(local)?;
            progress(got);
            self.limits.after_fetching(got).await;
        }
        file.flush().await.map_err(local)
    }
}

/// Why the pieces of a body ended early.
#[derive(Debug, thiserror::Error)]
#[error("a preview goes first")]
struct GaveWay;

fn sending_failed(error: &reqwest::Error) -> RemoteError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
    while let Some(inner) = cause {
        let wrapped = inner.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if inner.is::<GaveWay>() || wrapped.is_some_and(|wrapped| wrapped.is::<GaveWay>()) {
            return RemoteError::GaveWay;
        }
        cause = inner.source();
    }
    unreachable(error)
}

/// A file to add to, and how much of it is there.
async fn open(target: &Path) -> RemoteResult<(File, u64)> {
    let local = |error| RemoteError::local(target, error);
    let file = File::options().create(true).truncate(false).write(true).open(target).await.map_err(local)?;
    let have = file.metadata().await.map_err(local)?.len();
    Ok((file, have))
}
