//! Device keys: taken with a claim and a recent password, listed, revoked for good.

use collabtrack_domain::device_key::{DeviceKey, sign_claim};
use collabtrack_protocol::accounts::{AddDeviceKey, DeviceKeyInfo};
use collabtrack_protocol::approval::AuditPage;
use collabtrack_protocol::problem::ErrorCode;
use data_encoding::HEXLOWER;

use crate::support::{Person, Server};

/// A key of somebody's computer with its claim.
pub(crate) fn new_key(person: &Person, secret: [u8; 32]) -> AddDeviceKey {
    AddDeviceKey {
        name: "Studio iMac".to_owned(),
        public_key: HEXLOWER.encode(DeviceKey::of_secret(&secret).public()),
        signature: HEXLOWER.encode(&sign_claim(&secret, &person.id)),
    }
}

#[tokio::test]
async fn a_device_key_is_taken_with_its_claim_listed_and_revoked_for_good() {
    let server = Server::start().await;
    let (ann, ben) = (server.person("Ann").await, server.person("Ben").await);
    let body = new_key(&ann, [1; 32]);
    let key: DeviceKeyInfo = ann.post("/device-keys", &body).await.ok();
    assert_eq!((key.public_key.as_str(), key.name.as_str(), &key.revoked_at), (body.public_key.as_str(), "Studio iMac", &None));
    assert_eq!(ann.post("/device-keys", &body).await.ok::<DeviceKeyInfo>(), key, "the same again is the same");
    assert_eq!(ann.get("/device-keys").await.ok::<Vec<DeviceKeyInfo>>(), std::slice::from_ref(&key));
    assert!(ben.get("/device-keys").await.ok::<Vec<DeviceKeyInfo>>().is_empty());

    // Somebody else's key cannot be taken over, with their claim or with one's own.
    ben.post("/device-keys", &body).await.problem(422, ErrorCode::Invalid);
    ben.post("/device-keys", &new_key(&ben, [1; 32])).await.problem(409, ErrorCode::IdTaken);
    ben.delete(&format!("/device-keys/{}", key.id)).await.problem(404, ErrorCode::NotFound);
    for (public_key, signature) in [
        ("", body.signature.as_str()),
        ("zz", &body.signature),
        (&"0".repeat(64), &body.signature),
        (&body.public_key.to_uppercase(), &body.signature),
        (&body.public_key, ""),
        (&body.public_key, &"0".repeat(128)),
        (&body.public_key, &new_key(&ann, [2; 32]).signature),
    ] {
        let bad = AddDeviceKey { name: String::new(), public_key: public_key.to_owned(), signature: signature.to_owned() };
        ann.post("/device-keys", &bad).await.problem(422, ErrorCode::Invalid);
    }

    assert_eq!(ann.delete(&format!("/device-keys/{}", key.id)).await.status.as_u16(), 204);
    assert_eq!(ann.delete(&format!("/device-keys/{}", key.id)).await.status.as_u16(), 204);
    let listed: Vec<DeviceKeyInfo> = ann.get("/device-keys").await.ok();
    assert!(listed[0].revoked_at.is_some(), "it stays listed: what it signed is looked at with it");
    ann.post("/device-keys", &body).await.problem(409, ErrorCode::AlreadyDecided);
    let log: AuditPage = ann.get("/account/audit").await.ok();
    let entries: Vec<serde_json::Value> = log.entries.iter().map(|record| serde_json::from_str(&record.entry).expect("JSON")).collect();
    let of_key: Vec<&str> =
        entries.iter().filter(|entry| entry["target"] == key.id.as_str()).filter_map(|entry| entry["action"].as_str()).collect();
    assert_eq!(of_key, ["device_key.add", "device_key.revoke"], "each once");
    server.stop().await;
}

#[tokio::test]
async fn device_keys_need_a_recent_password_are_counted_and_revoked_with_the_account() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let answers = futures::future::join_all((1..=33).map(|n| {
        let (ann, body) = (&ann, new_key(&ann, [n; 32]));
        async move { ann.post("/device-keys", &body).await.status.as_u16() }
    }))
    .await;
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 32);
    assert_eq!(answers.iter().filter(|status| **status == 422).count(), 1);
    let keys: Vec<DeviceKeyInfo> = ann.get("/device-keys").await.ok();
    sqlx::query("update session set stepped_up_at = now() - interval '11 minutes'").execute(server.database()).await.expect("aged");
    ann.post("/device-keys", &new_key(&ann, [40; 32])).await.problem(403, ErrorCode::StepUpRequired);
    ann.delete(&format!("/device-keys/{}", keys[0].id)).await.problem(403, ErrorCode::StepUpRequired);
    let ann = ann.step_up().await;
    assert_eq!(ann.delete("/account").await.status.as_u16(), 204);
    let counting: i64 = sqlx::query_scalar("select count(*) from device_key where revoked_at is null or name <> ''")
        .fetch_one(server.database())
        .await
        .expect("counted");
    assert_eq!(counting, 0);
    server.stop().await;
}
