//! A mail server for tests: speaks SMTP on loopback, keeps what it is given, and refuses when told to.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

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
    news: Notify,
    /// The answer to the next letters; 250 takes them.
    answer: AtomicU16,
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
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("smtp://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(State { answer: AtomicU16::new(250), ..State::default() });
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                // A client that goes away in the middle is its own business.
                tokio::spawn(async move { drop(speak(stream, &state).await) });
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

async fn speak(stream: TcpStream, state: &State) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 post office\r\n").await?;
    let mut to = String::new();
    while let Some(line) = lines.next_line().await? {
        let (word, rest) = line.split_once([' ', ':']).unwrap_or((line.as_str(), ""));
        let answer = match word.to_ascii_uppercase().as_str() {
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
                write.write_all(b"354 go on\r\n").await?;
                let mut raw = String::new();
                while let Some(line) = lines.next_line().await? {
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
            "QUIT" => {
                write.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => "250 ok\r\n".to_owned(),
        };
        write.write_all(answer.as_bytes()).await?;
    }
    Ok(())
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
