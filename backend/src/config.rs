//! Settings of the server, read once from the environment into a typed value. Nothing else in the server looks at the environment.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use secrecy::SecretString;
use url::Url;

use crate::accounts::address::Address;
use crate::accounts::password::HashCost;
use crate::mail::MailConfig;

/// Who may register an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// Whoever holds an invitation.
    Invite,
    /// Everybody.
    Open,
    /// Nobody.
    Closed,
}

impl Registration {
    /// The word of the setting.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invite => "invite",
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

/// Whether accounts have second factors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondFactor {
    /// Whoever wants one.
    Offered,
    /// Site admins, owners and admins must, before they act as such.
    Required,
}

impl SecondFactor {
    /// The word of the setting.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Offered => "offered",
            Self::Required => "required",
        }
    }
}

/// Files of the built-in TLS, in PEM.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// Certificate with its chain.
    pub certificate: PathBuf,
    /// Private key.
    pub key: PathBuf,
}

/// Where objects are kept.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// Address of the S3 service; none for that of AWS in the region.
    pub endpoint: Option<Url>,
    /// Region.
    pub region: String,
    /// Bucket.
    pub bucket: String,
    /// Public half of the key.
    pub access_key_id: String,
    /// Secret half of the key.
    pub secret_access_key: SecretString,
}

/// Form of the log on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Settings that do not depend on where database and store are.
#[derive(Debug, Clone)]
pub struct ServiceConfig {
    /// Address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Who may register.
    pub registration: Registration,
    /// Most connections to the database.
    pub database_connections: u32,
    /// Address under which clients reach this server, for links.
    pub public_url: Option<Url>,
    /// Proxies whose word about the client's address counts.
    pub trusted_proxies: Vec<IpNet>,
    /// Most requests a minute from one block of addresses, to this instance.
    pub requests_per_minute: u32,
    /// How long signed requests to the store live, in seconds.
    pub url_life_s: u64,
    /// Files of the built-in TLS, if that is to be used.
    pub tls: Option<TlsFiles>,
    /// Key under which second factors are sealed; without one there are none.
    pub secret_key: Option<SecretString>,
    /// Who needs a second factor.
    pub second_factor: SecondFactor,
    /// What a password hash costs.
    pub hash_cost: HashCost,
    /// Who may become the first site admin, with a code.
    pub admin_email: Option<Address>,
    /// How mail is sent; without it none is, and nothing depends on it.
    pub mail: Option<MailConfig>,
}

/// Everything a server with its own database and store needs.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address of the Postgres database.
    pub database_url: SecretString,
    /// The S3 store.
    pub store: StoreConfig,
    /// The rest.
    pub service: ServiceConfig,
}

/// What to log, and how.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// Filter in the form of `tracing`.
    pub filter: String,
    /// Form.
    pub format: LogFormat,
}

/// A setting that stops the start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A setting without which the server cannot run.
    #[error("{name} is not set; set it in the environment, in .env, or name a file in {name}_FILE (.env.example lists every setting)")]
    Missing {
        /// Its name.
        name: &'static str,
    },
    /// A value that is not of its form.
    #[error("{name} is not {expected}; the server did not start, so nothing was changed")]
    Value {
        /// The setting.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// A setting that needs another one.
    #[error("{name} needs {needs}, which is not set; the server did not start, so nothing was changed")]
    Needs {
        /// The setting.
        name: &'static str,
        /// The other one.
        needs: &'static str,
    },
    /// A name nobody reads: most likely a misspelt setting.
    #[error("{name} is not a setting of CollabTrack; correct or remove it (.env.example lists every setting)")]
    Unknown {
        /// The name.
        name: String,
    },
    /// Both the value and a file for it.
    #[error("{name} and {name}_FILE are both set; keep one")]
    Twice {
        /// The setting.
        name: &'static str,
    },
    /// A file that cannot be read.
    #[error("the file {path} named by {name}_FILE cannot be read: {reason}")]
    File {
        /// The setting.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// A `.env` that cannot be read.
    #[error(".env cannot be read; every line is NAME=value, quotes around values with spaces")]
    DotEnv,
}

/// Every setting, as `.env.example` lists them.
pub const NAMES: [&str; 25] = [
    "DATABASE_URL",
    "COLLABTRACK_LISTEN",
    "COLLABTRACK_REGISTRATION",
    "COLLABTRACK_DATABASE_CONNECTIONS",
    "COLLABTRACK_PUBLIC_URL",
    "COLLABTRACK_TRUSTED_PROXIES",
    "COLLABTRACK_REQUESTS_PER_MINUTE",
    "COLLABTRACK_TLS_CERTIFICATE_PATH",
    "COLLABTRACK_TLS_KEY_PATH",
    "COLLABTRACK_SECRET_KEY",
    "COLLABTRACK_TOTP",
    "COLLABTRACK_HASH_COST",
    "COLLABTRACK_ADMIN_EMAIL",
    "COLLABTRACK_SMTP_URL",
    "COLLABTRACK_SMTP_CA_PATH",
    "COLLABTRACK_MAIL_FROM",
    // The same under an older name.
    "COLLABTRACK_ADMIN_USER",
    "ADMIN_USER",
    "COLLABTRACK_S3_ENDPOINT",
    "COLLABTRACK_S3_REGION",
    "COLLABTRACK_S3_BUCKET",
    "COLLABTRACK_S3_ACCESS_KEY_ID",
    "COLLABTRACK_S3_SECRET_ACCESS_KEY",
    "COLLABTRACK_LOG",
    "COLLABTRACK_LOG_FORMAT",
];
/// Names of other programs of CollabTrack that may stand in the same environment.
const FOREIGN: [&str; 7] = [
    "COLLABTRACK_STUDIO_URL",
    "COLLABTRACK_READY_FILE",
    "COLLABTRACK_LIBRARY",
    "COLLABTRACK_TOKEN_FILE",
    "COLLABTRACK_TOKEN_PASSPHRASE",
    "COLLABTRACK_PASSWORD",
    "COLLABTRACK_NEW_PASSWORD",
];
const FOREIGN_PREFIXES: [&str; 3] = ["COLLABTRACK_TEST_", "COLLABTRACK_ANSWER_", "COLLABTRACK_WRITE_"];

fn web_address(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// Nets and single addresses, separated by commas.
fn nets(text: &str) -> Option<Vec<IpNet>> {
    let net = |text: &str| text.parse::<IpNet>().ok().or_else(|| text.parse::<std::net::IpAddr>().ok().map(IpNet::from));
    text.split(',').map(str::trim).filter(|text| !text.is_empty()).map(net).collect()
}

/// The settings as given: names and values, with every name known.
#[derive(Debug, Clone)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The process environment over the `.env` of `folder`, if there is one.
    /// # Errors
    /// When `.env` is damaged or a name is unknown.
    pub fn read(folder: &Path) -> Result<Self, ConfigError> {
        let mut values = BTreeMap::new();
        match dotenvy::from_path_iter(folder.join(".env")) {
            Ok(lines) => {
                for line in lines {
                    let (name, value) = line.map_err(|_| ConfigError::DotEnv)?;
                    values.insert(name, value);
                }
            }
            Err(error) if error.not_found() => {}
            Err(_) => return Err(ConfigError::DotEnv),
        }
        values.extend(std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))));
        Self::new(values)
    }

    /// Settings from given values.
    /// # Errors
    /// When a name that begins with `COLLABTRACK_` is unknown.
    pub fn new(values: BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let unknown = values.keys().find(|name| {
            let setting = name.strip_suffix("_FILE").unwrap_or(name);
            name.starts_with("COLLABTRACK_")
                && !FOREIGN_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
                && !FOREIGN.contains(&name.as_str())
                && !NAMES.contains(&setting)
        });
        match unknown {
            Some(name) => Err(ConfigError::Unknown { name: name.clone() }),
            None => Ok(Self(values)),
        }
    }

    fn value(&self, name: &'static str) -> Result<Option<String>, ConfigError> {
        let direct = self.0.get(name).filter(|value| !value.is_empty());
        let file = self.0.get(&format!("{name}_FILE")).filter(|value| !value.is_empty());
        match (direct, file) {
            (Some(_), Some(_)) => Err(ConfigError::Twice { name }),
            (Some(value), None) => Ok(Some(value.clone())),
            (None, None) => Ok(None),
            (None, Some(path)) => match std::fs::read_to_string(path) {
                Ok(text) => Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned())),
                Err(error) => Err(ConfigError::File { name, path: path.into(), reason: error.to_string() }),
            },
        }
    }

    fn required(&self, name: &'static str) -> Result<String, ConfigError> {
        self.value(name)?.ok_or(ConfigError::Missing { name })
    }

    fn parsed<T>(&self, name: &'static str, expected: &'static str, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, ConfigError> {
        self.value(name)?.map(|value| parse(&value).ok_or(ConfigError::Value { name, expected })).transpose()
    }

    /// Settings of the service itself; `registration` is the default.
    /// # Errors
    /// When a value is not of its form.
    pub fn service(&self, registration: Registration) -> Result<ServiceConfig, ConfigError> {
        let listen = self.parsed("COLLABTRACK_LISTEN", "an address with a port, such as 127.0.0.1:8000", |text| text.parse().ok())?;
        let registration_set = self.parsed("COLLABTRACK_REGISTRATION", "one of invite, open, closed", |text| {
            [Registration::Invite, Registration::Open, Registration::Closed].into_iter().find(|mode| mode.as_str() == text)
        })?;
        let connections = self.parsed("COLLABTRACK_DATABASE_CONNECTIONS", "a number from 2 to 500", |text| {
            text.parse().ok().filter(|n| (2..=500).contains(n))
        })?;
        let tls = match (self.value("COLLABTRACK_TLS_CERTIFICATE_PATH")?, self.value("COLLABTRACK_TLS_KEY_PATH")?) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate: certificate.into(), key: key.into() }),
            (Some(_), None) => {
                return Err(ConfigError::Needs { name: "COLLABTRACK_TLS_CERTIFICATE_PATH", needs: "COLLABTRACK_TLS_KEY_PATH" });
            }
            (None, Some(_)) => {
                return Err(ConfigError::Needs { name: "COLLABTRACK_TLS_KEY_PATH", needs: "COLLABTRACK_TLS_CERTIFICATE_PATH" });
            }
        };
        let config = ServiceConfig {
            listen: listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8000))),
            registration: registration_set.unwrap_or(registration),
            database_connections: connections.unwrap_or(20),
            public_url: self.parsed("COLLABTRACK_PUBLIC_URL", "an http or https address", web_address)?,
            trusted_proxies: self
                .parsed("COLLABTRACK_TRUSTED_PROXIES", "addresses or nets, such as 10.0.0.0/8, 192.0.2.7", nets)?
                .unwrap_or_default(),
            url_life_s: collabtrack_protocol::limits::URL_LIFE_S,
            requests_per_minute: self
                .parsed("COLLABTRACK_REQUESTS_PER_MINUTE", "a number from 60 to 1000000", |text| {
                    text.parse().ok().filter(|n| (60..=1_000_000).contains(n))
                })?
                .unwrap_or(6_000),
            tls,
            secret_key: self.parsed(
                "COLLABTRACK_SECRET_KEY",
                "a random text of 32 characters or more, such as the output of `openssl rand -hex 32`",
                |text| (text.chars().count() >= 32).then(|| text.to_owned().into()),
            )?,
            second_factor: self
                .parsed("COLLABTRACK_TOTP", "one of offered, required", |text| {
                    [SecondFactor::Offered, SecondFactor::Required].into_iter().find(|mode| mode.as_str() == text)
                })?
                .unwrap_or(SecondFactor::Offered),
            hash_cost: self.parsed("COLLABTRACK_HASH_COST", "m=19456,t=2,p=1 or more of each", HashCost::parse)?.unwrap_or(HashCost::FLOOR),
            admin_email: self.admin_email()?,
            mail: self.mail()?,
        };
        match (&config.secret_key, config.second_factor) {
            (None, SecondFactor::Required) => {
                Err(ConfigError::Needs { name: "COLLABTRACK_TOTP=required", needs: "COLLABTRACK_SECRET_KEY" })
            }
            _ => Ok(config),
        }
    }

    /// The way out for mail: both settings or neither.
    fn mail(&self) -> Result<Option<MailConfig>, ConfigError> {
        let from =
            self.parsed("COLLABTRACK_MAIL_FROM", "an e-mail address, such as CollabTrack <music@example.com>", MailConfig::sender)?;
        let config = match (self.value("COLLABTRACK_SMTP_URL")?, from) {
            (None, None) => None,
            (Some(url), Some(from)) => Some(MailConfig::new(&url, from).ok_or(ConfigError::Value {
                name: "COLLABTRACK_SMTP_URL",
                expected: "the address of a mail server with TLS, such as smtps://user:password@mail.example.com or \
                           smtp://user:password@mail.example.com:587?tls=required",
            })?),
            (Some(_), None) => return Err(ConfigError::Needs { name: "COLLABTRACK_SMTP_URL", needs: "COLLABTRACK_MAIL_FROM" }),
            (None, Some(_)) => return Err(ConfigError::Needs { name: "COLLABTRACK_MAIL_FROM", needs: "COLLABTRACK_SMTP_URL" }),
        };
        let name = "COLLABTRACK_SMTP_CA_PATH";
        match (self.value(name)?, config) {
            (None, config) => Ok(config),
            (Some(_), None) => Err(ConfigError::Needs { name, needs: "COLLABTRACK_SMTP_URL" }),
            (Some(path), Some(config)) => {
                let pem = std::fs::read(&path).ok();
                let expected = "a readable file with certificates in PEM";
                pem.and_then(|pem| config.trusting(&pem)).map(Some).ok_or(ConfigError::Value { name, expected })
            }
        }
    }

    /// Who may become the first site admin; two names of the setting must agree.
    fn admin_email(&self) -> Result<Option<Address>, ConfigError> {
        let mut found = None;
        for name in ["COLLABTRACK_ADMIN_EMAIL", "COLLABTRACK_ADMIN_USER", "ADMIN_USER"] {
            let given = self.parsed(name, "an e-mail address", Address::parse)?;
            match (&found, given) {
                (Some(known), Some(other)) if Address::key(known) != other.key() => {
                    return Err(ConfigError::Value { name, expected: "the same address as in COLLABTRACK_ADMIN_EMAIL" });
                }
                (_, Some(address)) => found = Some(address),
                (_, None) => {}
            }
        }
        Ok(found)
    }

    /// Everything a server with its own database and store needs.
    /// # Errors
    /// When something is missing or not of its form.
    pub fn config(&self) -> Result<Config, ConfigError> {
        Ok(Config {
            database_url: self.required("DATABASE_URL")?.into(),
            store: StoreConfig {
                endpoint: self.parsed("COLLABTRACK_S3_ENDPOINT", "an http or https address", web_address)?,
                region: self.required("COLLABTRACK_S3_REGION")?,
                bucket: self.required("COLLABTRACK_S3_BUCKET")?,
                access_key_id: self.required("COLLABTRACK_S3_ACCESS_KEY_ID")?,
                secret_access_key: self.required("COLLABTRACK_S3_SECRET_ACCESS_KEY")?.into(),
            },
            service: self.service(Registration::Invite)?,
        })
    }

    /// What to log, and how.
    /// # Errors
    /// When a value is not of its form.
    pub fn log(&self) -> Result<LogConfig, ConfigError> {
        let filter = self.parsed("COLLABTRACK_LOG", "a log filter, such as info or collabtrack_server=debug", |text| {
            tracing_subscriber::EnvFilter::try_new(text).ok().map(|_| text.to_owned())
        })?;
        let format = self.parsed("COLLABTRACK_LOG_FORMAT", "one of text, json", |text| match text {
            "text" => Some(LogFormat::Text),
            "json" => Some(LogFormat::Json),
            _ => None,
        })?;
        Ok(LogConfig { filter: filter.unwrap_or_else(|| "info".to_owned()), format: format.unwrap_or(LogFormat::Text) })
    }
}
