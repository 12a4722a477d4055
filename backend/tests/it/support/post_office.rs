//! A mail server for tests: speaks SMTP on loopback, keeps what it is given, and refuses when told to.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// A letter as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) to: String,
    pub(crate) head: String,
    pub(crate) text: String,
}

impl Received {
    /// The code that stands alone in a line.
    #[track_caller]
    pub(crate) fn code(&self) -> String {
        let line = self.text.lines().map(str::trim).find(|line| line.len() == 30 && line.starts_with("ct"));
        line.unwrap_or_else(|| panic!("no code in {self:?}")).to_owned()
    }

    /// The link that ends in the code.
    #[track_caller]
    pub(crate) fn link(&self) -> String {
        let line = self.text.lines().map(str::trim).find(|line| line.starts_with("https://"));
        line.unwrap_or_else(|| panic!("no link in {self:?}")).to_owned()
    }
}

#[derive(Default)]
struct State {
    letters: Mutex<Vec<Received>>,
    refused: Mutex<Vec<String>>,
    signed_in: Mutex<Vec<String>>,
    overheard: Mutex<Vec<String>>,
    news: Notify,
    /// The answer to the next letters; 250 takes them.
    answer: AtomicU16,
}

/// How the mail server speaks.
#[derive(Clone)]
pub(crate) enum Line {
    /// In the clear, and takes names and passwords like that.
    Open,
    /// Encrypted from the first byte.
    Tls(TlsAcceptor),
    /// In the clear until told to encrypt; takes nothing before.
    StartTls(TlsAcceptor),
}

/// The mail server.
pub(crate) struct PostOffice {
    /// Its address, as the setting takes it.
    pub(crate) url: String,
    state: Arc<State>,
    task: JoinHandle<()>,
}

impl PostOffice {
    pub(crate) async fn open() -> Self {
        Self::open_on(Line::Open).await
    }

    pub(crate) async fn open_on(line: Line) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("smtp://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(State { answer: AtomicU16::new(250), ..State::default() });
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (state, line) = (Arc::clone(&shared), line.clone());
                // A client that goes away in the middle is its own business.
                tokio::spawn(async move { drop(serve(stream, &line, &state).await) });
            }
        });
        Self { url, state, task }
    }

    /// Answers letters with that status from now on: 250, 451 (come back later), 550 (never).
    pub(crate) fn answer_with(&self, status: u16) {
        self.state.answer.store(status, Ordering::SeqCst);
    }

    pub(crate) fn letters(&self) -> Vec<Received> {
        self.state.letters.lock().expect("not poisoned").clone()
    }

    /// What was given as name and password, in base64.
    pub(crate) fn signed_in(&self) -> Vec<String> {
        self.state.signed_in.lock().expect("not poisoned").clone()
    }

    /// What was said in the clear on a line that wants encryption first.
    pub(crate) fn overheard(&self) -> Vec<String> {
        self.state.overheard.lock().expect("not poisoned").clone()
    }

    /// Waits until a letter to an address was refused.
    pub(crate) async fn refused(&self, address: &str) {
        let refused = async {
            loop {
                let news = self.state.news.notified();
                if self.state.refused.lock().expect("not poisoned").iter().any(|to| to == address) {
                    return;
                }
                news.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), refused).await.expect("a letter comes and is refused");
    }

    /// The newest of `count` letters to an address, as soon as they are there.
    pub(crate) async fn letter_to(&self, address: &str, count: usize) -> Received {
        let arrived = async {
            loop {
                let news = self.state.news.notified();
                let found: Vec<Received> = self.letters().into_iter().filter(|letter| letter.to.eq_ignore_ascii_case(address)).collect();
                if found.len() >= count {
                    return found.last().expect("one at least").clone();
                }
                news.await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(60), arrived).await;
        waited.unwrap_or_else(|_| panic!("{count} letters to {address}, but there are {:?}", self.letters()))
    }
}

impl Drop for PostOffice {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(stream: TcpStream, line: &Line, state: &State) -> std::io::Result<()> {
    match line {
        Line::Open => speak(stream, Phase::Private, state).await.map(drop),
        Line::Tls(tls) => speak(tls.accept(stream).await?, Phase::Private, state).await.map(drop),
        Line::StartTls(tls) => match speak(stream, Phase::Overheard, state).await? {
            Some(stream) => speak(tls.accept(stream).await?, Phase::Continued, state).await.map(drop),
            None => Ok(()),
        },
    }
}

/// Where in a conversation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// From its beginning, and everything may be said.
    Private,
    /// From its beginning, in the clear: only encryption is offered.
    Overheard,
    /// After the connection was encrypted.
    Continued,
}

/// Answers until the client leaves, or wants the connection encrypted: then the connection.
async fn speak<S: AsyncRead + AsyncWrite + Unpin>(stream: S, phase: Phase, state: &State) -> std::io::Result<Option<S>> {
    let mut stream = BufReader::new(stream);
    if phase != Phase::Continued {
        stream.write_all(b"220 post office\r\n").await?;
    }
    let mut to = String::new();
    while let Some(line) = next_line(&mut stream).await? {
        let (word, rest) = line.split_once([' ', ':']).unwrap_or((line.as_str(), ""));
        let answer = match word.to_ascii_uppercase().as_str() {
            "EHLO" if phase == Phase::Overheard => "250-post office\r\n250-STARTTLS\r\n250 8BITMIME\r\n".to_owned(),
            "STARTTLS" if phase == Phase::Overheard => {
                stream.write_all(b"220 go on\r\n").await?;
                return Ok(Some(stream.into_inner()));
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n").await?;
                return Ok(None);
            }
            _ if phase == Phase::Overheard => {
                state.overheard.lock().expect("not poisoned").push(line.clone());
                "530 not in the clear\r\n".to_owned()
            }
            "EHLO" => "250-post office\r\n250-AUTH PLAIN\r\n250 8BITMIME\r\n".to_owned(),
            "AUTH" => {
                state.signed_in.lock().expect("not poisoned").push(rest.trim_start_matches("PLAIN ").to_owned());
                "235 welcome\r\n".to_owned()
            }
            "RCPT" => {
                to = rest.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                "250 ok\r\n".to_owned()
            }
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                let mut raw = String::new();
                while let Some(line) = next_line(&mut stream).await? {
                    if line == "." {
                        break;
                    }
                    raw.push_str(line.strip_prefix('.').unwrap_or(&line));
                    raw.push('\n');
                }
                let status = state.answer.load(Ordering::SeqCst);
                if status == 250 {
                    let (head, body) = raw.split_once("\n\n").unwrap_or((&raw, ""));
                    let letter = Received { to: to.clone(), head: head.to_owned(), text: plain(body) };
                    state.letters.lock().expect("not poisoned").push(letter);
                } else {
                    state.refused.lock().expect("not poisoned").push(to.clone());
                }
                state.news.notify_waiters();
                // A refusal names the address, as real ones do.
                format!("{status} {to}\r\n")
            }
            _ => "250 ok\r\n".to_owned(),
        };
        stream.write_all(answer.as_bytes()).await?;
    }
    Ok(None)
}

async fn next_line(stream: &mut (impl AsyncBufReadExt + Unpin)) -> std::io::Result<Option<String>> {
    let mut line = String::new();
    let read = stream.read_line(&mut line).await?;
    Ok((read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned()))
}

/// Quoted-printable, read.
fn plain(body: &str) -> String {
    let joined = body.replace("=\n", "");
    let mut bytes = Vec::new();
    let mut rest = joined.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let coded =
            (*first == b'=').then(|| tail.get(..2)).flatten().and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match coded {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).expect("letters are UTF-8")
}
