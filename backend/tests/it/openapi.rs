//! The description of the API.

use std::collections::BTreeSet;

use collabtrack_protocol::problem::ErrorCode;
use reqwest::Method;
use serde_json::Value;

use crate::support::Server;
use crate::support::person::anonymous;

fn references<'a>(value: &'a Value, into: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(fields) => {
            into.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|value| references(value, into));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, into)),
        _ => {}
    }
}

#[tokio::test]
async fn the_served_document_is_openapi_3_1_and_complete_in_itself() {
    let server = Server::start().await;
    let served: Value = anonymous(&server.url, Method::GET, "/openapi.json", &Value::Null).await.ok();
    assert!(served["openapi"].as_str().expect("a version").starts_with("3.1"));
    assert_eq!(served["info"]["title"], "CollabTrack");
    assert_eq!(served["servers"][0]["url"], "/api/v1");
    assert_eq!(served, serde_json::to_value(collabtrack_server::http::document()).expect("JSON"));
    let mut named = BTreeSet::new();
    references(&served, &mut named);
    assert!(!named.is_empty());
    for reference in named {
        let pointer = reference.strip_prefix('#').expect("inside the document");
        assert!(served.pointer(pointer).is_some(), "{reference} is described");
    }
    let mut ids = BTreeSet::new();
    for (path, item) in served["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let name = format!("{method} {path}");
            assert!(operation["summary"].is_string(), "{name} says what it does");
            assert!(ids.insert(operation["operationId"].as_str().expect("an id").to_owned()), "{name} has an id of its own");
            for status in ["400", "429", "503"] {
                assert!(operation["responses"][status]["content"]["application/problem+json"].is_object(), "{name} describes {status}");
            }
            assert!(operation["responses"]["default"].is_null(), "{name} names its statuses one by one");
            for part in path.split('/').filter_map(|part| part.strip_prefix('{')) {
                let part = part.trim_end_matches('}');
                let parameters = operation["parameters"].as_array().unwrap_or_else(|| panic!("{name} describes its parameters"));
                assert!(parameters.iter().any(|p| p["name"] == part && p["in"] == "path"), "{name} describes {part}");
            }
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn every_described_operation_is_served_and_every_code_is_described() {
    let server = Server::start().await;
    let document = serde_json::to_value(collabtrack_server::http::document()).expect("JSON");
    for (path, item) in document["paths"].as_object().expect("paths") {
        for method in item.as_object().expect("operations").keys() {
            let filled = path.replace("{project}", "prj_aaaaaaaaaaaaaaaaaaaaaaaaaa").replace("{upload}", "upl_aaaaaaaaaaaaaaaaaaaaaaaaaa");
            let filled = filled
                .replace("{version}", "ver_aaaaaaaaaaaaaaaaaaaaaaaaaa")
                .replace("{change_set}", "chg_aaaaaaaaaaaaaaaaaaaaaaaaaa")
                .replace("{revision}", "1")
                .replace("{account}", "acc_aaaaaaaaaaaaaaaaaaaaaaaaaa")
                .replace("{invitation}", "inv_aaaaaaaaaaaaaaaaaaaaaaaaaa")
                .replace("{session}", &"0".repeat(32))
                .replace("{device}", &"0".repeat(32));
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
            let answer = anonymous(&server.url, method.clone(), &filled, &serde_json::json!({})).await;
            assert!(!matches!(answer.status.as_u16(), 404 | 405 | 500), "{method} {path}: {}", answer.text());
        }
    }
    let codes: BTreeSet<&str> =
        document["components"]["schemas"]["ErrorCode"]["enum"].as_array().expect("codes").iter().filter_map(Value::as_str).collect();
    for code in [ErrorCode::EffectChanged, ErrorCode::IdempotencyMismatch, ErrorCode::StoreUnavailable] {
        assert!(codes.contains(serde_json::to_value(code).expect("a word").as_str().expect("a word")));
    }
    server.stop().await;
}
