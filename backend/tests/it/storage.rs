//! What CollabTrack needs of an S3 store, tried against the embedded store and against Garage alike. Where the two differ, the
//! difference is named.

use collabtrack_content::hashing::{self, FileHashes};
use collabtrack_domain::hash::ObjectHash;
use collabtrack_protocol::limits::MIN_PART_SIZE_BYTES;
use collabtrack_protocol::uploads::SignedRequest;
use collabtrack_server::blobs::{BlobError, Blobs, Head, checksum_of, composite, self_test};
use collabtrack_server::config::StoreConfig;
use collabtrack_server::random;
use url::Url;

use crate::support::music::{bytes, fetch, put};
use crate::support::{required, start_store};

/// What a store does beyond what is needed.
struct Store {
    blobs: Blobs,
    config: StoreConfig,
    /// "Create only if absent" on PUT. Garage 2.5 silently overwrites; nothing here depends on it.
    conditional_writes: bool,
    /// Refuses to join parts below 5 MiB. Garage 2.5 joins them; this server never plans such parts.
    refuses_small_parts: bool,
}

impl Store {
    fn key(&self) -> String {
        format!("t/conformance/{}", random::hex128())
    }
}

fn garage() -> Store {
    let config = StoreConfig {
        endpoint: Some(Url::parse(&required("COLLABTRACK_TEST_GARAGE_ENDPOINT")).expect("an address")),
        region: required("COLLABTRACK_TEST_GARAGE_REGION"),
        bucket: required("COLLABTRACK_TEST_GARAGE_BUCKET"),
        access_key_id: required("COLLABTRACK_TEST_GARAGE_ACCESS_KEY_ID"),
        secret_access_key: required("COLLABTRACK_TEST_GARAGE_SECRET_ACCESS_KEY").into(),
    };
    Store { blobs: Blobs::new(&config), config, conditional_writes: false, refuses_small_parts: false }
}

/// Runs a check against both stores.
async fn on_both(check: impl AsyncFn(&Store)) {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, config) = start_store(folder.path()).await;
    check(&Store { blobs: Blobs::new(&config), config, conditional_writes: true, refuses_small_parts: true }).await;
    server.stop().await;
    check(&garage()).await;
}

async fn put_whole(store: &Store, key: &str, body: &[u8]) {
    let request = store.blobs.sign_put(key, body.len() as u64, &ObjectHash::of(body), 60).await.expect("signed");
    let answer = put(&request, body.to_vec()).await;
    assert_eq!(answer.status.as_u16(), 200, "{}", answer.text());
}

#[tokio::test]
async fn the_self_test_passes_and_leaves_nothing_behind() {
    on_both(async |store| {
        let report = self_test::run(&store.blobs).await.expect("fit for use");
        assert!(report.steps.contains(&"refuse a body whose SHA-256 differs from the signed one"));
    })
    .await;
    let folder = tempfile::tempdir().expect("a folder");
    let (server, config) = start_store(folder.path()).await;
    self_test::run(&Blobs::new(&config)).await.expect("fit for use");
    for part in ["objects", "data", "incoming", "uploads"] {
        assert_eq!(std::fs::read_dir(folder.path().join(part)).expect("readable").count(), 0, "{part}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_body_is_stored_described_with_its_sha256_and_read_whole_and_in_ranges() {
    on_both(async |store| {
        let (key, body) = (store.key(), bytes(1, 300_000));
        put_whole(store, &key, &body).await;
        let head = store.blobs.head(&key).await.expect("described");
        assert_eq!(head, Some(Head { length: 300_000, checksum: Some(ObjectHash::of(&body).to_base64()) }));
        let request = store.blobs.sign_get(&key, 60).await.expect("signed");
        assert_eq!(fetch(&request, None).await.bytes, body);
        for (range, expected) in [
            ("bytes=0-0", &body[..1]),
            ("bytes=299999-", &body[299_999..]),
            ("bytes=-5", &body[299_995..]),
            ("bytes=1000-1999", &body[1_000..2_000]),
            ("bytes=299990-400000", &body[299_990..]),
        ] {
            let answer = fetch(&request, Some(range)).await;
            assert_eq!((answer.status.as_u16(), answer.bytes.as_slice()), (206, expected), "{range}");
            assert!(answer.headers["content-range"].to_str().expect("text").ends_with("/300000"));
        }
        assert_eq!(fetch(&request, Some("bytes=300000-")).await.status.as_u16(), 416);
        store.blobs.delete(&key).await.expect("removed");
        assert_eq!(store.blobs.head(&key).await.expect("described"), None);
        assert_eq!(fetch(&request, None).await.status.as_u16(), 404);
        store.blobs.delete(&key).await.expect("removing what is not there is no error");
    })
    .await;
}

#[tokio::test]
async fn a_body_that_is_not_the_signed_one_is_refused_and_not_kept() {
    on_both(async |store| {
        let (key, body) = (store.key(), bytes(2, 50_000));
        let request = store.blobs.sign_put(&key, 50_000, &ObjectHash::of(&body), 60).await.expect("signed");
        let mut flipped = body.clone();
        flipped[49_999] ^= 1;
        assert!(put(&request, flipped).await.status.is_client_error());
        // Other lengths: announced as they are, so the signature no longer fits.
        for length in [49_999, 50_001] {
            let mut shorter = request.clone();
            shorter.headers.insert("content-length".to_owned(), length.to_string());
            assert!(put(&shorter, bytes(2, length)).await.status.is_client_error(), "{length} bytes");
        }
        let mut unsigned_hash = request.clone();
        let other = bytes(3, 50_000);
        unsigned_hash.headers.insert("x-amz-checksum-sha256".to_owned(), ObjectHash::of(&other).to_base64());
        assert!(put(&unsigned_hash, other).await.status.is_client_error());
        let mut without = request.clone();
        without.headers.remove("x-amz-checksum-sha256");
        assert!(put(&without, body.clone()).await.status.is_client_error());
        assert_eq!(store.blobs.head(&key).await.expect("described"), None);
        assert_eq!(put(&request, body).await.status.as_u16(), 200);
    })
    .await;
}

#[tokio::test]
async fn tampered_expired_and_unsigned_requests_are_refused() {
    on_both(async |store| {
        let (key, body) = (store.key(), bytes(4, 1_000));
        put_whole(store, &key, &body).await;
        let request = store.blobs.sign_get(&key, 60).await.expect("signed");
        assert_eq!(fetch(&request, None).await.status.as_u16(), 200);
        let other = SignedRequest { url: request.url.replace(&key, &format!("{key}x")), ..request.clone() };
        assert_ne!(other.url, request.url);
        let longer = SignedRequest { url: request.url.replace("X-Amz-Expires=60", "X-Amz-Expires=6000"), ..request.clone() };
        assert_ne!(longer.url, request.url);
        let anonymous = SignedRequest { url: request.url.split('?').next().expect("an address").to_owned(), ..request.clone() };
        for refused in [other, longer, anonymous] {
            let status = fetch(&refused, None).await.status.as_u16();
            assert!(matches!(status, 400 | 403), "{status}");
        }
        let brief = store.blobs.sign_get(&key, 1).await.expect("signed");
        let mut status = fetch(&brief, None).await.status.as_u16();
        let began = std::time::Instant::now();
        while status == 200 && began.elapsed().as_secs() < 20 {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            status = fetch(&brief, None).await.status.as_u16();
        }
        assert!(matches!(status, 400 | 403), "an address that lives 1 s still answers {status}");
    })
    .await;
}

async fn put_file(blobs: &Blobs, key: &str, body: &[u8], mend: impl FnOnce(&mut FileHashes)) -> (Result<(), BlobError>, FileHashes) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    std::fs::write(&path, body).expect("written");
    let mut hashes = hashing::hash_reader(&mut &body[..], blobs.part_bytes(), &mut |_| true).expect("hashed");
    mend(&mut hashes);
    (blobs.put_file(key, &path, &hashes).await, hashes)
}

#[tokio::test]
async fn a_file_of_this_machine_goes_into_the_store_in_parts_whatever_its_length() {
    let part_size = usize::try_from(MIN_PART_SIZE_BYTES).expect("fits");
    on_both(async |store| {
        let blobs = store.blobs.clone().with_parts_of(MIN_PART_SIZE_BYTES);
        let folder = tempfile::tempdir().expect("a folder");
        for length in [1, part_size, part_size + 1, 2 * part_size + 7] {
            let (key, body) = (store.key(), bytes(11, length));
            let (written, hashes) = put_file(&blobs, &key, &body, |_| {}).await;
            written.expect("written");
            let head = blobs.head(&key).await.expect("described").expect("there");
            assert_eq!(head, Head { length: length as u64, checksum: Some(checksum_of(&hashes)) });
            let copy = folder.path().join(length.to_string());
            blobs.fetch_to(&key, &copy).await.expect("read");
            assert!(std::fs::read(&copy).expect("read") == body, "{length} bytes");
            blobs.delete(&key).await.expect("removed");
        }
        // The file is not what it was when it was hashed: the store refuses the part, and nothing is there.
        let key = store.key();
        let (refused, _) = put_file(&blobs, &key, &bytes(12, part_size + 1), |hashes| hashes.parts[1] = ObjectHash::of(b"other")).await;
        refused.expect_err("other bytes");
        assert_eq!(blobs.head(&key).await.expect("described"), None);
    })
    .await;
}

#[tokio::test]
async fn a_file_whose_parts_are_refused_leaves_no_upload_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, config) = start_store(folder.path()).await;
    let blobs = Blobs::new(&config).with_parts_of(MIN_PART_SIZE_BYTES);
    let body = bytes(13, usize::try_from(MIN_PART_SIZE_BYTES).expect("fits") + 1);
    let (refused, _) = put_file(&blobs, "t/x/y", &body, |hashes| hashes.parts[1] = ObjectHash::of(b"other")).await;
    refused.expect_err("other bytes");
    let (refused, _) = put_file(&blobs, "t/x/y", &body, |hashes| hashes.part_size += 1).await;
    refused.expect_err("hashes of other parts");
    for part in ["objects", "data", "incoming", "uploads"] {
        assert_eq!(std::fs::read_dir(folder.path().join(part)).expect("readable").count(), 0, "{part}");
    }
    server.stop().await;
}

#[tokio::test]
async fn parts_are_checked_one_by_one_listed_and_joined_under_a_composite_checksum() {
    on_both(async |store| {
        let key = store.key();
        let part_size = usize::try_from(MIN_PART_SIZE_BYTES).expect("fits");
        let body = bytes(5, 2 * part_size + 7);
        let parts: Vec<&[u8]> = body.chunks(part_size).collect();
        let hashes: Vec<ObjectHash> = parts.iter().map(|part| ObjectHash::of(part)).collect();
        let upload = store.blobs.begin_multipart(&key).await.expect("begun");
        assert_eq!(store.blobs.list_parts(&key, &upload).await.expect("listed"), Some(Vec::new()));
        let sign = async |n: usize| {
            store
                .blobs
                .sign_part(&key, &upload, u32::try_from(n + 1).expect("small"), parts[n].len() as u64, &hashes[n])
                .await
                .expect("signed")
        };
        assert!(put(&sign(0).await, bytes(6, part_size)).await.status.is_client_error(), "a wrong part");
        // Swapped: the right bytes under the wrong number.
        assert!(put(&sign(0).await, parts[1].to_vec()).await.status.is_client_error(), "a swapped part");
        for n in [2, 0, 1] {
            assert_eq!(put(&sign(n).await, parts[n].to_vec()).await.status.as_u16(), 200);
        }
        let stored = store.blobs.list_parts(&key, &upload).await.expect("listed").expect("known");
        assert_eq!(
            stored.iter().map(|part| (part.number, part.length)).collect::<Vec<_>>(),
            [(1, MIN_PART_SIZE_BYTES), (2, MIN_PART_SIZE_BYTES), (3, 7)]
        );
        for (part, hash) in stored.iter().zip(&hashes) {
            assert!(part.checksum.as_ref().is_none_or(|checksum| *checksum == hash.to_base64()));
        }
        assert_eq!(store.blobs.head(&key).await.expect("described"), None, "nothing is there before completion");
        let named: Vec<_> = stored.into_iter().zip(hashes.iter().copied()).collect();
        store.blobs.complete_multipart(&key, &upload, &named).await.expect("joined");
        let head = store.blobs.head(&key).await.expect("described").expect("there");
        assert_eq!(head, Head { length: body.len() as u64, checksum: Some(composite(&hashes)) });
        let request = store.blobs.sign_get(&key, 60).await.expect("signed");
        assert_eq!(ObjectHash::of(&fetch(&request, None).await.bytes), ObjectHash::of(&body));
        let across = format!("bytes={}-{}", part_size - 3, part_size + 2);
        assert_eq!(fetch(&request, Some(&across)).await.bytes, &body[part_size - 3..part_size + 3]);
        assert_eq!(store.blobs.list_parts(&key, &upload).await.expect("listed"), None, "the upload is over");
        store.blobs.abort_multipart(&key, &upload).await.expect("aborting what is over is no error");
    })
    .await;
}

#[tokio::test]
async fn an_aborted_upload_is_gone_and_a_small_middle_part_is_not_joined() {
    on_both(async |store| {
        let key = store.key();
        let upload = store.blobs.begin_multipart(&key).await.expect("begun");
        let small = [b"one".to_vec(), b"two".to_vec()];
        let hashes: Vec<ObjectHash> = small.iter().map(|part| ObjectHash::of(part)).collect();
        for (number, part) in (1u32..).zip(&small) {
            let request = store.blobs.sign_part(&key, &upload, number, 3, &ObjectHash::of(part)).await.expect("signed");
            assert_eq!(put(&request, part.clone()).await.status.as_u16(), 200);
        }
        let stored = store.blobs.list_parts(&key, &upload).await.expect("listed").expect("known");
        let named: Vec<_> = stored.into_iter().zip(hashes).collect();
        let joined = store.blobs.complete_multipart(&key, &upload, &named).await;
        assert_eq!(joined.is_err(), store.refuses_small_parts, "a middle part below 5 MiB");
        assert_eq!(store.blobs.head(&key).await.expect("described").is_none(), store.refuses_small_parts);
        store.blobs.abort_multipart(&key, &upload).await.expect("aborted");
        assert_eq!(store.blobs.list_parts(&key, &upload).await.expect("listed"), None);
        let request = store.blobs.sign_part(&key, &upload, 1, 3, &ObjectHash::of(b"one")).await.expect("signed");
        assert_eq!(put(&request, b"one".to_vec()).await.status.as_u16(), 404);
    })
    .await;
}

#[tokio::test]
async fn of_sixteen_writers_that_create_only_one_wins_where_the_store_knows_conditions() {
    on_both(async |store| {
        let key = store.key();
        let bodies: Vec<Vec<u8>> = (0..16).map(|n| bytes(100 + n, 10_000)).collect();
        let client = s3_client(&store.config);
        let tries = bodies.iter().map(|body| {
            let request = client.put_object().bucket(&store.config.bucket).key(&key).if_none_match("*");
            request.checksum_sha256(ObjectHash::of(body).to_base64()).body(body.clone().into()).send()
        });
        let won = futures::future::join_all(tries).await.iter().filter(|result| result.is_ok()).count();
        assert_eq!(won, if store.conditional_writes { 1 } else { 16 });
        let head = store.blobs.head(&key).await.expect("described").expect("there");
        assert!(bodies.iter().any(|body| head.checksum == Some(ObjectHash::of(body).to_base64())));
    })
    .await;
}

#[tokio::test]
async fn keys_are_listed_by_prefix_page_by_page() {
    on_both(async |store| {
        let prefix = store.key();
        for name in ["a", "b/c", "ü", "z"] {
            put_whole(store, &format!("{prefix}/{name}"), b"x").await;
        }
        let client = s3_client(&store.config);
        let (mut found, mut token) = (Vec::new(), None);
        loop {
            let request = client.list_objects_v2().bucket(&store.config.bucket).prefix(&prefix).max_keys(3).set_continuation_token(token);
            let page = request.send().await.expect("listed");
            found.extend(page.contents().iter().filter_map(|object| object.key().map(str::to_owned)));
            token = page.next_continuation_token().map(str::to_owned);
            if page.is_truncated() != Some(true) {
                break;
            }
        }
        assert_eq!(found, ["a", "b/c", "z", "ü"].map(|name| format!("{prefix}/{name}")));
    })
    .await;
}

#[tokio::test]
async fn keys_are_listed_as_folders_when_a_delimiter_is_named() {
    on_both(async |store| {
        let prefix = store.key();
        for name in ["a", "b/c", "b/d", "b/d/e", "c/d", "d"] {
            put_whole(store, &format!("{prefix}/{name}"), b"x").await;
        }
        let client = s3_client(&store.config);
        let (mut keys, mut folders, mut token) = (Vec::new(), Vec::new(), None);
        loop {
            let request = client.list_objects_v2().bucket(&store.config.bucket).prefix(format!("{prefix}/")).delimiter("/").max_keys(2);
            let page = request.set_continuation_token(token).send().await.expect("listed");
            keys.extend(page.contents().iter().filter_map(|object| object.key().map(str::to_owned)));
            folders.extend(page.common_prefixes().iter().filter_map(|folder| folder.prefix().map(str::to_owned)));
            token = page.next_continuation_token().map(str::to_owned);
            if page.is_truncated() != Some(true) {
                break;
            }
        }
        assert_eq!(keys, ["a", "d"].map(|name| format!("{prefix}/{name}")));
        assert_eq!(folders, ["b/", "c/"].map(|name| format!("{prefix}/{name}")), "each once, whatever the pages");
    })
    .await;
}

fn s3_client(config: &StoreConfig) -> aws_sdk_s3::Client {
    use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
    use secrecy::ExposeSecret;
    let credentials = Credentials::new(config.access_key_id.clone(), config.secret_access_key.expose_secret(), None, None, "test");
    let endpoint = config.endpoint.as_ref().expect("an address").as_str().trim_end_matches('/').to_owned();
    let builder = aws_sdk_s3::Config::builder().behavior_version(BehaviorVersion::latest()).region(Region::new(config.region.clone()));
    aws_sdk_s3::Client::from_conf(builder.credentials_provider(credentials).force_path_style(true).endpoint_url(endpoint).build())
}
