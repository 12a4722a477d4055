//! Mail, where the operator set a mail server. Nothing depends on a mail arriving: letters wait in memory, are tried a few times behind the
//! scenes, and whoever waits in vain asks again or asks a site admin. What decides whether and what to write is done behind the scenes as
//! well, so that an answer takes the same time for every address.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use collabtrack_protocol::problem::ErrorCode;
use lettre::message::header::{ContentTransferEncoding, ContentType};
use lettre::message::{Mailbox, Message, SinglePart};
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::{self, AsyncSmtpTransportBuilder};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::rustls;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::accounts::address::Address;
use crate::error::{Error, refuse};
use crate::random;

pub mod letters;

/// Letters that may wait; whoever comes later is told to try again.
const WAITING: usize = 256;
/// Letters on their way at a time.
const AT_ONCE: usize = 4;
/// How long the mail server may take for one command.
const PATIENCE: Duration = Duration::from_secs(20);
/// Pauses between tries, where the mail server did not answer or asked to come back later. A code must still be good when it arrives.
const PAUSES: [Duration; 3] = [Duration::from_secs(2), Duration::from_secs(20), Duration::from_secs(180)];

/// How mail is sent.
#[derive(Debug, Clone)]
pub struct MailConfig {
    url: SecretString,
    from: Mailbox,
    /// An authority of the operator's own that may vouch for the mail server, besides those the system trusts.
    authority: Option<Certificate>,
}

impl MailConfig {
    /// From the address of the mail server and the sender. Nothing for an address that is none, or that would send a password in the clear
    /// to another computer.
    #[must_use]
    pub fn new(url: &str, from: Mailbox) -> Option<Self> {
        let parsed = Url::parse(url).ok()?;
        let host = host(&parsed)?;
        let near = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        let config = Self { url: url.to_owned().into(), from, authority: None };
        config.transport()?;
        (near || with_tls(&parsed)).then_some(config)
    }

    /// Trusts the authorities in a PEM text as well. Nothing when it holds none.
    #[must_use]
    pub fn trusting(mut self, pem: &[u8]) -> Option<Self> {
        // The reader takes a text without any certificate for an empty list.
        if !pem.windows(MARK.len()).any(|part| part == MARK) {
            return None;
        }
        self.authority = Some(Certificate::from_pem(pem).ok()?);
        self.transport().is_some().then_some(self)
    }

    /// The connection as the address describes it.
    fn transport(&self) -> Option<AsyncSmtpTransportBuilder> {
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(self.url.expose_secret()).ok()?;
        let url = Url::parse(self.url.expose_secret()).ok()?;
        let Some(authority) = self.authority.clone().filter(|_| with_tls(&url)) else { return Some(builder) };
        let tls = TlsParameters::builder(host(&url)?.to_owned()).add_root_certificate(authority).build().ok()?;
        Some(builder.tls(if url.scheme() == "smtps" { Tls::Wrapper(tls) } else { Tls::Required(tls) }))
    }

    /// Reads a sender: an address, or `Name <address>`.
    #[must_use]
    pub fn sender(text: &str) -> Option<Mailbox> {
        text.parse().ok()
    }
}

/// How every certificate in PEM begins.
const MARK: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// In addresses of this kind numbers are names like any other.
fn host(url: &Url) -> Option<&str> {
    Some(url.host_str()?.trim_start_matches('[').trim_end_matches(']'))
}

/// Whether nothing is said before the connection is encrypted.
fn with_tls(url: &Url) -> bool {
    url.scheme() == "smtps" || url.query_pairs().any(|(name, value)| name == "tls" && value == "required")
}

/// Why the mail server takes nothing, for whoever runs this one.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MailTrouble {
    /// Its certificate is not one this server trusts.
    #[error(
        "the certificate of the mail server is not trusted ({0}), so it was told nothing; have its certificate mended, or name the authority that issued it in COLLABTRACK_SMTP_CA_PATH"
    )]
    Certificate(String),
    /// It offers no encryption where the address asks for it.
    #[error("the mail server offers no encryption (STARTTLS), so it was told nothing; check port and form of COLLABTRACK_SMTP_URL")]
    NoTls,
    /// It refused, with the code of its answer.
    #[error("the mail server refused ({0}); check the name and the password in COLLABTRACK_SMTP_URL")]
    Refused(String),
    /// Anything else.
    #[error("the mail server of COLLABTRACK_SMTP_URL does not answer as it should")]
    Away,
}

impl MailTrouble {
    /// What a mail server says may name an address, so nothing of its words is kept but the code.
    fn of(error: &smtp::Error) -> Self {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(error) = cause {
            let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
            if let Some(rustls::Error::InvalidCertificate(reason)) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                return Self::Certificate(reason.to_string());
            }
            cause = error.source();
        }
        match error.status() {
            Some(code) => Self::Refused(code.to_string()),
            None if error.is_client() && error.to_string().contains("STARTTLS") => Self::NoTls,
            None => Self::Away,
        }
    }
}

/// Something to send.
pub struct Letter {
    /// To whom.
    pub to: Address,
    /// What it is about.
    pub subject: String,
    /// The text, in lines.
    pub text: String,
}

/// A place among the letters that wait.
pub struct Place(OwnedSemaphorePermit);

/// The way out for mail.
#[derive(Clone)]
pub struct Mail {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    /// Address of this server, for links.
    pub(crate) base: Option<Url>,
    places: Arc<Semaphore>,
    at_once: Arc<Semaphore>,
    stop: CancellationToken,
}

impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mail")
    }
}

impl Mail {
    /// Ready to send; no connection is made before there is something to send. Waiting letters end with `stop`.
    #[must_use]
    pub fn new(config: &MailConfig, base: Option<Url>, stop: CancellationToken) -> Self {
        let builder = config.transport().expect("the address was read before");
        Self {
            transport: builder.timeout(Some(PATIENCE)).build(),
            from: config.from.clone(),
            base,
            places: Arc::new(Semaphore::new(WAITING)),
            at_once: Arc::new(Semaphore::new(AT_ONCE)),
            stop,
        }
    }

    /// A place for one letter.
    /// # Errors
    /// `too_many_requests` when too many wait.
    pub fn place(&self) -> Result<Place, Error> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            let refused = refuse(
                ErrorCode::TooManyRequests,
                "Too many mails are waiting to be sent, so nothing was done. Try again in a few minutes.",
            );
            refused.retry_after_s(120)
        })?;
        Ok(Place(place))
    }

    /// Writes a letter behind the scenes and sends it; `write` may decide that there is nothing to say.
    pub fn send(&self, place: Place, write: impl Future<Output = Result<Option<Letter>, Error>> + Send + 'static) {
        let mail = self.clone();
        tokio::spawn(async move {
            let work = async {
                match write.await {
                    Ok(Some(letter)) => mail.deliver(&letter).await,
                    Ok(None) => {}
                    Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "a mail could not be written"),
                }
            };
            tokio::select! {
                () = mail.stop.cancelled() => {}
                () = work => {}
            }
            drop(place.0);
        });
    }

    /// Tries until the mail server takes the letter or refuses it for good.
    async fn deliver(&self, letter: &Letter) {
        let Some(message) = self.message(letter) else {
            tracing::error!("a mail has no form that could be sent");
            return;
        };
        let mut pauses = PAUSES.iter();
        loop {
            let sent = {
                let Ok(_turn) = self.at_once.acquire().await else { return };
                self.transport.send(message.clone()).await
            };
            // What a mail server says may name the address, so the log gets its code alone.
            match sent {
                Ok(_) => return,
                Err(error) if error.is_permanent() => {
                    let status = error.status().map(|code| code.to_string()).unwrap_or_default();
                    tracing::warn!(smtp.status = %status, "the mail server refused a mail for good");
                    return;
                }
                Err(error) => {
                    let trouble = MailTrouble::of(&error);
                    let Some(pause) = pauses.next() else {
                        tracing::warn!(error = &trouble as &dyn std::error::Error, "a mail was given up: the mail server does not take it");
                        return;
                    };
                    tracing::warn!(error = &trouble as &dyn std::error::Error, "the mail server did not take a mail; it is tried again");
                    tokio::time::sleep(*pause).await;
                }
            }
        }
    }

    fn message(&self, letter: &Letter) -> Option<Message> {
        let to: lettre::Address = letter.to.shown().parse().ok()?;
        let id = format!("<{}@{}>", random::hex128(), self.from.email.domain());
        let part = SinglePart::builder()
            .header(ContentType::TEXT_PLAIN)
            .header(ContentTransferEncoding::QuotedPrintable)
            .body(letter.text.clone());
        let builder = Message::builder().from(self.from.clone()).to(Mailbox::new(None, to)).subject(letter.subject.clone());
        builder.message_id(Some(id)).singlepart(part).ok()
    }

    /// Asks the mail server whether it answers and takes the sender's name and password.
    /// # Errors
    /// What is wrong, for the operator.
    pub async fn check(&self) -> Result<(), MailTrouble> {
        match self.transport.test_connection().await {
            Ok(true) => Ok(()),
            Ok(false) => Err(MailTrouble::Away),
            Err(error) => Err(MailTrouble::of(&error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(url: &str) -> Option<MailConfig> {
        MailConfig::new(url, MailConfig::sender("CollabTrack <music@example.com>").expect("a sender"))
    }

    #[test]
    fn passwords_travel_in_the_clear_to_this_computer_only() {
        for good in [
            "smtps://user:secret@mail.example.com",
            "smtp://user:secret@mail.example.com?tls=required",
            "smtp://127.0.0.1:2525",
            "smtp://localhost",
        ] {
            assert!(config(good).is_some(), "{good}");
        }
        for bad in
            ["smtp://user:secret@mail.example.com", "smtp://mail.example.com?tls=opportunistic", "http://mail.example.com", "mail", ""]
        {
            assert!(config(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn an_authority_is_a_certificate_in_pem() {
        let config = || config("smtps://mail.example.com").expect("an address");
        let made = rcgen::generate_simple_self_signed(["mail.example.com".to_owned()]).expect("a certificate");
        assert!(config().trusting(made.cert.pem().as_bytes()).is_some());
        for bad in ["", "no certificate", &made.signing_key.serialize_pem(), &made.cert.pem()[..200]] {
            assert!(config().trusting(bad.as_bytes()).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_sender_has_an_address() {
        assert!(MailConfig::sender("music@example.com").is_some());
        assert!(MailConfig::sender("CollabTrack <music@example.com>").is_some());
        assert!(MailConfig::sender("CollabTrack").is_none());
    }
}
