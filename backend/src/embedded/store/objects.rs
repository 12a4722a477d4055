//! Objects of the embedded store: create, look up, read a range, list, remove.

use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::disk::{DiskStore, ObjectRecord, Piece, read_record, remove_if_there, write_record};

const READ_CHUNK_BYTES: usize = 256 * 1024;

/// Whether an object may take the place of an older one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Existing {
    Replace,
    Refuse,
}

/// How an attempt to create an object ended.
pub(super) enum Created {
    Yes(ObjectRecord),
    /// There is one of that key, and it was not to be replaced; the bytes offered are still under `data/`.
    Exists,
}

impl DiskStore {
    /// Makes an object of bytes already under `data/`. Whoever holds the commit lock sees either the old state or the new one.
    pub(super) async fn create(&self, key: &str, pieces: Vec<Piece>, checksum: String, existing: Existing) -> io::Result<Created> {
        let length = pieces.iter().map(|piece| piece.length).sum();
        let etag = checksum.replace(['+', '/', '='], "");
        let record = ObjectRecord { key: key.to_owned(), length, checksum, etag, modified_ms: now_ms(), pieces };
        let path = self.record(key);
        let guard = self.commit.lock().await;
        let old: Option<ObjectRecord> = read_record(&path).await?;
        if old.is_some() && existing == Existing::Refuse {
            return Ok(Created::Exists);
        }
        write_record(&path, &record).await?;
        drop(guard);
        if let Some(old) = old {
            let unused: Vec<Piece> =
                old.pieces.into_iter().filter(|piece| record.pieces.iter().all(|kept| kept.file != piece.file)).collect();
            self.discard(&unused).await?;
        }
        Ok(Created::Yes(record))
    }

    pub(super) async fn look_up(&self, key: &str) -> io::Result<Option<ObjectRecord>> {
        read_record(&self.record(key)).await
    }

    /// Removes an object; one that is not there is no error.
    pub(super) async fn remove(&self, key: &str) -> io::Result<()> {
        let _guard = self.commit.lock().await;
        if let Some(record) = self.look_up(key).await? {
            remove_if_there(&self.record(key)).await?;
            self.discard(&record.pieces).await?;
        }
        Ok(())
    }

    /// Every object whose key begins with `prefix` and comes after `after`, by key.
    pub(super) async fn list(&self, prefix: &str, after: &str) -> io::Result<Vec<ObjectRecord>> {
        let mut found = Vec::new();
        let mut entries = tokio::fs::read_dir(self.objects()).await?;
        while let Some(entry) = entries.next_entry().await? {
            if entry.path().extension().is_none_or(|e| e != "json") {
                continue;
            }
            if let Some(record) = read_record::<ObjectRecord>(&entry.path()).await?
                && record.key.starts_with(prefix)
                && record.key.as_str() > after
            {
                found.push(record);
            }
        }
        found.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(found)
    }

    /// Streams bytes `[start, end)` of an object. A reader that goes away ends the stream; one that is slow slows it down.
    pub(super) fn read(&self, record: &ObjectRecord, start: u64, end: u64) -> ReceiverStream<io::Result<Bytes>> {
        let (sender, receiver) = mpsc::channel(2);
        let (store, pieces) = (self.clone(), record.pieces.clone());
        tokio::spawn(async move {
            if let Err(error) = store.send_range(&pieces, start, end, &sender).await {
                tracing::error!(error = &error as &dyn std::error::Error, "the embedded store could not read an object");
                let _ = sender.send(Err(error)).await;
            }
        });
        ReceiverStream::new(receiver)
    }

    async fn send_range(&self, pieces: &[Piece], start: u64, end: u64, to: &mpsc::Sender<io::Result<Bytes>>) -> io::Result<()> {
        let mut piece_start = 0;
        for piece in pieces {
            let piece_end = piece_start + piece.length;
            let (from, until) = (start.max(piece_start), end.min(piece_end));
            if from < until {
                let mut file = tokio::fs::File::open(self.data(&piece.file)).await?;
                file.seek(io::SeekFrom::Start(from - piece_start)).await?;
                let mut left = until - from;
                while left > 0 {
                    let wanted = usize::try_from(left).unwrap_or(READ_CHUNK_BYTES).min(READ_CHUNK_BYTES);
                    let mut chunk = vec![0; wanted];
                    file.read_exact(&mut chunk).await?;
                    left -= wanted as u64;
                    if to.send(Ok(chunk.into())).await.is_err() {
                        return Ok(());
                    }
                }
            }
            piece_start = piece_end;
        }
        Ok(())
    }

    /// Removes bytes that no record names any more.
    pub(super) async fn discard(&self, pieces: &[Piece]) -> io::Result<()> {
        for piece in pieces {
            remove_if_there(&self.data(&piece.file)).await?;
        }
        Ok(())
    }
}

/// Milliseconds since 1970, for `Last-Modified` only.
fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}
