//! Upload sessions: signed parts, and the store's word on what arrived.

use collabtrack_domain::id::UploadId;
use collabtrack_domain::role::Role;
use collabtrack_protocol::limits::PART_SIZE_BYTES;
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::uploads::{CreateUpload, ObjectFormat, UploadState, UploadStatus, WantUrls};
use url::Url;

use crate::support::music::{bytes, plan, put};
use crate::support::{Server, music};

fn query(url: &str, name: &str) -> String {
    let url = Url::parse(url).expect("an address");
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).expect("that parameter")
}

#[tokio::test]
async fn length_and_sha256_are_part_of_the_signature_of_every_put() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let small = bytes(1, 1_000);
    let large = bytes(2, usize::try_from(PART_SIZE_BYTES).expect("fits") + 1);
    for data in [&small, &large] {
        let state = ann.open_upload(&project, &plan(ObjectFormat::Plain, data)).await;
        for part in &state.urls {
            assert_eq!(query(&part.request.url, "X-Amz-SignedHeaders"), "content-length;host;x-amz-checksum-sha256");
            assert_eq!(query(&part.request.url, "X-Amz-Expires"), "900");
            assert_eq!(part.request.expires_in_s, 900);
            assert!(part.request.headers.contains_key("x-amz-checksum-sha256") && part.request.headers.contains_key("content-length"));
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn an_object_of_one_part_is_verified_by_completing_and_completing_again_says_the_same() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let data = bytes(3, 100_000);
    let plan = plan(ObjectFormat::Plain, &data);
    let opened = ann.open_upload(&project, &plan).await;
    assert_eq!((opened.status, opened.urls.len(), opened.stored_parts.as_slice()), (UploadStatus::Open, 1, [].as_slice()));
    assert!(opened.object.starts_with(&format!("p/{project}/o/")));
    let complete = format!("/uploads/{}/complete", plan.upload);
    ann.act(&complete).await.problem(409, ErrorCode::UploadIncomplete);
    assert_eq!(put(&opened.urls[0].request, data).await.status.as_u16(), 200);
    let held: UploadState = ann.get(&format!("/uploads/{}", plan.upload)).await.ok();
    assert_eq!((held.status, held.stored_parts), (UploadStatus::Open, vec![1]));
    for _ in 0..2 {
        assert_eq!(ann.act(&complete).await.ok::<UploadState>().status, UploadStatus::Verified);
    }
    ann.post(&format!("/uploads/{}/urls", plan.upload), &WantUrls { parts: vec![1] }).await.problem(409, ErrorCode::UploadGone);
    server.stop().await;
}

#[tokio::test]
async fn an_object_of_several_parts_resumes_where_it_stopped_and_is_verified_as_a_whole() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let part_size = usize::try_from(PART_SIZE_BYTES).expect("fits");
    let data = bytes(4, 2 * part_size + 12_345);
    let plan = plan(ObjectFormat::Plain, &data);
    let opened = ann.open_upload(&project, &plan).await;
    assert_eq!(opened.urls.iter().map(|part| part.part).collect::<Vec<_>>(), [1, 2, 3]);
    // The third part first, then the client is gone and asks again.
    assert_eq!(put(&opened.urls[2].request, data[2 * part_size..].to_vec()).await.status.as_u16(), 200);
    let path = format!("/uploads/{}", plan.upload);
    let problem = ann.act(&format!("{path}/complete")).await.problem(409, ErrorCode::UploadIncomplete);
    assert_eq!(problem.facts.expect("facts")["missing_parts"], serde_json::json!([1, 2]));
    assert_eq!(ann.get(&path).await.ok::<UploadState>().stored_parts, [3]);
    let again = ann.open_upload(&project, &plan).await;
    assert_eq!(again.object, opened.object);
    assert_eq!(again.urls.iter().map(|part| part.part).collect::<Vec<_>>(), [1, 2]);
    let fresh: UploadState = ann.post(&format!("{path}/urls"), &WantUrls { parts: vec![2, 1] }).await.ok();
    assert_eq!(put(&fresh.urls[0].request, data[part_size..2 * part_size].to_vec()).await.status.as_u16(), 200);
    assert_eq!(put(&fresh.urls[1].request, data[..part_size].to_vec()).await.status.as_u16(), 200);
    assert_eq!(ann.act(&format!("{path}/complete")).await.ok::<UploadState>().status, UploadStatus::Verified);
    server.stop().await;
}

#[tokio::test]
async fn the_store_refuses_other_bytes_than_those_signed_and_the_upload_stays_open() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let data = bytes(5, 50_000);
    let plan = plan(ObjectFormat::Plain, &data);
    let opened = ann.open_upload(&project, &plan).await;
    let mut flipped = data.clone();
    flipped[25_000] ^= 1;
    assert_eq!(put(&opened.urls[0].request, flipped).await.status.as_u16(), 400);
    ann.act(&format!("/uploads/{}/complete", plan.upload)).await.problem(409, ErrorCode::UploadIncomplete);
    assert_eq!(put(&opened.urls[0].request, data).await.status.as_u16(), 200);
    assert_eq!(ann.act(&format!("/uploads/{}/complete", plan.upload)).await.ok::<UploadState>().status, UploadStatus::Verified);
    server.stop().await;
}

#[tokio::test]
async fn an_object_that_is_not_what_was_announced_ends_the_upload() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let data = bytes(6, 10_000);
    let plan = plan(ObjectFormat::Plain, &data);
    let opened = ann.open_upload(&project, &plan).await;
    // Somebody with the store's own key puts other bytes under the key.
    let blobs = collabtrack_server::blobs::Blobs::new(&server.config.store);
    let other = bytes(7, 10_000);
    let foreign = blobs.sign_put(&opened.object, 10_000, &collabtrack_domain::hash::ObjectHash::of(&other), 60).await.expect("signed");
    assert_eq!(put(&foreign, other).await.status.as_u16(), 200);
    ann.act(&format!("/uploads/{}/complete", plan.upload)).await.problem(409, ErrorCode::ChecksumMismatch);
    assert_eq!(ann.act(&format!("/uploads/{}/complete", plan.upload)).await.ok::<UploadState>().status, UploadStatus::Gone);
    server.stop().await;
}

#[tokio::test]
async fn a_lost_answer_to_completing_is_found_out_by_asking_the_store() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let part_size = usize::try_from(PART_SIZE_BYTES).expect("fits");
    let data = bytes(8, part_size + 1);
    let plan = plan(ObjectFormat::Plain, &data);
    let opened = ann.open_upload(&project, &plan).await;
    for (part, body) in opened.urls.iter().zip([&data[..part_size], &data[part_size..]]) {
        assert_eq!(put(&part.request, body.to_vec()).await.status.as_u16(), 200);
    }
    // The store joins the parts, but this server never learns of it: as if it had died between the two.
    let blobs = collabtrack_server::blobs::Blobs::new(&server.config.store);
    let multipart: String = sqlx::query_scalar("select multipart_id from upload").fetch_one(server.database()).await.expect("one upload");
    let stored = blobs.list_parts(&opened.object, &multipart).await.expect("listed").expect("known");
    let named: Vec<_> = stored.into_iter().zip(plan.parts.iter().copied()).collect();
    blobs.complete_multipart(&opened.object, &multipart, &named).await.expect("joined");
    assert_eq!(ann.act(&format!("/uploads/{}/complete", plan.upload)).await.ok::<UploadState>().status, UploadStatus::Verified);
    server.stop().await;
}

#[tokio::test]
async fn an_upload_that_the_store_has_forgotten_is_gone() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let data = bytes(9, usize::try_from(PART_SIZE_BYTES).expect("fits") + 1);
    let plan = plan(ObjectFormat::Plain, &data);
    let opened = ann.open_upload(&project, &plan).await;
    let multipart: String = sqlx::query_scalar("select multipart_id from upload").fetch_one(server.database()).await.expect("one upload");
    let blobs = collabtrack_server::blobs::Blobs::new(&server.config.store);
    blobs.abort_multipart(&opened.object, &multipart).await.expect("aborted");
    assert_eq!(ann.act(&format!("/uploads/{}/complete", plan.upload)).await.ok::<UploadState>().status, UploadStatus::Gone);
    ann.post(&format!("/uploads/{}/urls", plan.upload), &WantUrls { parts: vec![1] }).await.problem(409, ErrorCode::UploadGone);
    server.stop().await;
}

#[tokio::test]
async fn one_id_stands_for_one_upload_also_when_asked_ten_times_at_once() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let data = bytes(10, usize::try_from(PART_SIZE_BYTES).expect("fits") + 1);
    let plan = plan(ObjectFormat::Plain, &data);
    let states = futures::future::join_all((0..10).map(|_| ann.open_upload(&project, &plan))).await;
    assert!(states.iter().all(|state| state.object == states[0].object));
    let other = CreateUpload { format: ObjectFormat::Preview, ..plan };
    ann.post(&format!("/projects/{project}/uploads"), &other).await.problem(409, ErrorCode::IdTaken);
    server.stop().await;
}

#[tokio::test]
async fn plans_that_contradict_themselves_and_unknown_parts_are_refused() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let good = plan(ObjectFormat::Plain, &bytes(11, 1_000));
    for bad in [
        CreateUpload { length: 0, part_size: 0, ..good.clone() },
        CreateUpload { length: 999, ..good.clone() },
        CreateUpload { parts: Vec::new(), ..good.clone() },
        CreateUpload { format: ObjectFormat::Unknown, ..good.clone() },
    ] {
        ann.post(&format!("/projects/{project}/uploads"), &bad).await.problem(422, ErrorCode::Invalid);
    }
    ann.open_upload(&project, &good).await;
    for parts in [vec![], vec![2], vec![0], vec![1; 9]] {
        ann.post(&format!("/uploads/{}/urls", good.upload), &WantUrls { parts }).await.problem(422, ErrorCode::Invalid);
    }
    server.stop().await;
}

#[tokio::test]
async fn an_upload_belongs_to_whoever_opened_it() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let mel = ann.add_member(&project, "Mel", Role::Member).await;
    let plan = plan(ObjectFormat::Plain, &music::bytes(12, 1_000));
    ann.open_upload(&project, &plan).await;
    mel.get(&format!("/uploads/{}", plan.upload)).await.problem(404, ErrorCode::NotFound);
    mel.act(&format!("/uploads/{}/complete", plan.upload)).await.problem(404, ErrorCode::NotFound);
    ann.get(&format!("/uploads/{}", UploadId::from_random([3; 17]))).await.problem(404, ErrorCode::NotFound);
    server.stop().await;
}
