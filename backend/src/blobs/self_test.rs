//! The self-test of the store: what CollabTrack needs of it, tried once with real requests exactly as a desktop sends them. A store that
//! keeps a body whose hash differs from the signed one must not be used: "synced" would mean nothing.

use std::time::Duration;

use collabtrack_domain::hash::ObjectHash;
use collabtrack_protocol::limits::MIN_PART_SIZE_BYTES;
use collabtrack_protocol::uploads::SignedRequest;

use super::{BlobError, Blobs, composite};
use crate::random;

const LIFE_S: u64 = 120;

/// Why a store is refused.
#[derive(Debug, thiserror::Error)]
pub enum SelfTestError {
    /// A call failed.
    #[error("the store failed its self-test at: {step}")]
    Failed {
        /// What was tried.
        step: &'static str,
        /// Why.
        #[source]
        source: BlobError,
    },
    /// It answered, but not as it must.
    #[error(
        "the store failed its self-test at: {step}; {found}. CollabTrack does not use a store that cannot vouch for the bytes it holds"
    )]
    Wrong {
        /// What was tried.
        step: &'static str,
        /// What came instead.
        found: String,
    },
}

/// What the self-test found out beside that the store is fit for use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What was tried and worked, in order.
    pub steps: Vec<&'static str>,
}

/// Runs the self-test against `blobs`, leaving nothing behind.
/// # Errors
/// The first thing the store does not do as it must.
pub async fn run(blobs: &Blobs) -> Result<Report, SelfTestError> {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).build();
    let probe = Probe { blobs, client: client.map_err(|_| unreachable("make a client", "this machine has no TLS"))? };
    let prefix = format!("t/self-test/{}", random::hex128());
    let (single, wrong, multi) = (format!("{prefix}/single"), format!("{prefix}/wrong"), format!("{prefix}/multi"));
    let mut report = Report { steps: Vec::new() };
    let result = async {
        whole_object(&probe, &single, &mut report).await?;
        wrong_bytes(&probe, &wrong, &mut report).await?;
        parts(&probe, &multi, &mut report).await
    }
    .await;
    for key in [&single, &wrong, &multi] {
        if let Err(error) = blobs.delete(key).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "the self-test could not remove its object");
        }
    }
    result.map(|()| report)
}

async fn whole_object(probe: &Probe<'_>, key: &str, report: &mut Report) -> Result<(), SelfTestError> {
    let blobs = probe.blobs;
    let step = "put an object with its SHA-256 signed";
    let body = format!("CollabTrack self-test {key}").into_bytes();
    let sha256 = ObjectHash::of(&body);
    let request = blobs.sign_put(key, body.len() as u64, &sha256, LIFE_S).await.map_err(|source| SelfTestError::Failed { step, source })?;
    let (status, _) = probe.send(&request, None, body.clone(), step).await?;
    expect(step, status == 200, || format!("it answered {status}"))?;
    report.steps.push(step);

    let step = "describe it with length and SHA-256";
    let head = blobs.head(key).await.map_err(|source| SelfTestError::Failed { step, source })?;
    let right = head.as_ref().is_some_and(|head| {
        head.length == body.len() as u64 && head.checksum.as_ref().is_none_or(|checksum| *checksum == sha256.to_base64())
    });
    expect(step, right, || format!("it described {head:?}"))?;
    report.steps.push(step);

    let step = "get a range of it";
    let request = blobs.sign_get(key, LIFE_S).await.map_err(|source| SelfTestError::Failed { step, source })?;
    let (status, bytes) = probe.send(&request, Some("bytes=2-6"), Vec::new(), step).await?;
    expect(step, status == 206 && bytes == body[2..7], || format!("it answered {status} with {} bytes", bytes.len()))?;
    report.steps.push(step);

    let step = "refuse a reader without signature";
    let open = SignedRequest { url: request.url.split('?').next().unwrap_or_default().to_owned(), ..request };
    let (status, _) = probe.send(&open, None, Vec::new(), step).await?;
    expect(step, (400..500).contains(&status), || format!("it answered {status}"))?;
    report.steps.push(step);
    Ok(())
}

async fn wrong_bytes(probe: &Probe<'_>, key: &str, report: &mut Report) -> Result<(), SelfTestError> {
    let blobs = probe.blobs;
    let step = "refuse a body whose SHA-256 differs from the signed one";
    let (promised, sent) = (b"the bytes that were promised".to_vec(), b"the bytes that really arrive".to_vec());
    let request = blobs.sign_put(key, promised.len() as u64, &ObjectHash::of(&promised), LIFE_S).await;
    let request = request.map_err(|source| SelfTestError::Failed { step, source })?;
    let (status, _) = probe.send(&request, None, sent, step).await?;
    let kept = blobs.head(key).await.map_err(|source| SelfTestError::Failed { step, source })?.is_some();
    expect(step, (400..500).contains(&status) && !kept, || {
        format!("it answered {status} and {} the object", if kept { "kept" } else { "did not keep" })
    })?;
    report.steps.push(step);
    Ok(())
}

async fn parts(probe: &Probe<'_>, key: &str, report: &mut Report) -> Result<(), SelfTestError> {
    let blobs = probe.blobs;
    let step = "join parts with their SHA-256 signed";
    let failed = |source| SelfTestError::Failed { step, source };
    let first = vec![b'a'; usize::try_from(MIN_PART_SIZE_BYTES).unwrap_or(0)];
    let bodies = [first, b"the last part".to_vec()];
    let hashes: Vec<ObjectHash> = bodies.iter().map(|body| ObjectHash::of(body)).collect();
    let length: u64 = bodies.iter().map(|body| body.len() as u64).sum();
    let upload = blobs.begin_multipart(key).await.map_err(failed)?;
    for (number, (body, sha256)) in (1u32..).zip(bodies.into_iter().zip(&hashes)) {
        let request = blobs.sign_part(key, &upload, number, body.len() as u64, sha256).await.map_err(failed)?;
        let (status, _) = probe.send(&request, None, body, step).await?;
        expect(step, status == 200, || format!("it answered {status} to part {number}"))?;
    }
    let stored = blobs.list_parts(key, &upload).await.map_err(failed)?.unwrap_or_default();
    expect(step, stored.len() == 2, || format!("it lists {} parts of 2", stored.len()))?;
    let named: Vec<_> = stored.into_iter().zip(hashes.iter().copied()).collect();
    blobs.complete_multipart(key, &upload, &named).await.map_err(failed)?;
    let head = blobs.head(key).await.map_err(failed)?;
    let wanted = composite(&hashes);
    let right =
        head.as_ref().is_some_and(|head| head.length == length && head.checksum.as_ref().is_none_or(|checksum| *checksum == wanted));
    expect(step, right, || format!("it described {head:?}"))?;
    report.steps.push(step);
    Ok(())
}

fn expect(step: &'static str, right: bool, found: impl FnOnce() -> String) -> Result<(), SelfTestError> {
    if right { Ok(()) } else { Err(SelfTestError::Wrong { step, found: found() }) }
}

fn unreachable(step: &'static str, code: &str) -> SelfTestError {
    SelfTestError::Failed { step, source: BlobError::Call { attempted: "answer a signed request", code: code.to_owned() } }
}

/// The store under test, and a client as desktops have.
struct Probe<'a> {
    blobs: &'a Blobs,
    client: reqwest::Client,
}

impl Probe<'_> {
    /// Sends a signed request and returns status and body.
    async fn send(
        &self,
        request: &SignedRequest,
        range: Option<&str>,
        body: Vec<u8>,
        step: &'static str,
    ) -> Result<(u16, Vec<u8>), SelfTestError> {
        // The client's own words may hold the signed address, so only the kind of failure is passed on.
        let method = reqwest::Method::from_bytes(request.method.as_bytes()).map_err(|_| unreachable(step, "no method"))?;
        let mut builder = self.client.request(method, &request.url);
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        if let Some(range) = range {
            builder = builder.header("range", range);
        }
        if request.method != "GET" {
            builder = builder.body(body);
        }
        let answer = builder.send().await.map_err(|_| unreachable(step, "it could not be reached"))?;
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await.map_err(|_| unreachable(step, "its answer broke off"))?;
        Ok((status, bytes.to_vec()))
    }
}
