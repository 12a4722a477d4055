//! Settings: from the environment, from files, and what is wrong with them.

use std::collections::BTreeMap;
use std::process::Command;

use collabtrack_server::config::{ConfigError, Environment, LogFormat, NAMES, Registration};
use secrecy::ExposeSecret;

fn complete() -> BTreeMap<String, String> {
    [
        ("DATABASE_URL", "postgres://u:p@localhost/c"),
        ("COLLABTRACK_S3_REGION", "garage"),
        ("COLLABTRACK_S3_BUCKET", "b"),
        ("COLLABTRACK_S3_ACCESS_KEY_ID", "k"),
        ("COLLABTRACK_S3_SECRET_ACCESS_KEY", "s"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

fn with(name: &str, value: &str) -> BTreeMap<String, String> {
    let mut values = complete();
    values.insert(name.to_owned(), value.to_owned());
    values
}

#[test]
fn what_is_not_set_has_its_documented_default() {
    let config = Environment::new(complete()).expect("known names").config().expect("complete");
    assert_eq!(config.service.listen.to_string(), "127.0.0.1:8000");
    assert_eq!((config.service.registration, config.service.database_connections), (Registration::Invite, 20));
    assert_eq!(config.store.endpoint, None);
    let log = Environment::new(complete()).expect("known names").log().expect("readable");
    assert_eq!((log.filter.as_str(), log.format), ("info", LogFormat::Text));
}

#[test]
fn a_name_nobody_reads_stops_the_start_and_names_of_other_programs_do_not() {
    for name in ["COLLABTRACK_LISTN", "COLLABTRACK_S3_ENDPONT", "COLLABTRACK_", "COLLABTRACK_LISTEN_FIL"] {
        assert_eq!(Environment::new(with(name, "x")).expect_err(name), ConfigError::Unknown { name: name.to_owned() });
    }
    for name in ["COLLABTRACK_TEST_DATABASE_URL", "COLLABTRACK_STUDIO_URL", "PATH", "DATABASE_URL_OLD"] {
        assert!(Environment::new(with(name, "x")).is_ok(), "{name}");
    }
}

#[test]
fn missing_and_malformed_values_are_named() {
    for name in complete().keys() {
        for values in [complete().into_iter().filter(|(other, _)| other != name).collect(), with(name, "")] {
            let error = Environment::new(values).expect("known names").config().expect_err(name);
            assert!(matches!(&error, ConfigError::Missing { name: missing } if missing == name), "{error}");
        }
    }
    for (name, value) in [
        ("COLLABTRACK_LISTEN", "localhost"),
        ("COLLABTRACK_REGISTRATION", "yes"),
        ("COLLABTRACK_DATABASE_CONNECTIONS", "1"),
        ("COLLABTRACK_DATABASE_CONNECTIONS", "many"),
        ("COLLABTRACK_S3_ENDPOINT", "localhost:3900"),
        ("COLLABTRACK_PUBLIC_URL", "music.example.org"),
        ("COLLABTRACK_TRUSTED_PROXIES", "10.0.0.0/8, proxy"),
        ("COLLABTRACK_REQUESTS_PER_MINUTE", "0"),
        ("COLLABTRACK_SECRET_KEY", "too short"),
        ("COLLABTRACK_TOTP", "always"),
        ("COLLABTRACK_HASH_COST", "m=8192,t=2,p=1"),
        ("COLLABTRACK_ADMIN_EMAIL", "the boss"),
        ("COLLABTRACK_ADMIN_USER", "admin"),
        ("ADMIN_USER", "root"),
        ("COLLABTRACK_MAIL_FROM", "nobody"),
    ] {
        let error = Environment::new(with(name, value)).expect("known names").config().expect_err(name);
        assert!(matches!(&error, ConfigError::Value { name: wrong, .. } if *wrong == name), "{error}");
        assert!(value.len() == 1 || !error.to_string().contains(value), "a value may be a secret: {error}");
    }
}

#[test]
fn settings_that_need_another_one_say_so() {
    for (name, value, needed) in [
        ("COLLABTRACK_TOTP", "required", "COLLABTRACK_SECRET_KEY"),
        ("COLLABTRACK_TLS_KEY_PATH", "/key.pem", "COLLABTRACK_TLS_CERTIFICATE_PATH"),
        ("COLLABTRACK_TLS_CERTIFICATE_PATH", "/certificate.pem", "COLLABTRACK_TLS_KEY_PATH"),
        ("COLLABTRACK_SMTP_URL", "smtps://mail.example.com", "COLLABTRACK_MAIL_FROM"),
        ("COLLABTRACK_MAIL_FROM", "music@example.com", "COLLABTRACK_SMTP_URL"),
        ("COLLABTRACK_SMTP_CA_PATH", "/etc/authority.pem", "COLLABTRACK_SMTP_URL"),
    ] {
        let error = Environment::new(with(name, value)).expect("known names").config().expect_err(name);
        assert!(matches!(&error, ConfigError::Needs { needs, .. } if *needs == needed), "{error}");
    }
    let mut mail = with("COLLABTRACK_MAIL_FROM", "CollabTrack <music@example.com>");
    mail.insert("COLLABTRACK_SMTP_URL".to_owned(), "smtp://user:secret@mail.example.com".to_owned());
    let error = Environment::new(mail.clone()).expect("known names").config().expect_err("a password in the clear");
    assert!(matches!(&error, ConfigError::Value { name: "COLLABTRACK_SMTP_URL", .. }) && !error.to_string().contains("secret"), "{error}");
    mail.insert("COLLABTRACK_SMTP_URL".to_owned(), "smtp://user:secret@mail.example.com?tls=required".to_owned());
    assert!(Environment::new(mail).expect("known names").config().expect("settings").service.mail.is_some());
    let mut values = with("COLLABTRACK_ADMIN_EMAIL", "boss@example.com");
    values.insert("ADMIN_USER".to_owned(), " BOSS@example.com".to_owned());
    let both = Environment::new(values.clone()).expect("known names").config().expect("the same address");
    assert_eq!(both.service.admin_email.map(|address| address.key().to_owned()).as_deref(), Some("boss@example.com"));
    values.insert("ADMIN_USER".to_owned(), "other@example.com".to_owned());
    assert!(matches!(Environment::new(values).expect("known names").config(), Err(ConfigError::Value { name: "ADMIN_USER", .. })));
}

#[test]
fn a_value_may_stand_in_a_file_but_not_in_both_places() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "secret from a file\n").expect("written");
    let path = file.path().to_str().expect("text");
    let mut values = complete();
    values.remove("COLLABTRACK_S3_SECRET_ACCESS_KEY");
    values.insert("COLLABTRACK_S3_SECRET_ACCESS_KEY_FILE".to_owned(), path.to_owned());
    let config = Environment::new(values.clone()).expect("known names").config().expect("complete");
    assert_eq!(config.store.secret_access_key.expose_secret(), "secret from a file");
    values.insert("COLLABTRACK_S3_SECRET_ACCESS_KEY".to_owned(), "x".to_owned());
    assert!(matches!(Environment::new(values).expect("known names").config(), Err(ConfigError::Twice { .. })));
    let missing = with("COLLABTRACK_LISTEN_FILE", "/nowhere/at/all");
    assert!(matches!(Environment::new(missing).expect("known names").config(), Err(ConfigError::File { .. })));
}

#[test]
fn the_example_file_lists_every_setting_and_only_settings() {
    let text = include_str!("../../../.env.example");
    let values: BTreeMap<String, String> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(n, v)| (n.to_owned(), v.to_owned()))
        .collect();
    Environment::new(values.clone()).expect("only known names");
    // Older names of the first site admin's address work and are not advertised.
    for name in NAMES.into_iter().filter(|name| !name.ends_with("ADMIN_USER")) {
        assert!(values.contains_key(name), "{name}");
    }
}

#[test]
fn the_program_says_what_is_wrong_with_its_settings_and_starts_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |variables: &[(&str, &str)]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_collabtrack-server"));
        command.current_dir(folder.path()).env_clear().envs(variables.iter().copied());
        let output = command.output().expect("it runs");
        assert!(!output.status.success());
        assert!(output.stdout.is_empty());
        String::from_utf8(output.stderr).expect("text")
    };
    assert!(run(&[]).contains("DATABASE_URL is not set"));
    assert!(run(&[("COLLABTRACK_LISTN", "x")]).contains("COLLABTRACK_LISTN is not a setting"));
    std::fs::write(folder.path().join(".env"), "DATABASE_URL=postgres://nobody:x@127.0.0.1:1/none\n").expect("written");
    assert!(run(&[]).contains("COLLABTRACK_S3_REGION is not set"), "the .env of the folder is read");
}
